// SPDX-License-Identifier: MIT
/*
 * Purpose: io/attempt.h: no attempt blocks, whatever mode a descriptor is in; results are the
 *          kernel's; the mode of others is given back.
 * Idea:    every descriptor here is in blocking mode: a test that hangs has failed.
 */
#include "io/attempt.h"

#include "io/fdtab.h"
#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char buffer[256 * 1024];

static ssize_t attempt(enum rv_op_kind kind, int fd, void *addr, size_t len)
{
    struct rv_fd_slot slot = {0};
    struct rv_op op = {
        .kind = kind, .fd = fd, .addr = addr, .len = len, .offset = -1, .slot = &slot};
    return rv_attempt(&op);
}

static bool is_nonblocking(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

static void check_stream(int in, int out, enum rv_op_kind read, enum rv_op_kind write)
{
    size_t sent = 0;
    ssize_t n;
    assert_int_equal(attempt(read, in, buffer, 10), -EAGAIN);
    while ((n = attempt(write, out, buffer, sizeof buffer)) > 0)
        sent += (size_t)n;
    assert_int_equal(n, -EAGAIN);
    assert_true(sent > 0);
    while (sent > 0 && (n = attempt(read, in, buffer, 3000)) > 0)
        sent -= (size_t)n;
    assert_int_equal(sent, 0);
    assert_int_equal(attempt(read, in, buffer, 10), -EAGAIN);
    assert_false(is_nonblocking(in) || is_nonblocking(out));
    assert_int_equal(close(out), 0);
    assert_int_equal(attempt(read, in, buffer, 10), 0); /* the end */
    assert_int_equal(close(in), 0);
    assert_int_equal(attempt(read, in, buffer, 10), -EBADF);
}

/* Goal: pipes and sockets in blocking mode, empty and full, both ways of reading. */
static void test_attempt_empty_and_full_streams_do_not_block(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    check_stream(fds[0], fds[1], RV_OP_READ, RV_OP_WRITE);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    check_stream(fds[0], fds[1], RV_OP_READ, RV_OP_WRITE);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    check_stream(fds[0], fds[1], RV_OP_RECV, RV_OP_SEND);
}

/* Goal: vectors and messages carry the same bytes, and do not block either. */
static void test_attempt_vectors_and_messages(void **state)
{
    int fds[2];
    char first[3] = "";
    char second[8] = "";
    struct iovec out[] = {{.iov_base = (char[]){"abc"}, .iov_len = 3},
                          {.iov_base = (char[]){"defgh"}, .iov_len = 5}};
    struct iovec in[] = {{.iov_base = first, .iov_len = 2}, {.iov_base = second, .iov_len = 8}};
    struct msghdr sent = {.msg_iov = out, .msg_iovlen = 2};
    struct msghdr got = {.msg_iov = in, .msg_iovlen = 2};
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(attempt(RV_OP_READV, fds[0], in, 2), -EAGAIN);
    assert_int_equal(attempt(RV_OP_RECVMSG, fds[0], &got, 0), -EAGAIN);
    for (int i = 0; i < 2; i++) {
        memset(first, 0, sizeof first);
        memset(second, 0, sizeof second);
        assert_int_equal(i == 0 ? attempt(RV_OP_WRITEV, fds[1], out, 2)
                                : attempt(RV_OP_SENDMSG, fds[1], &sent, 0),
                         8);
        assert_int_equal(i == 0 ? attempt(RV_OP_READV, fds[0], in, 2)
                                : attempt(RV_OP_RECVMSG, fds[0], &got, 0),
                         8);
        assert_memory_equal(first, "ab", 2);
        assert_string_equal(second, "cdefgh");
    }
    close(fds[0]);
    close(fds[1]);
}

/* Goal: a terminal does not know RWF_NOWAIT: it takes and gives what it has room for, and its mode
 * is given back. Method: filled until it is full, drained a little, filled again, many times: each
 * time less room is left than the write would like. */
static void test_attempt_terminal_does_not_block(void **state)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    (void)state;
    if (master < 0)
        skip();
    assert_int_equal(grantpt(master) + unlockpt(master), 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    assert_int_equal(attempt(RV_OP_READ, slave, buffer, 10), -EAGAIN);
    assert_int_equal(attempt(RV_OP_WRITE, master, (char[]){"hello\n"}, 6), 6);
    struct pollfd p = {.fd = slave, .events = POLLIN};
    assert_int_equal(poll(&p, 1, -1), 1);
    assert_int_equal(attempt(RV_OP_READ, slave, buffer, 100), 6);
    assert_memory_equal(buffer, "hello\n", 6);
    memset(buffer, 'x', sizeof buffer);
    for (int round = 0; round < 20; round++) {
        struct iovec v[] = {{.iov_base = buffer, .iov_len = 0},
                            {.iov_base = buffer, .iov_len = sizeof buffer}};
        ssize_t n;
        while ((n = attempt(RV_OP_WRITEV, slave, v, 2)) > 0)
            assert_true((size_t)n <= sizeof buffer);
        assert_int_equal(n, -EAGAIN);
        n = attempt(RV_OP_READ, master, buffer, 100 + (size_t)round * 50);
        assert_true(n > 0 || n == -EAGAIN); /* the kernel moves it over in its own time */
    }
    assert_false(is_nonblocking(slave) || is_nonblocking(master));
    close(slave);
    close(master);
}

/* Goal: what only a disk delays is for a blocking thread, which gives the kernel's result. */
static void test_attempt_files_are_offloaded(void **state)
{
    static const enum rv_op_kind offloaded[] = {RV_OP_SPLICE, RV_OP_FSYNC, RV_OP_FDATASYNC,
                                                RV_OP_OPEN,   RV_OP_STATX, RV_OP_UNLINK,
                                                RV_OP_RENAME, RV_OP_MKDIR};
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(offloaded); i++)
        assert_true(attempt(offloaded[i], -1, NULL, 0) == RV_ATTEMPT_OFFLOAD);
    FILE *file = tmpfile();
    assert_non_null(file);
    int fd = fileno(file);
    struct rv_op op = {.kind = RV_OP_WRITE, .fd = fd, .addr = buffer, .len = 5000, .offset = 100};
    ssize_t n = rv_attempt(&op);
    assert_true(n == 5000 || n == RV_ATTEMPT_OFFLOAD);
    assert_int_equal(rv_attempt_blocking(&op), 5000);
    op.kind = RV_OP_READ;
    op.offset = 5000;
    n = rv_attempt(&op);
    assert_true(n == 100 || n == RV_ATTEMPT_OFFLOAD);
    assert_int_equal(rv_attempt_blocking(&op), 100);
    op.kind = RV_OP_FSYNC;
    assert_int_equal(rv_attempt_blocking(&op), 0);
    op.kind = RV_OP_FDATASYNC;
    assert_int_equal(rv_attempt_blocking(&op), 0);
    (void)fclose(file);
    assert_int_equal(rv_attempt_blocking(&op), -EBADF);
}

/* Goal: paths: each call has its effect, and its error. */
static void test_attempt_blocking_paths(void **state)
{
    char dir[] = "/tmp/rove-attempt-XXXXXX";
    struct statx st;
    (void)state;
    assert_non_null(mkdtemp(dir));
    int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct rv_op op = {.kind = RV_OP_MKDIR, .fd = at, .addr = (char[]){"sub"}, .mode = 0700};
    assert_int_equal(rv_attempt_blocking(&op), 0);
    assert_int_equal(rv_attempt_blocking(&op), -EEXIST);
    op.kind = RV_OP_RENAME;
    op.extra = (char[]){"other"};
    assert_int_equal(rv_attempt_blocking(&op), 0);
    assert_int_equal(rv_attempt_blocking(&op), -ENOENT);
    op = (struct rv_op){.kind = RV_OP_OPEN, .fd = at, .addr = (char[]){"other/file"},
                        .flags = O_CREAT | O_WRONLY | O_CLOEXEC, .mode = 0600};
    ssize_t fd = rv_attempt_blocking(&op);
    assert_true(fd >= 0);
    assert_int_equal(write((int)fd, "12345", 5), 5);
    close((int)fd);
    op.kind = RV_OP_STATX;
    op.flags = 0;
    op.mode = STATX_SIZE;
    op.extra = &st;
    assert_int_equal(rv_attempt_blocking(&op), 0);
    assert_int_equal(st.stx_size, 5);
    op.kind = RV_OP_UNLINK;
    assert_int_equal(rv_attempt_blocking(&op), 0);
    op = (struct rv_op){.kind = RV_OP_UNLINK, .fd = at, .addr = (char[]){"other"},
                        .flags = AT_REMOVEDIR};
    assert_int_equal(rv_attempt_blocking(&op), 0);
    close(at);
    assert_int_equal(rmdir(dir), 0);
}

/* Goal: kinds with readiness are never given to a blocking thread. */
static void test_attempt_blocking_refuses_who_can_wait(void **state)
{
    static const enum rv_op_kind kinds[] = {RV_OP_RECV,   RV_OP_SEND, RV_OP_RECVMSG, RV_OP_SENDMSG,
                                            RV_OP_ACCEPT, RV_OP_POLL};
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(kinds); i++) {
        struct rv_op op = {.kind = kinds[i], .fd = 0};
        assert_int_equal(rv_attempt_blocking(&op), -EINVAL);
    }
}

/* Goal: a poll tells what is there, nothing as -EAGAIN, and a dead number as such. */
static void test_attempt_poll_looks(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct rv_op op = {.kind = RV_OP_POLL, .fd = fds[0], .flags = POLLIN};
    assert_int_equal(rv_attempt(&op), -EAGAIN);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(rv_attempt(&op), POLLIN);
    close(fds[1]);
    assert_int_equal(rv_attempt(&op), POLLIN | POLLHUP);
    close(fds[0]);
    assert_int_equal(rv_attempt(&op), -EBADF);
}

static int listen_on_loopback(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

/* The connect's attempts until it is over; readiness is waited for as the back-end does. */
static ssize_t connect_to(int fd, struct rv_fd_slot *slot, void *address, size_t len)
{
    struct rv_op op = {.kind = RV_OP_CONNECT, .fd = fd, .addr = address, .len = len, .slot = slot};
    ssize_t rc;
    while ((rc = rv_attempt(&op)) == -EAGAIN) {
        struct pollfd p = {.fd = fd, .events = (short)rv_op_events(&op)};
        assert_int_equal(poll(&p, 1, -1), 1);
    }
    return rc;
}

/* Goal: accept and connect on sockets in blocking mode; a connector's mode is given back. */
static void test_attempt_accept_and_connect(void **state)
{
    struct sockaddr_in address;
    struct rv_fd_slot slot = {0};
    int listener = listen_on_loopback(&address);
    (void)state;
    struct rv_op op = {.kind = RV_OP_ACCEPT, .fd = listener, .flags = SOCK_CLOEXEC};
    assert_int_equal(rv_attempt(&op), -EAGAIN);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect_to(fd, &slot, &address, sizeof address), 0);
    assert_false(is_nonblocking(fd));
    struct pollfd p = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&p, 1, -1), 1);
    ssize_t accepted = rv_attempt(&op);
    assert_true(accepted >= 0);
    assert_int_equal(fcntl((int)accepted, F_GETFD), FD_CLOEXEC);
    close((int)accepted);
    close(fd);
    close(listener);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect_to(fd, &slot, &address, sizeof address), -ECONNREFUSED);
    close(fd);
    assert_int_equal(connect_to(fd, &slot, &address, sizeof address), -EBADF);
}

/* Goal: no readiness tells when a full queue of a UNIX listener has room: try again later. */
static void test_attempt_full_unix_listener_is_for_later(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct rv_fd_slot slot = {0};
    int fds[8];
    int n = 0;
    ssize_t rc = 0;
    (void)state;
    (void)snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "rove-attempt-%d", getpid());
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 0), 0);
    for (; n < 8 && rc == 0; n++) {
        fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct rv_op op = {.kind = RV_OP_CONNECT, .fd = fds[n], .addr = &address,
                           .len = sizeof address, .slot = &slot};
        rc = rv_attempt(&op);
        assert_false(is_nonblocking(fds[n]));
    }
    assert_true(rc == RV_ATTEMPT_LATER);
    while (n > 0)
        close(fds[--n]);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attempt_empty_and_full_streams_do_not_block),
        cmocka_unit_test(test_attempt_vectors_and_messages),
        cmocka_unit_test(test_attempt_terminal_does_not_block),
        cmocka_unit_test(test_attempt_files_are_offloaded),
        cmocka_unit_test(test_attempt_blocking_paths),
        cmocka_unit_test(test_attempt_blocking_refuses_who_can_wait),
        cmocka_unit_test(test_attempt_poll_looks),
        cmocka_unit_test(test_attempt_accept_and_connect),
        cmocka_unit_test(test_attempt_full_unix_listener_is_for_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
