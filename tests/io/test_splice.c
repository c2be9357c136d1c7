// SPDX-License-Identifier: MIT
/*
 * Purpose: io/splice: bytes between files, pipes and sockets, exact, cancelled, at the end.
 */
#include "tests/io/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BYTES = 250000 };

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 13 + i / 255);
}

/* A file in memory with BYTES of the pattern. */
static int make_file(void)
{
    static unsigned char out[BYTES];
    for (size_t i = 0; i < BYTES; i++) {
        out[i] = pattern(i);
    }
    int fd = memfd_create("rove", MFD_CLOEXEC);
    RV_EXPECT_EQ(rove_write_all(fd, out, BYTES), BYTES);
    return fd;
}

static void test_splice_outside_a_task_is_refused(void **state)
{
    (void)state;
    assert_int_equal(rove_splice(0, NULL, 1, NULL, 1), -EPERM);
    assert_int_equal(rove_sendfile(1, 0, NULL, 1), -EPERM);
}

RV_TASK_TEST(test_splice_bad_arguments_are_refused)
{
    int fds[2];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    RV_EXPECT_EQ(rove_splice(-1, NULL, fds[0], NULL, 1), -EBADF);
    RV_EXPECT_EQ(rove_splice(fds[0], NULL, 100000, NULL, 1), -EBADF);
    RV_EXPECT_EQ(rove_splice(fds[0], NULL, fds[1], NULL, 1), -EINVAL);
    RV_EXPECT_EQ(rove_sendfile(fds[0], -1, NULL, 1), -EBADF);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

/* Reads to the end and counts what agrees with the pattern from `at` on. */
static int check_rest(int fd, size_t at, size_t expected)
{
    unsigned char buf[3000];
    ssize_t n;
    size_t total = 0;
    while ((n = rove_read(fd, buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < n; i++, total++) {
            RV_REQUIRE_EQ(buf[i], pattern(at + total));
        }
    }
    RV_EXPECT_EQ(n, 0);
    RV_EXPECT_EQ(total, expected);
    return 0;
}

struct job {
    int in, out;
    off_t at;
    size_t n;
};

static int send_all(void *arg, RV_UNUSED void **result)
{
    struct job *job = arg;
    ssize_t n = rove_sendfile(job->out, job->in, job->at < 0 ? NULL : &job->at, job->n);
    RV_EXPECT_EQ(rove_shutdown(job->out, SHUT_WR), 0);
    return (int)n;
}

/* Goal: part of a file arrives byte by byte, and the right position has moved by it. */
static int send_part(off_t at, size_t n, size_t expected)
{
    int fds[2];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct job job = {.in = make_file(), .out = fds[1], .at = at, .n = n};
    lseek(job.in, 100, SEEK_SET);
    rove_task *t = rove_create_task(send_all, &job);
    RV_EXPECT_EQ(check_rest(fds[0], at < 0 ? 100 : (size_t)at, expected), 0);
    RV_EXPECT_EQ(rove_await(t, NULL), expected);
    rove_release(t);
    RV_EXPECT_EQ(lseek(job.in, 0, SEEK_CUR), at < 0 ? 100 + (off_t)expected : 100);
    RV_EXPECT_EQ(job.at, at < 0 ? at : at + (off_t)expected);
    RV_EXPECT_EQ(rove_close(job.in), 0);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

RV_TASK_TEST(test_splice_sendfile_is_exact)
{
    RV_EXPECT_EQ(send_part(-1, 5000, 5000), 0);
    RV_EXPECT_EQ(send_part(0, BYTES, BYTES), 0);
    RV_EXPECT_EQ(send_part(777, BYTES, BYTES - 777), 0);
    RV_EXPECT_EQ(send_part(BYTES, 10, 0), 0);
    RV_EXPECT_EQ(send_part(5, 0, 0), 0);
    return 0;
}

static int feed(void *arg, RV_UNUSED void **result)
{
    const struct job *job = arg;
    unsigned char buf[1000];
    for (size_t at = 0; at < BYTES; at += sizeof(buf)) {
        for (size_t i = 0; i < sizeof(buf); i++) {
            buf[i] = pattern(at + i);
        }
        RV_REQUIRE_EQ(rove_write_all(job->out, buf, sizeof(buf)), sizeof(buf));
    }
    return rove_close(job->out);
}

static int pump(void *arg, RV_UNUSED void **result)
{
    const struct job *job = arg;
    ssize_t n;
    while ((n = rove_splice(job->in, NULL, job->out, NULL, 100000)) > 0) {
    }
    RV_EXPECT_EQ(n, 0);
    return rove_close(job->out);
}

/* Goal: a chain of waits: writer -> socket -> pipe -> socket -> reader, all with full and empty
 * buffers in between, on as few workers as one. */
RV_TASK_TEST(test_splice_chain_through_pipe_and_sockets)
{
    int a[2], p[2], b[2];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a), 0);
    RV_REQUIRE_EQ(pipe2(p, O_CLOEXEC), 0);
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b), 0);
    struct job jobs[3] = {{.out = a[1]}, {.in = a[0], .out = p[1]}, {.in = p[0], .out = b[1]}};
    rove_task *tasks[3] = {rove_create_task(feed, &jobs[0]), rove_create_task(pump, &jobs[1]),
                           rove_create_task(pump, &jobs[2])};
    RV_EXPECT_EQ(check_rest(b[0], 0, BYTES), 0);
    for (int i = 0; i < 3; i++) {
        RV_EXPECT_EQ(rove_await(tasks[i], NULL), 0);
        rove_release(tasks[i]);
    }
    RV_EXPECT_EQ(rove_close(a[0]), 0);
    RV_EXPECT_EQ(rove_close(p[0]), 0);
    return rove_close(b[0]);
}

/* Goal: pipe to file and file to pipe keep to the positions they were given. */
RV_TASK_TEST(test_splice_file_positions)
{
    int p[2];
    unsigned char buf[100];
    int fd = make_file();
    off_t at = 1000;
    RV_REQUIRE_EQ(pipe2(p, O_CLOEXEC), 0);
    RV_EXPECT_EQ(rove_splice(fd, &at, p[1], NULL, 100), 100);
    RV_EXPECT_EQ(at, 1100);
    RV_EXPECT_EQ(rove_read_all(p[0], buf, 100), 100);
    RV_EXPECT_EQ(buf[0], pattern(1000));
    RV_EXPECT_EQ(buf[99], pattern(1099));
    RV_EXPECT_EQ(rove_write(p[1], "hello", 5), 5);
    at = 10;
    RV_EXPECT_EQ(rove_splice(p[0], NULL, fd, &at, 100), 5);
    RV_EXPECT_EQ(at, 15);
    RV_EXPECT_EQ(rove_pread(fd, buf, 7, 9), 7);
    RV_EXPECT_EQ(buf[0], pattern(9));
    RV_EXPECT(memcmp(buf + 1, "hello", 5) == 0);
    RV_EXPECT_EQ(buf[6], pattern(15));
    RV_EXPECT_EQ(rove_close(p[0]), 0);
    RV_EXPECT_EQ(rove_close(p[1]), 0);
    return rove_close(fd);
}

/* Goal: what can never be is said at once, as splice(2) does, not waited for. */
RV_TASK_TEST(test_splice_wrong_ends_are_refused_at_once)
{
    int p[2], q[2], s[2];
    off_t at = 4;
    int fd = make_file();
    RV_REQUIRE_EQ(pipe2(p, O_CLOEXEC), 0);
    RV_REQUIRE_EQ(pipe2(q, O_CLOEXEC), 0);
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    RV_EXPECT_EQ(rove_splice(p[1], NULL, q[1], NULL, 6), -EBADF);
    RV_EXPECT_EQ(rove_splice(p[0], NULL, q[0], NULL, 6), -EBADF);
    RV_EXPECT_EQ(rove_splice(p[0], NULL, p[1], NULL, 6), -EINVAL);
    RV_EXPECT_EQ(rove_splice(p[0], &at, q[1], NULL, 6), -ESPIPE);
    RV_EXPECT_EQ(rove_splice(s[0], &at, q[1], NULL, 6), -EINVAL);
    RV_EXPECT_EQ(rove_splice(p[1], NULL, fd, NULL, 6), -EBADF);
    RV_EXPECT_EQ(rove_splice(p[0], &at, fd, NULL, 6), -ESPIPE);
    RV_EXPECT_EQ(rove_splice(fd, NULL, q[0], NULL, 6), -EBADF);
    RV_EXPECT_EQ(rove_splice(fd, NULL, q[1], &at, 6), -ESPIPE);
    RV_EXPECT_EQ(rove_sendfile(q[0], fd, &at, 6), -EBADF);
    RV_EXPECT_EQ(at, 4);
    for (int i = 0; i < 2; i++) {
        RV_EXPECT_EQ(rove_close(p[i]), 0);
        RV_EXPECT_EQ(rove_close(q[i]), 0);
        RV_EXPECT_EQ(rove_close(s[i]), 0);
    }
    return rove_close(fd);
}

static int pump_once(void *arg, RV_UNUSED void **result)
{
    const struct job *job = arg;
    return (int)rove_splice(job->in, NULL, job->out, NULL, 100);
}

RV_TASK_TEST(test_splice_cancelled_wait_moves_nothing)
{
    int p[2], q[2];
    char b;
    RV_REQUIRE_EQ(pipe2(p, O_CLOEXEC), 0);
    RV_REQUIRE_EQ(pipe2(q, O_CLOEXEC), 0);
    struct job job = {.in = p[0], .out = q[1]};
    rove_task *t = rove_create_task(pump_once, &job);
    await_waiters(p[0], 1);
    rove_cancel(t);
    RV_EXPECT_EQ(rove_await(t, NULL), -ECANCELED);
    rove_release(t);
    RV_EXPECT_EQ(rove_write(p[1], "x", 1), 1);
    RV_EXPECT_EQ(rove_read(p[0], &b, 1), 1);
    RV_EXPECT_EQ(rove_close(p[0]), 0);
    RV_EXPECT_EQ(rove_close(p[1]), 0);
    RV_EXPECT_EQ(rove_close(q[0]), 0);
    return rove_close(q[1]);
}

/* Goal: a receiver that hangs up ends the transfer with its count, without a signal; the position
 * tells what was sent, not what was read ahead. */
RV_TASK_TEST(test_splice_sendfile_to_a_hung_up_peer)
{
    int fds[2];
    off_t at = 0;
    int fd = make_file();
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_sendfile(fds[1], fd, &at, BYTES), -EPIPE);
    RV_EXPECT_EQ(at, 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    return rove_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splice_outside_a_task_is_refused),
        cmocka_unit_test(test_splice_bad_arguments_are_refused),
        cmocka_unit_test(test_splice_sendfile_is_exact),
        cmocka_unit_test(test_splice_chain_through_pipe_and_sockets),
        cmocka_unit_test(test_splice_file_positions),
        cmocka_unit_test(test_splice_wrong_ends_are_refused_at_once),
        cmocka_unit_test(test_splice_cancelled_wait_moves_nothing),
        cmocka_unit_test(test_splice_sendfile_to_a_hung_up_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
