// SPDX-License-Identifier: MIT
/*
 * Purpose: io/receive: MSG_WAITALL of messages. Plain receives are in test_socket and test_calls.
 */
#include "tests/io/waiting.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DRIBBLE = 30 };

/* Thirty bytes, one by one; a descriptor with the number `with`. */
struct dribble {
    int fd, with;
};

static int send_dribble(void *arg, RV_UNUSED void **result)
{
    const struct dribble *d = arg;
    for (int i = 0; i < DRIBBLE; i++) {
        char byte = (char)i;
        char control[CMSG_SPACE(sizeof(int))] = {0};
        struct iovec v = {&byte, 1};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
        if (i == d->with) {
            m.msg_control = control;
            m.msg_controllen = sizeof(control);
            struct cmsghdr *c = CMSG_FIRSTHDR(&m);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof(int));
            memcpy(CMSG_DATA(c), &d->fd, sizeof(int));
        }
        RV_REQUIRE_EQ(rove_sendmsg(d->fd, &m, 0), 1);
        for (int turns = i % 3; turns > 0; turns--) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
    }
    return 0;
}

/* Receives into buffers of 0, 1, 2 .. 9 bytes; the descriptor that came along, or -1. */
static ssize_t receive_dribble(int fd, char bytes[45], int *came)
{
    struct iovec v[10];
    char control[CMSG_SPACE(2 * sizeof(int))];
    struct msghdr m = {.msg_iov = v,
                       .msg_iovlen = RV_ARRAY_LEN(v),
                       .msg_control = control,
                       .msg_controllen = sizeof(control)};
    char *next = bytes;
    for (size_t i = 0; i < RV_ARRAY_LEN(v); i++) {
        v[i] = (struct iovec){next, i};
        next += i;
    }
    ssize_t n = rove_recvmsg(fd, &m, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    *came = -1;
    if (c != NULL && c->cmsg_type == SCM_RIGHTS) {
        memcpy(came, CMSG_DATA(c), sizeof(int));
    }
    return n;
}

static bool is_dribble(const char *bytes, ssize_t n, int first)
{
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != (char)(first + i)) {
            return false;
        }
    }
    return true;
}

/* Goal: recvmsg with MSG_WAITALL waits until the buffers are full; the end, or a descriptor that
 * comes with some byte, ends it before, and neither that nor a byte is lost. */
RV_TASK_TEST(test_receive_message_waits_for_all)
{
    for (int with = -1; with < DRIBBLE; with += 7) {
        int fds[2], came;
        char bytes[45];
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        struct dribble d = {fds[1], with};
        rove_task *twice[2] = {rove_create_task(send_dribble, &d), NULL};
        if (with >= 0) {
            RV_EXPECT_EQ(receive_dribble(fds[0], bytes, &came), with + 1);
            RV_EXPECT(is_dribble(bytes, with + 1, 0));
            RV_EXPECT(came >= 0 && rove_close(came) == 0);
        }
        RV_EXPECT_EQ(rove_join(twice[0], NULL), 0);
        d.with = -1;
        twice[1] = rove_create_task(send_dribble, &d);
        ssize_t left = 2 * DRIBBLE - (with + 1);
        ssize_t full = left < 45 ? left : 45;
        if (full == left) {
            RV_EXPECT_EQ(rove_join(twice[1], NULL), 0);
            RV_EXPECT_EQ(rove_shutdown(fds[1], SHUT_WR), 0);
        }
        RV_EXPECT_EQ(receive_dribble(fds[0], bytes, &came), full);
        ssize_t before = DRIBBLE - (with + 1);
        RV_EXPECT(is_dribble(bytes, before, with + 1));
        RV_EXPECT(is_dribble(bytes + before, full - before, 0));
        RV_EXPECT_EQ(came, -1);
        if (full < left) {
            RV_EXPECT_EQ(rove_join(twice[1], NULL), 0);
        }
        RV_EXPECT_EQ(rove_close(fds[0]), 0);
        RV_EXPECT_EQ(rove_close(fds[1]), 0);
    }
    return 0;
}

struct receiver {
    int fd;
    ssize_t got;
};

static int receive_one(void *arg, RV_UNUSED void **result)
{
    struct receiver *r = arg;
    char bytes[45];
    int came;
    r->got = receive_dribble(r->fd, bytes, &came);
    return rove_yield(); /* the request was kept for this */
}

/* Goal: cancelled in the middle it gives what has come, and the request is kept for the next call;
 * messages that are not a stream's are not joined; MSG_DONTWAIT never waits. */
RV_TASK_TEST(test_receive_message_gives_what_it_has)
{
    int fds[2], came;
    char bytes[45];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct receiver r = {.fd = fds[0]};
    rove_task *t = rove_create_task(receive_one, &r);
    RV_EXPECT_EQ(rove_send(fds[1], "123", 3, 0), 3);
    while (recv(fds[0], bytes, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(r.got, 3);
    struct iovec v = {bytes, 10};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    RV_EXPECT_EQ(rove_send(fds[1], "456", 3, 0), 3);
    RV_EXPECT_EQ(rove_recvmsg(fds[0], &m, MSG_WAITALL | MSG_DONTWAIT), 3);
    RV_EXPECT_EQ(rove_recvmsg(fds[0], &m, MSG_WAITALL | MSG_DONTWAIT), -EAGAIN);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    RV_EXPECT_EQ(rove_send(fds[1], "123", 3, 0), 3);
    RV_EXPECT_EQ(rove_send(fds[1], "45", 2, 0), 2);
    RV_EXPECT_EQ(receive_dribble(fds[0], bytes, &came), 3);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

/* Goal: what is looked at only, or cut off, is what is there, once. */
RV_TASK_TEST(test_receive_all_of_a_peek_or_a_record)
{
    int s[2];
    char b[10] = {0};
    struct iovec v = {b, sizeof(b)};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    RV_EXPECT_EQ(rove_send(s[0], "hello", 5, 0), 5);
    RV_EXPECT_EQ(rove_recv(s[1], b, sizeof(b), MSG_PEEK | MSG_WAITALL), 5);
    RV_EXPECT_EQ(rove_recvmsg(s[1], &m, MSG_PEEK | MSG_WAITALL), 5);
    RV_EXPECT_EQ(rove_close(s[0]) | rove_close(s[1]), 0);
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
    RV_EXPECT_EQ(rove_send(s[0], "abc", 3, 0) + rove_send(s[0], "defg", 4, 0), 7);
    RV_EXPECT_EQ(rove_recv(s[1], b, sizeof(b), MSG_PEEK | MSG_WAITALL), 3);
    RV_EXPECT_EQ(rove_recv(s[1], b, sizeof(b), MSG_TRUNC | MSG_WAITALL), 3);
    RV_EXPECT_EQ(rove_recvmsg(s[1], &m, MSG_TRUNC | MSG_WAITALL), 4);
    return rove_close(s[0]) | rove_close(s[1]);
}

/* A connection over TCP to itself. */
static int connect_tcp(int s[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_made = bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0 &&
                   getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
                   connect(s[0], (struct sockaddr *)&at, len) == 0;
    s[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
    return is_made && s[1] >= 0 ? 0 : -errno;
}

struct peeker {
    int fd;
    bool is_message;
    char bytes[10];
    ssize_t got;
};

static int peek_ten(void *arg, RV_UNUSED void **result)
{
    struct peeker *p = arg;
    struct iovec v[2] = {{p->bytes, 4}, {p->bytes + 4, 6}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    p->got = p->is_message ? rove_recvmsg(p->fd, &m, MSG_PEEK | MSG_WAITALL)
                           : rove_recv(p->fd, p->bytes, 10, MSG_PEEK | MSG_WAITALL);
    return rove_yield(); /* a request that came meanwhile was kept for this */
}

/* Lets a peeker begin, and mostly find the first part and wait for more. */
static rove_task *start_peeker(struct peeker *p)
{
    rove_task *t = rove_create_task(peek_ten, p);
    await_waiters(p->fd, 1);
    for (int i = 0; i < 50; i++) {
        (void)rove_yield();
    }
    RV_EXPECT(!rove_done(t));
    return t;
}

/* Cancelled while it waits for more it gives what it has, and the request waits for the next call;
 * before it has anything, it is cancelled as any call. Until the first has been seen. */
static void cancel_peekers(struct peeker *p)
{
    int n = 0;
    do {
        rove_task *t = start_peeker(p);
        RV_EXPECT(rove_cancel(t));
        int rc = rove_join(t, NULL);
        RV_EXPECT((rc == -ECANCELED && p->got == 4) || (rc == 0 && p->got == -ECANCELED));
    } while (p->got != 4 && ++n < 1000);
    RV_EXPECT_EQ(p->got, 4);
}

/* Goal: a peek at TCP waits for all that was asked for, takes nothing, and is ended as any call. */
RV_TASK_TEST(test_receive_all_of_a_peek_at_tcp)
{
    for (int is_message = 0; is_message < 2; is_message++) {
        int s[2];
        char b[20];
        RV_REQUIRE_EQ(connect_tcp(s), 0);
        struct peeker p = {.fd = s[1], .is_message = is_message};
        RV_EXPECT_EQ(rove_send(s[0], "01234", 5, 0), 5);
        rove_task *t = start_peeker(&p);
        RV_EXPECT_EQ(rove_send(s[0], "56789a", 6, 0), 6);
        RV_EXPECT_EQ(rove_join(t, NULL), 0);
        RV_EXPECT_EQ(p.got, 10);
        RV_EXPECT(memcmp(p.bytes, "0123456789", 10) == 0);
        RV_EXPECT_EQ(rove_recv(s[1], b, 7, 0), 7); /* four are left */
        cancel_peekers(&p);
        t = start_peeker(&p);
        RV_EXPECT_EQ(rove_shutdown(s[0], SHUT_WR), 0);
        RV_EXPECT_EQ(rove_join(t, NULL), 0);
        RV_EXPECT_EQ(p.got, 4);
        RV_EXPECT(memcmp(p.bytes, "789a", 4) == 0);
        RV_EXPECT_EQ(rove_close(s[0]) | rove_close(s[1]), 0);
    }
    return 0;
}

/* Goal: a close under it ends it. */
RV_TASK_TEST(test_receive_peek_at_tcp_ends_with_a_close)
{
    int s[2];
    RV_REQUIRE_EQ(connect_tcp(s), 0);
    struct peeker p = {.fd = s[1]};
    RV_EXPECT_EQ(rove_send(s[0], "01234", 5, 0), 5);
    rove_task *t = start_peeker(&p);
    RV_EXPECT_EQ(rove_close(s[1]), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT_EQ(p.got, -EBADF);
    return rove_close(s[0]);
}

/* Goal: the queue of errors is never waited for, as recv(2) has it. */
RV_TASK_TEST(test_receive_errors_are_not_waited_for)
{
    char b;
    struct iovec v = {&b, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    RV_REQUIRE(fd >= 0);
    RV_EXPECT_EQ(rove_recvmsg(fd, &m, MSG_ERRQUEUE), -EAGAIN);
    RV_EXPECT_EQ(rove_recv(fd, &b, 1, MSG_ERRQUEUE), -EAGAIN);
    return rove_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receive_message_waits_for_all),
        cmocka_unit_test(test_receive_message_gives_what_it_has),
        cmocka_unit_test(test_receive_all_of_a_peek_or_a_record),
        cmocka_unit_test(test_receive_all_of_a_peek_at_tcp),
        cmocka_unit_test(test_receive_peek_at_tcp_ends_with_a_close),
        cmocka_unit_test(test_receive_errors_are_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
