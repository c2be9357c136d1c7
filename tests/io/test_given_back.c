// SPDX-License-Identifier: MIT
/*
 * Purpose: a ring that cannot get a thread for work that may block gives that back as cancelled,
 *          though nobody cancelled it; a task is told what its call did, or why it cannot be done.
 * Method:  a child without privileges may have no more threads at all, as soon as its workers run.
 */
#include "support/child.h"
#include "support/fixture.h"

#include <errno.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, CALLS = 20 };

static int let_thread_wait(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

static int limit_threads(rlim_t n)
{
    struct rlimit limit;
    RV_REQUIRE_EQ(getrlimit(RLIMIT_NPROC, &limit), 0);
    limit.rlim_cur = n < limit.rlim_max ? n : limit.rlim_max;
    return setrlimit(RLIMIT_NPROC, &limit);
}

/* A sync waits for a disk: the kernel wants a thread for it. */
static int sync_often(int fd, int expected)
{
    for (int i = 0; i < CALLS; i++) {
        RV_REQUIRE_EQ(rove_fsync(fd), expected);
        RV_REQUIRE_EQ(rove_fdatasync(fd), expected);
    }
    return 0;
}

static int call_without_threads(void *arg, RV_UNUSED void **result)
{
    bool has_thread = *(const bool *)arg;
    int fd = memfd_create("given back", MFD_CLOEXEC);
    RV_REQUIRE(fd >= 0);
    if (has_thread) {
        RV_REQUIRE_EQ(rove_to_thread(let_thread_wait, NULL, NULL), 0);
    }
    RV_REQUIRE_EQ(limit_threads(1), 0);
    RV_REQUIRE_EQ(sync_often(fd, has_thread ? 0 : -EAGAIN), 0);
    RV_REQUIRE_EQ(limit_threads(RLIM_INFINITY), 0);
    RV_REQUIRE_EQ(sync_often(fd, 0), 0);
    return rove_close(fd);
}

static int run_as_nobody(bool has_thread)
{
    RV_REQUIRE_EQ(geteuid() != 0 ? 0 : setgroups(0, NULL), 0);
    RV_REQUIRE_EQ(geteuid() != 0 ? 0 : setresgid(NOBODY, NOBODY, NOBODY), 0);
    RV_REQUIRE_EQ(geteuid() != 0 ? 0 : setresuid(NOBODY, NOBODY, NOBODY), 0);
    return rove_run_with(&(rove_options){.workers = 2}, call_without_threads, &has_thread, NULL);
}

static int run_with_thread(void)
{
    return run_as_nobody(true) != 0;
}

static int run_without_thread(void)
{
    return run_as_nobody(false) != 0;
}

static void run(int (*body)(void))
{
    struct rv_child child;
    rv_child_run(&child, body);
    if (!WIFEXITED(child.status) || WEXITSTATUS(child.status) != 0) {
        fail_msg("%s", child.text);
    }
}

/* Goal: one of our threads does it. */
static void test_given_back_is_done_by_a_blocking_thread(RV_UNUSED void **state)
{
    run(run_with_thread);
}

/* Goal: if there is none either, the call says so, and the next one works again. */
static void test_given_back_and_no_thread_is_said(RV_UNUSED void **state)
{
    run(run_without_thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given_back_is_done_by_a_blocking_thread),
        cmocka_unit_test(test_given_back_and_no_thread_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
