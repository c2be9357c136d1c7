// SPDX-License-Identifier: MIT
/*
 * Purpose: io/poll: readiness, deadlines, ends.
 */
#include "tests/io/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_poll_outside_a_task_is_refused(void **state)
{
    (void)state;
    assert_int_equal(rove_poll(0, POLLIN, 0), -EPERM);
}

RV_TASK_TEST(test_poll_bad_descriptors)
{
    RV_EXPECT_EQ(rove_poll(-1, POLLIN, 0), -EBADF);
    RV_EXPECT_EQ(rove_poll(-1, POLLIN, ROVE_FOREVER), -EBADF);
    RV_EXPECT_EQ(rove_poll(100000, POLLIN, 0), -EBADF);
    RV_EXPECT_EQ(rove_poll(100000, POLLIN, ROVE_FOREVER), -EBADF);
    return 0;
}

RV_TASK_TEST(test_poll_tells_what_is_ready)
{
    int fds[2];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLIN, 0), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLIN, ROVE_US(100)), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLOUT, ROVE_FOREVER), POLLOUT);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLIN | POLLOUT, 0), POLLOUT);
    RV_EXPECT_EQ(rove_write(fds[1], "x", 1), 1);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLIN, ROVE_FOREVER), POLLIN);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLIN | POLLOUT, ROVE_SEC(100)), POLLIN | POLLOUT);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLIN, ROVE_FOREVER) & (POLLIN | POLLHUP), POLLIN | POLLHUP);
    RV_EXPECT_EQ(rove_poll(fds[0], 0, ROVE_FOREVER), POLLHUP);
    return rove_close(fds[0]);
}

static int wait_in(void *arg, RV_UNUSED void **result)
{
    return rove_poll((int)(intptr_t)arg, POLLIN, ROVE_FOREVER);
}

/* Goal: readiness that comes later ends all who wait for it, and only them. */
RV_TASK_TEST(test_poll_wakes_all_who_wait)
{
    enum { WAITERS = 12 };
    int fds[2];
    rove_task *tasks[WAITERS];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    for (int i = 0; i < WAITERS; i++) {
        tasks[i] = rove_create_task(wait_in, (void *)(intptr_t)fds[0]);
    }
    rove_task *other = rove_create_task(wait_in, (void *)(intptr_t)fds[1]);
    await_waiters(fds[0], WAITERS);
    await_waiters(fds[1], 1);
    RV_EXPECT_EQ(rove_write(fds[1], "x", 1), 1);
    for (int i = 0; i < WAITERS; i++) {
        RV_EXPECT_EQ(rove_await(tasks[i], NULL), POLLIN);
        rove_release(tasks[i]);
    }
    rove_cancel(other);
    RV_EXPECT_EQ(rove_await(other, NULL), -ECANCELED);
    rove_release(other);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

/* Goal: a reader and a writer of one descriptor wait side by side and are woken each in turn. */
RV_TASK_TEST(test_poll_reader_and_writer_on_one_descriptor)
{
    int fds[2];
    char buf[65536];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    while (write(fds[0], buf, sizeof(buf)) > 0) {
    }
    rove_task *reader = rove_create_task(wait_in, (void *)(intptr_t)fds[0]);
    await_waiters(fds[0], 1);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLOUT, ROVE_US(50)), -ETIMEDOUT);
    while (read(fds[1], buf, sizeof(buf)) > 0) {
    }
    RV_EXPECT_EQ(rove_poll(fds[0], POLLOUT, ROVE_FOREVER), POLLOUT);
    RV_EXPECT_EQ(rove_write(fds[1], "x", 1), 1);
    RV_EXPECT_EQ(rove_await(reader, NULL), POLLIN);
    rove_release(reader);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

static int wait_in_or_urgent(void *arg, RV_UNUSED void **result)
{
    return rove_poll((int)(intptr_t)arg, POLLIN | POLLPRI | POLLRDBAND, ROVE_FOREVER);
}

/* Goal: plain bytes are not told as urgent ones, though a socket wakes for both alike. */
RV_TASK_TEST(test_poll_tells_plain_bytes_from_urgent_ones)
{
    int fds[2];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    rove_task *t = rove_create_task(wait_in_or_urgent, (void *)(intptr_t)fds[0]);
    await_waiters(fds[0], 1);
    RV_EXPECT_EQ(rove_write(fds[1], "x", 1), 1);
    RV_EXPECT_EQ(rove_join(t, NULL), POLLIN);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

/* Goal: a descriptor closed by the plain call, as foreign libraries do, and its number again in
 * use: the next wait is for the new file. */
RV_TASK_TEST(test_poll_number_closed_by_others_is_waited_for_anew)
{
    for (int i = 0; i < 10; i++) {
        int old[2], new[2];
        RV_REQUIRE_EQ(pipe2(old, O_CLOEXEC), 0);
        RV_EXPECT_EQ(rove_poll(old[0], POLLIN, ROVE_US(20)), -ETIMEDOUT);
        close(old[0]);
        close(old[1]);
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, new), 0);
        RV_EXPECT_EQ(new[0], old[0]);
        rove_task *t = rove_create_task(wait_in, (void *)(intptr_t)new[0]);
        await_waiters(new[0], 1);
        RV_EXPECT_EQ(rove_write(new[1], "x", 1), 1);
        RV_EXPECT_EQ(rove_await(t, NULL), POLLIN);
        rove_release(t);
        close(new[0]);
        close(new[1]);
    }
    return 0;
}

/* Goal: deadlines are met, though there are wake-ups in vain (with a rude epoll; else there are
 * none): one that comes together with the deadline does not swallow it. */
static int wait_in_vain(void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < 100; i++) {
        RV_REQUIRE_EQ(rove_poll((int)(intptr_t)arg, POLLIN, ROVE_US(1 + i % 20)), -ETIMEDOUT);
    }
    return 0;
}

RV_TASK_TEST(test_poll_deadlines_beside_wakes_in_vain)
{
    enum { WAITERS = 16 };
    rove_call calls[WAITERS];
    int fds[WAITERS][2];
    for (int i = 0; i < WAITERS; i++) {
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
        calls[i] = (rove_call){wait_in_vain, (void *)(intptr_t)fds[i][0]};
    }
    RV_EXPECT_EQ(rove_gather_calls(WAITERS, calls, NULL), 0);
    for (int i = 0; i < WAITERS; i++) {
        RV_EXPECT_EQ(rove_close(fds[i][0]), 0);
        RV_EXPECT_EQ(rove_close(fds[i][1]), 0);
    }
    return 0;
}

static int wait_for_an_end(void *arg, RV_UNUSED void **result)
{
    return rove_poll((int)(intptr_t)arg, 0, ROVE_FOREVER);
}

/* Goal: who asks for nothing still waits for a hang-up, and for the descriptor's own end. */
RV_TASK_TEST(test_poll_for_no_event_ends_with_the_descriptor)
{
    for (int is_own = 0; is_own < 2; is_own++) {
        int fds[2];
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        rove_task *t = rove_create_task(wait_for_an_end, (void *)(intptr_t)fds[0]);
        await_waiters(fds[0], 1);
        RV_EXPECT_EQ(rove_close(fds[is_own ? 0 : 1]), 0);
        int rc = rove_join(t, NULL);
        RV_EXPECT(is_own ? rc == -EBADF || rc == -ECANCELED : rc == POLLHUP);
        RV_EXPECT_EQ(rove_close(fds[is_own ? 1 : 0]), 0);
    }
    return 0;
}

/* Goal: a number that was a file's, closed by the plain call, is a socket's: not always ready. */
RV_TASK_TEST(test_poll_number_of_a_file_is_looked_up_anew)
{
    char path[] = "/tmp/rove-poll-XXXXXX", byte;
    int file = mkostemp(path, O_CLOEXEC);
    int fds[2];
    RV_REQUIRE(file >= 0 && unlink(path) == 0);
    RV_EXPECT_EQ(rove_pread(file, &byte, 1, 0), 0);
    RV_EXPECT_EQ(rove_poll(file, POLLIN, ROVE_FOREVER), POLLIN);
    close(file);
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    RV_EXPECT_EQ(fds[0], file);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLIN, RV_TEST_SOON), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poll_outside_a_task_is_refused),
        cmocka_unit_test(test_poll_bad_descriptors),
        cmocka_unit_test(test_poll_tells_what_is_ready),
        cmocka_unit_test(test_poll_wakes_all_who_wait),
        cmocka_unit_test(test_poll_reader_and_writer_on_one_descriptor),
        cmocka_unit_test(test_poll_tells_plain_bytes_from_urgent_ones),
        cmocka_unit_test(test_poll_number_closed_by_others_is_waited_for_anew),
        cmocka_unit_test(test_poll_deadlines_beside_wakes_in_vain),
        cmocka_unit_test(test_poll_for_no_event_ends_with_the_descriptor),
        cmocka_unit_test(test_poll_number_of_a_file_is_looked_up_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
