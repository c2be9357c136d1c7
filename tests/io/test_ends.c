// SPDX-License-Identifier: MIT
/*
 * Purpose: every call that may wait for ever is ended by a cancellation, by a deadline and by a
 *          close of its descriptor, in the middle of the wait; what it waited for is intact.
 *
 * Method: a table of calls, each in a scene that makes it wait: an empty pipe, a full one, a socket
 * nobody writes to, a queue of connections that is full. A task makes the call; when it waits, it
 * is ended in each of the three ways. Descriptors in both modes.
 */
#include "tests/io/waiting.h"

#include "sched/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum place { EMPTY_PIPE, FULL_PIPE, EMPTY_SOCKET, FULL_SOCKET, LISTENER, CONNECTING, PLACES };
enum { SPARE = 8 };

struct scene {
    int fd;           /* what the call waits on */
    int other;        /* the far end; -1: none */
    int file;         /* /dev/zero's like: something to send */
    int spare[SPARE]; /* connections that fill a queue; -1: none */
    struct sockaddr_in at;
    ssize_t (*call)(struct scene *s);
    bool has_deadline;
};

static char buf[65536];

static ssize_t call_read(struct scene *s)
{
    return rove_read(s->fd, buf, 1);
}

static ssize_t call_read_all(struct scene *s)
{
    return rove_read_all(s->fd, buf, sizeof(buf));
}

static ssize_t call_readv(struct scene *s)
{
    struct iovec v[2] = {{buf, 1}, {buf + 1, 1}};
    return rove_readv(s->fd, v, 2);
}

static ssize_t call_poll_in(struct scene *s)
{
    return rove_poll(s->fd, POLLIN, ROVE_FOREVER);
}

static ssize_t call_poll_in_with_timeout(struct scene *s)
{
    return rove_poll(s->fd, POLLIN, ROVE_SEC(1000));
}

static ssize_t call_poll_out(struct scene *s)
{
    return rove_poll(s->fd, POLLOUT, ROVE_FOREVER);
}

static ssize_t call_splice_in(struct scene *s)
{
    int to[2];
    RV_REQUIRE_EQ(pipe2(to, O_CLOEXEC), 0);
    ssize_t rc = rove_splice(s->fd, NULL, to[1], NULL, 100);
    close(to[0]);
    close(to[1]);
    return rc;
}

static ssize_t call_splice_out(struct scene *s)
{
    int from[2];
    RV_REQUIRE_EQ(pipe2(from, O_CLOEXEC), 0);
    RV_REQUIRE_EQ(write(from[1], "x", 1), 1);
    ssize_t rc = rove_splice(from[0], NULL, s->fd, NULL, 100);
    close(from[0]);
    close(from[1]);
    return rc;
}

static ssize_t call_write(struct scene *s)
{
    return rove_write(s->fd, buf, 1);
}

static ssize_t call_write_all(struct scene *s)
{
    return rove_write_all(s->fd, buf, sizeof(buf));
}

static ssize_t call_writev(struct scene *s)
{
    struct iovec v[2] = {{buf, 1}, {buf + 1, 1}};
    return rove_writev(s->fd, v, 2);
}

static ssize_t call_sendfile(struct scene *s)
{
    off_t at = 0;
    ssize_t rc = rove_sendfile(s->fd, s->file, &at, sizeof(buf));
    RV_EXPECT_EQ(at, 0);
    return rc;
}

static ssize_t call_recv(struct scene *s)
{
    return rove_recv(s->fd, buf, 1, 0);
}

static ssize_t call_recv_all(struct scene *s)
{
    return rove_recv(s->fd, buf, 10, MSG_WAITALL);
}

static ssize_t call_peek(struct scene *s)
{
    return rove_recv(s->fd, buf, 1, MSG_PEEK);
}

static ssize_t call_recvmsg(struct scene *s)
{
    struct iovec v = {buf, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    return rove_recvmsg(s->fd, &m, 0);
}

static ssize_t call_send(struct scene *s)
{
    return rove_send(s->fd, buf, 1, 0);
}

static ssize_t call_sendmsg(struct scene *s)
{
    struct iovec v = {buf, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    return rove_sendmsg(s->fd, &m, 0);
}

static ssize_t call_accept(struct scene *s)
{
    return rove_accept(s->fd, NULL, NULL, SOCK_CLOEXEC);
}

static ssize_t call_connect(struct scene *s)
{
    return rove_connect(s->fd, (struct sockaddr *)&s->at, sizeof(s->at));
}

static const struct {
    enum place place;
    const char *name;
    ssize_t (*call)(struct scene *s);
} calls[] = {
    {EMPTY_PIPE, "read", call_read},
    {EMPTY_PIPE, "read_all", call_read_all},
    {EMPTY_PIPE, "readv", call_readv},
    {EMPTY_PIPE, "poll in", call_poll_in},
    {EMPTY_PIPE, "splice in", call_splice_in},
    {FULL_PIPE, "write", call_write},
    {FULL_PIPE, "write_all", call_write_all},
    {FULL_PIPE, "writev", call_writev},
    {FULL_PIPE, "poll out", call_poll_out},
    {FULL_PIPE, "splice out", call_splice_out},
    {FULL_PIPE, "sendfile to a pipe", call_sendfile},
    {EMPTY_SOCKET, "read of a socket", call_read},
    {EMPTY_SOCKET, "recv", call_recv},
    {EMPTY_SOCKET, "recv all", call_recv_all},
    {EMPTY_SOCKET, "recv peek", call_peek},
    {EMPTY_SOCKET, "recvmsg", call_recvmsg},
    {EMPTY_SOCKET, "poll with timeout", call_poll_in_with_timeout},
    {EMPTY_SOCKET, "splice in of a socket", call_splice_in},
    {FULL_SOCKET, "write to a socket", call_write},
    {FULL_SOCKET, "send", call_send},
    {FULL_SOCKET, "sendmsg", call_sendmsg},
    {FULL_SOCKET, "splice to a socket", call_splice_out},
    {FULL_SOCKET, "sendfile", call_sendfile},
    {LISTENER, "accept", call_accept},
    {LISTENER, "poll of a listener", call_poll_in},
    {CONNECTING, "connect", call_connect},
};

static void set_mode(int fd, bool is_nonblocking)
{
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, is_nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static void fill(int fd)
{
    set_mode(fd, true);
    while (write(fd, buf, sizeof(buf)) > 0 || write(fd, buf, 1) > 0) {
    }
}

static int tcp(int flags)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
}

/* Its queue takes one connection, if it is to be `full`: that one and whatever else fits. */
static int listen_on_loopback(struct scene *s, bool is_full)
{
    socklen_t len = sizeof(s->at);
    int fd = tcp(0);
    s->at = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    RV_REQUIRE_EQ(bind(fd, (struct sockaddr *)&s->at, len), 0);
    RV_REQUIRE_EQ(getsockname(fd, (struct sockaddr *)&s->at, &len), 0);
    RV_REQUIRE_EQ(listen(fd, is_full ? 0 : 8), 0);
    for (int i = 0; is_full && i < SPARE; i++) {
        s->spare[i] = tcp(SOCK_NONBLOCK);
        (void)connect(s->spare[i], (struct sockaddr *)&s->at, len);
    }
    return fd;
}

static void set_up(struct scene *s, enum place place, bool is_nonblocking)
{
    int fds[2] = {-1, -1};
    *s = (struct scene){.other = -1, .file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
    memset(s->spare, -1, sizeof(s->spare));
    switch (place) {
    case EMPTY_PIPE:
    case FULL_PIPE:
        RV_EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
        s->fd = fds[place == FULL_PIPE];
        s->other = fds[place != FULL_PIPE];
        break;
    case EMPTY_SOCKET:
    case FULL_SOCKET:
        RV_EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        s->fd = fds[0];
        s->other = fds[1];
        break;
    case LISTENER:
        s->fd = listen_on_loopback(s, false);
        break;
    case CONNECTING:
        s->fd = tcp(0);
        s->other = listen_on_loopback(s, true);
        break;
    case PLACES:
        break;
    }
    if (place == FULL_PIPE || place == FULL_SOCKET) {
        fill(s->fd);
    }
    set_mode(s->fd, is_nonblocking);
}

static void tear_down(struct scene *s)
{
    for (int i = 0; i < SPARE; i++) {
        if (s->spare[i] >= 0) {
            close(s->spare[i]);
        }
    }
    if (s->other >= 0) {
        RV_EXPECT_EQ(rove_close(s->other), 0);
    }
    close(s->file);
}

static int make_call(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    rove_timeout scope;
    if (s->has_deadline) {
        rove_timeout_enter(&scope, ROVE_MS(2));
    }
    int rc = (int)s->call(s);
    return s->has_deadline ? rove_timeout_exit(&scope, rc) : rc;
}

enum how { CANCEL, DEADLINE, CLOSE, HOWS };

/* Any descriptor, on the number that is free next: not what the call was about. */
static int take_number(int fd)
{
    int again = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (again != fd) {
        close(again);
        again = -1;
    }
    return again;
}

static int end_in(enum how how, struct scene *s)
{
    s->has_deadline = how == DEADLINE;
    rove_task *t = rove_create_task(make_call, s);
    RV_REQUIRE(t != NULL);
    int again = -1;
    if (how != DEADLINE) {
        await_waiters(s->fd, 1);
    }
    if (how == CANCEL) {
        RV_EXPECT(rove_cancel(t));
    } else if (how == CLOSE) {
        RV_EXPECT_EQ(rove_close(s->fd), 0);
        again = take_number(s->fd);
    }
    int rc = rove_join(t, NULL);
    if (how == CLOSE) {
        RV_EXPECT(rc == -EBADF || rc == -ECANCELED);
        if (again >= 0) {
            RV_EXPECT_EQ(close(again), 0);
        }
    } else {
        RV_EXPECT_EQ(rc, how == CANCEL ? -ECANCELED : -ETIMEDOUT);
        RV_EXPECT_EQ(rove_close(s->fd), 0);
    }
    return rc;
}

static int run_table(bool is_nonblocking)
{
    for (size_t i = 0; i < RV_ARRAY_LEN(calls); i++) {
        for (int how = 0; how < HOWS; how++) {
            struct scene s;
            set_up(&s, calls[i].place, is_nonblocking);
            s.call = calls[i].call;
            int rc = end_in((enum how)how, &s);
            tear_down(&s);
            if (!RV_EXPECT(rc < 0)) {
                printf("%s, ended by %d, mode %d: %d\n", calls[i].name, how, is_nonblocking, rc);
            }
        }
    }
    return 0;
}

/* Goal: each call, ended in each way, says so, and no descriptor is left. */
RV_TASK_TEST(test_ends_of_calls_on_blocking_descriptors)
{
    return run_table(false);
}

RV_TASK_TEST(test_ends_of_calls_on_nonblocking_descriptors)
{
    return run_table(true);
}

enum { FILES = 5 };

struct twin {
    int fd, how;
};

static int wait_on_twin(void *arg, RV_UNUSED void **result)
{
    const struct twin *t = arg;
    char bytes[2];
    struct iovec v = {bytes, 1};
    return t->how == 0   ? (int)rove_recv(t->fd, bytes, 1, 0)
           : t->how == 1 ? rove_poll(t->fd, POLLIN, ROVE_FOREVER)
           : t->how == 2 ? (int)rove_readv(t->fd, &v, 1)
                         : (int)rove_read(t->fd, bytes, 1);
}

/* A socket pair, of which s[2] is another number of the first; or a pipe. */
static int make_twins(int how, int s[3])
{
    int rc = how < FILES - 1 ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s)
                             : pipe2(s, O_CLOEXEC);
    s[2] = dup(s[0]);
    if (how == FILES - 2) {
        rc |= fcntl(s[0], F_SETFL, O_NONBLOCK);
    }
    return rc;
}

/* Goal: the close of one number ends the waits on it, and those on another number of the same file
 * go on, with no thread of the pool stuck in a call: they get their byte, or end with their own. */
RV_TASK_TEST(test_ends_close_of_another_number_ends_nothing)
{
    for (int how = 0; how < 2 * FILES; how++) {
        int s[3];
        RV_REQUIRE_EQ(make_twins(how % FILES, s), 0);
        struct twin twins[2] = {{s[0], how % FILES}, {s[2], how % FILES}};
        rove_task *first = rove_create_task(wait_on_twin, &twins[0]);
        rove_task *second = rove_create_task(wait_on_twin, &twins[1]);
        await_waiters(s[0], 1);
        await_waiters(s[2], 1);
        for (int i = 0; i < 20; i++) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        RV_EXPECT_EQ(rove_close(s[0]), 0);
        RV_EXPECT_EQ(rove_join(first, NULL), -EBADF);
        for (int i = 0; i < 20; i++) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        RV_EXPECT(!rove_done(second));
        if (how < FILES) {
            RV_EXPECT_EQ(rove_write(s[1], "x", 1), 1);
            RV_EXPECT_EQ(rove_join(second, NULL), 1); /* POLLIN is 1, too */
            RV_EXPECT_EQ(rove_close(s[2]), 0);
        } else {
            RV_EXPECT_EQ(rove_close(s[2]), 0);
            RV_EXPECT_EQ(rove_join(second, NULL), -EBADF);
        }
        RV_EXPECT_EQ(rv_pool_thread_count(rv_current_worker()->runtime), 0);
        RV_EXPECT_EQ(rove_close(s[1]), 0);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_of_calls_on_blocking_descriptors),
        cmocka_unit_test(test_ends_of_calls_on_nonblocking_descriptors),
        cmocka_unit_test(test_ends_close_of_another_number_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
