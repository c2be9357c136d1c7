// SPDX-License-Identifier: MIT
/*
 * Purpose: io/fifo, io/offload: an open of a FIFO waits for the other side, and can be called off.
 */
#include "support/fixture.h"

#include "core/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char fifo_path[64];

static int make_fifo(void)
{
    snprintf(fifo_path, sizeof(fifo_path), "/tmp/rove-fifo-%d", (int)getpid());
    (void)unlink(fifo_path);
    return mkfifo(fifo_path, 0600);
}

struct opening {
    const char *path;
    int flags;
    RV_ATOMIC(uint32_t) is_begun;
};

static int open_it(void *arg, RV_UNUSED void **result)
{
    struct opening *o = arg;
    rv_store_relaxed(&o->is_begun, 1);
    return rove_open(o->path, o->flags, 0);
}

/* Opens a FIFO that nobody else opens, lets it get stuck, and cancels it. */
static int cancel_open(int flags, int turns)
{
    struct opening o = {.path = fifo_path, .flags = flags};
    rove_task *t = rove_create_task(open_it, &o);
    RV_REQUIRE(t != NULL);
    while (rv_load_relaxed(&o.is_begun) == 0) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    for (int i = 0; i < turns; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    return 0;
}

/* Goal: an open that waits for the other side of a FIFO is called off, wherever it is stuck. */
RV_TASK_TEST(test_fifo_open_that_waits_is_called_off)
{
    RV_REQUIRE_EQ(make_fifo(), 0);
    for (int i = 0; i < 20; i++) {
        RV_REQUIRE_EQ(cancel_open(i % 2 != 0 ? O_RDONLY : O_WRONLY, i * i), 0);
    }
    rove_timeout scope;
    rove_timeout_enter(&scope, ROVE_MS(2));
    int rc = rove_open(fifo_path, O_RDONLY, 0);
    RV_EXPECT_EQ(rove_timeout_exit(&scope, rc), -ETIMEDOUT);
    return unlink(fifo_path);
}

/* The first to open waits for the second; a byte goes through, and the end. */
static int meet(int first_flags)
{
    char byte = 0;
    struct opening first = {.path = fifo_path, .flags = first_flags};
    rove_task *t = rove_create_task(open_it, &first);
    RV_REQUIRE(t != NULL);
    while (rv_load_relaxed(&first.is_begun) == 0) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    for (int i = 0; i < 20; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
        RV_EXPECT(!rove_done(t));
    }
    int mine = rove_open(fifo_path, first_flags == O_RDONLY ? O_WRONLY : O_RDONLY, 0);
    int theirs = rove_join(t, NULL);
    RV_REQUIRE(mine >= 0 && theirs >= 0);
    int in = first_flags == O_RDONLY ? theirs : mine;
    int out = first_flags == O_RDONLY ? mine : theirs;
    RV_EXPECT_EQ(fcntl(in, F_GETFL) & O_NONBLOCK, 0);
    RV_EXPECT_EQ(fcntl(in, F_GETFD), FD_CLOEXEC);
    RV_EXPECT_EQ(rove_write(out, "x", 1), 1);
    RV_EXPECT_EQ(rove_read(in, &byte, 1), 1);
    RV_EXPECT_EQ(byte, 'x');
    RV_EXPECT_EQ(rove_close(out), 0);
    RV_EXPECT_EQ(rove_read(in, &byte, 1), 0);
    return rove_close(in);
}

/* Goal: whichever side comes first, it gets its descriptor when the other has come. */
RV_TASK_TEST(test_fifo_sides_wait_for_each_other)
{
    for (int i = 0; i < 10; i++) {
        RV_REQUIRE_EQ(make_fifo(), 0); /* another each time: no side of the last one lingers */
        RV_REQUIRE_EQ(meet(i % 2 != 0 ? O_RDONLY : O_WRONLY), 0);
    }
    return unlink(fifo_path);
}

/* Goal: a writer that has left again before the reader looks has been there all the same. */
RV_TASK_TEST(test_fifo_writer_in_passing_is_noticed)
{
    for (int i = 0; i < 10; i++) {
        RV_REQUIRE_EQ(make_fifo(), 0);
        char byte = 0;
        struct opening first = {.path = fifo_path, .flags = O_RDONLY};
        rove_task *t = rove_create_task(open_it, &first);
        int out;
        while ((out = open(fifo_path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0) {
            RV_REQUIRE_EQ(errno, ENXIO); /* no reader yet */
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        RV_EXPECT_EQ(write(out, "y", 1), 1);
        RV_EXPECT_EQ(close(out), 0);
        int in = rove_join(t, NULL);
        RV_REQUIRE(in >= 0);
        RV_EXPECT_EQ(rove_read(in, &byte, 1), 1);
        RV_EXPECT_EQ(byte, 'y');
        RV_EXPECT_EQ(rove_read(in, &byte, 1), 0);
        RV_EXPECT_EQ(rove_close(in), 0);
    }
    return unlink(fifo_path);
}

/* Goal: who asked not to wait does not; who may read and write has no other side to wait for. */
RV_TASK_TEST(test_fifo_nonblocking_open_does_not_wait)
{
    RV_REQUIRE_EQ(make_fifo(), 0);
    RV_EXPECT_EQ(rove_open(fifo_path, O_WRONLY | O_NONBLOCK, 0), -ENXIO);
    int fd = rove_open(fifo_path, O_RDONLY | O_NONBLOCK, 0);
    RV_EXPECT(fd >= 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    fd = rove_open(fifo_path, O_RDWR, 0);
    RV_EXPECT(fd >= 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    return unlink(fifo_path);
}

static int open_for_ever(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct opening o = {.path = fifo_path, .flags = O_RDONLY};
    return open_it(&o, NULL);
}

/* Goal: a runtime whose main has ended does not wait for what never comes. */
RV_TASK_TEST(test_fifo_open_does_not_hold_up_the_end)
{
    RV_REQUIRE_EQ(make_fifo(), 0);
    rove_task *t = rove_create_task(open_for_ever, NULL);
    RV_REQUIRE(t != NULL);
    for (int i = 0; i < 20; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    rove_release(t);
    return unlink(fifo_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fifo_open_that_waits_is_called_off),
        cmocka_unit_test(test_fifo_sides_wait_for_each_other),
        cmocka_unit_test(test_fifo_writer_in_passing_is_noticed),
        cmocka_unit_test(test_fifo_nonblocking_open_does_not_wait),
        cmocka_unit_test(test_fifo_open_does_not_hold_up_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
