// SPDX-License-Identifier: MIT
/*
 * Purpose: hazards of docs/hazards.md at the kernel's interface. test_hNN_.. is the test of hazard
 *          NN.
 */
#include "support/child.h"
#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCKED = 100 }; /* more than the helper threads a ring may have */

static char path[64];

static int open_as_somebody_else(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int fd = rove_open(path, O_RDONLY | O_CLOEXEC, 0);
    RV_REQUIRE(fd >= 0);
    (void)rove_close(fd);
    RV_REQUIRE_EQ(setresgid(65534, 65534, 65534), 0);
    RV_REQUIRE_EQ(setresuid(65534, 65534, 65534), 0);
    fd = rove_open(path, O_RDONLY | O_CLOEXEC, 0);
    RV_EXPECT_EQ(fd, -EACCES);
    return fd == -EACCES ? 0 : RV_TEST_FAILED;
}

static int run_open(void)
{
    return rove_run_with(&(rove_options){.workers = 2}, open_as_somebody_else, NULL, NULL) != 0;
}

/* Goal: a ring that was made with privileges does not keep them. Method: a child opens a file that
 * only root may read, before and after it becomes somebody else. */
static void test_h22_dropped_privileges_are_dropped(RV_UNUSED void **state)
{
    struct rv_child child;
    if (geteuid() != 0) {
        skip(); /* there is nothing to drop */
    }
    snprintf(path, sizeof path, "/tmp/rove-h22-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0600), 0);
    close(fd);
    rv_child_run(&child, run_open);
    unlink(path);
    if (!WIFEXITED(child.status) || WEXITSTATUS(child.status) != 0) {
        fail_msg("%s", child.text);
    }
}

static int open_fifo(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int fd = rove_open(path, O_RDONLY | O_CLOEXEC, 0); /* blocks: nobody writes yet */
    RV_REQUIRE(fd >= 0);
    return rove_close(fd);
}

/* Bytes through a pipe, and a file: what must go on while many opens block. */
static int keep_working(void)
{
    char byte = 0;
    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < 20; i++) {
        RV_REQUIRE_EQ(rove_write(fds[1], "x", 1), 1);
        RV_REQUIRE_EQ(rove_read(fds[0], &byte, 1), 1);
    }
    (void)rove_close(fds[0]);
    (void)rove_close(fds[1]);
    return rove_sleep(ROVE_US(100));
}

static int block_many(void)
{
    static rove_task *tasks[BLOCKED];
    for (int i = 0; i < BLOCKED; i++) {
        tasks[i] = rove_create_task(open_fifo, NULL);
        RV_REQUIRE(tasks[i] != NULL);
    }
    int rc = keep_working();
    int both = open(path, O_RDWR | O_CLOEXEC); /* does not block, and lets all of them through */
    RV_REQUIRE(both >= 0);
    for (int i = 0; i < BLOCKED; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    close(both);
    return rc;
}

/* Goal: operations that block for ever in the kernel's helper threads hold up nothing else, and
 * more of them than there are helpers all end in time. */
RV_TASK_TEST(test_h23_blocked_operations_hold_up_no_others)
{
    snprintf(path, sizeof path, "/tmp/rove-h23-%d", (int)getpid());
    (void)unlink(path);
    RV_REQUIRE_EQ(mkfifo(path, 0600), 0);
    int rc = block_many();
    (void)unlink(path);
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h22_dropped_privileges_are_dropped),
        cmocka_unit_test(test_h23_blocked_operations_hold_up_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
