// SPDX-License-Identifier: MIT
/*
 * Purpose: io/socket: receive, send, accept, connect on TCP, UDP and UNIX sockets.
 */
#include "tests/io/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int pair(int fds[2], int flags)
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fds);
}

/* A listening TCP socket of the user's own making, in blocking mode. */
static int listener(struct sockaddr_in *at)
{
    socklen_t len = sizeof(*at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bind(fd, (struct sockaddr *)at, len);
    getsockname(fd, (struct sockaddr *)at, &len);
    listen(fd, 64);
    return fd;
}

RV_TASK_TEST(test_socket_outside_arguments_are_refused)
{
    char b;
    RV_REQUIRE_EQ(rove_recv(-1, &b, 1, 0), -EBADF);
    RV_REQUIRE_EQ(rove_send(1000000, &b, 1, 0), -EBADF);
    RV_REQUIRE_EQ(rove_accept(-1, NULL, NULL, 0), -EBADF);
    RV_REQUIRE_EQ(rove_connect(0, NULL, 0), -EFAULT);
    RV_REQUIRE_EQ(rove_recvmsg(0, NULL, 0), -EFAULT);
    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    RV_EXPECT_EQ(rove_recv(fds[0], &b, 1, 0), -ENOTSOCK);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    return 0;
}

static void test_socket_outside_a_task_is_refused(void **state)
{
    (void)state;
    char b;
    assert_int_equal(rove_recv(0, &b, 1, 0), -EPERM);
    assert_int_equal(rove_send(0, &b, 1, 0), -EPERM);
    assert_int_equal(rove_accept(0, NULL, NULL, 0), -EPERM);
    assert_int_equal(rove_shutdown(0, SHUT_RD), -EPERM);
    assert_int_equal(rove_connect(0, (struct sockaddr *)&(struct sockaddr_in){0}, 8), -EPERM);
}

enum { ROUNDS = 300, CLIENTS = 8, BIG = 200000 };

static int echo_one(void *arg, RV_UNUSED void **result)
{
    int fd = (int)(intptr_t)arg;
    char buf[1000];
    ssize_t n;
    while ((n = rove_recv(fd, buf, sizeof(buf), 0)) > 0) {
        for (ssize_t done = 0; done < n;) {
            ssize_t rc = rove_send(fd, buf + done, (size_t)(n - done), 0);
            RV_REQUIRE(rc > 0);
            done += rc;
        }
    }
    RV_EXPECT_EQ(n, 0);
    return rove_close(fd);
}

static int echo_server(void *arg, RV_UNUSED void **result)
{
    rove_task *tasks[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        int fd = rove_accept((int)(intptr_t)arg, NULL, NULL, SOCK_CLOEXEC);
        RV_REQUIRE(fd >= 0);
        tasks[i] = rove_create_task(echo_one, (void *)(intptr_t)fd);
    }
    for (int i = 0; i < CLIENTS; i++) {
        RV_EXPECT_EQ(rove_await(tasks[i], NULL), 0);
        rove_release(tasks[i]);
    }
    return 0;
}

static int echo_client(void *arg, RV_UNUSED void **result)
{
    char out[64], in[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    RV_REQUIRE_EQ(rove_connect(fd, arg, sizeof(struct sockaddr_in)), 0);
    for (int i = 0; i < ROUNDS; i++) {
        size_t n = (size_t)(i % 64) + 1;
        memset(out, 'a' + i % 26, n);
        RV_REQUIRE_EQ(rove_send(fd, out, n, 0), n);
        RV_REQUIRE_EQ(rove_read_all(fd, in, n), n);
        RV_REQUIRE(memcmp(out, in, n) == 0);
    }
    return rove_close(fd);
}

/* Goal: bytes come back as they went, on several connections at once. */
RV_TASK_TEST(test_socket_tcp_echo_is_exact)
{
    struct sockaddr_in at;
    int fd = listener(&at);
    rove_task *server = rove_create_task(echo_server, (void *)(intptr_t)fd);
    rove_task *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = rove_create_task(echo_client, &at);
    }
    for (int i = 0; i < CLIENTS; i++) {
        RV_EXPECT_EQ(rove_await(clients[i], NULL), 0);
        rove_release(clients[i]);
    }
    RV_EXPECT_EQ(rove_await(server, NULL), 0);
    rove_release(server);
    return rove_close(fd);
}

static int send_big(void *arg, RV_UNUSED void **result)
{
    static unsigned char pattern[BIG];
    int fd = (int)(intptr_t)arg;
    for (unsigned i = 0; i < BIG; i++) {
        pattern[i] = (unsigned char)(i * 7 + i / 251);
    }
    RV_EXPECT_EQ(rove_write_all(fd, pattern, BIG), BIG);
    return rove_shutdown(fd, SHUT_WR);
}

/* Goal: more than the socket holds arrives whole, in order; then the end. Both modes. */
static int big_transfer(int flags)
{
    int fds[2];
    RV_REQUIRE_EQ(pair(fds, flags), 0);
    rove_task *sender = rove_create_task(send_big, (void *)(intptr_t)fds[0]);
    char buf[777];
    unsigned at = 0;
    ssize_t n;
    while ((n = rove_read(fds[1], buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < n; i++, at++) {
            RV_REQUIRE_EQ((unsigned char)buf[i], (unsigned char)(at * 7 + at / 251));
        }
    }
    RV_EXPECT_EQ(n, 0);
    RV_EXPECT_EQ(at, BIG);
    RV_EXPECT_EQ(rove_await(sender, NULL), 0);
    rove_release(sender);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

RV_TASK_TEST(test_socket_more_than_the_buffer_arrives_whole)
{
    int rc = big_transfer(0);
    return rc == 0 ? big_transfer(SOCK_NONBLOCK) : rc;
}

RV_TASK_TEST(test_socket_hung_up_peer_is_epipe_and_no_signal)
{
    int fds[2];
    RV_REQUIRE_EQ(pair(fds, 0), 0);
    RV_REQUIRE_EQ(rove_close(fds[1]), 0);
    RV_EXPECT_EQ(rove_send(fds[0], "x", 1, 0), -EPIPE);
    RV_EXPECT_EQ(rove_write(fds[0], "x", 1), -EPIPE);
    struct iovec v = {.iov_base = "x", .iov_len = 1};
    RV_EXPECT_EQ(rove_writev(fds[0], &v, 1), -EPIPE);
    RV_EXPECT_EQ(rove_sendmsg(fds[0], &(struct msghdr){.msg_iov = &v, .msg_iovlen = 1}, 0), -EPIPE);
    char b;
    RV_EXPECT_EQ(rove_recv(fds[0], &b, 1, 0), 0);
    return rove_close(fds[0]);
}

RV_TASK_TEST(test_socket_reset_is_econnreset)
{
    struct sockaddr_in at;
    int fd = listener(&at);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    RV_REQUIRE_EQ(rove_connect(client, (struct sockaddr *)&at, sizeof(at)), 0);
    int server = rove_accept(fd, NULL, NULL, SOCK_CLOEXEC);
    RV_REQUIRE(server >= 0);
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    RV_REQUIRE_EQ(rove_close(client), 0);
    char b;
    RV_EXPECT_EQ(rove_recv(server, &b, 1, 0), -ECONNRESET);
    RV_EXPECT_EQ(rove_close(server), 0);
    return rove_close(fd);
}

RV_TASK_TEST(test_socket_refused_connection_is_reported)
{
    struct sockaddr_in at;
    int gone = listener(&at);
    RV_REQUIRE_EQ(rove_close(gone), 0);
    int modes[2] = {0, SOCK_NONBLOCK};
    for (int i = 0; i < 2; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | modes[i], 0);
        RV_EXPECT_EQ(rove_connect(fd, (struct sockaddr *)&at, sizeof(at)), -ECONNREFUSED);
        RV_EXPECT_EQ(rove_close(fd), 0);
    }
    return 0;
}

/* Goal: a socket whose connection was refused can be used to try again. */
RV_TASK_TEST(test_socket_refused_once_connects_later)
{
    struct sockaddr_in at;
    int gone = listener(&at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    RV_REQUIRE_EQ(rove_close(gone), 0);
    RV_EXPECT_EQ(rove_connect(fd, (struct sockaddr *)&at, sizeof(at)), -ECONNREFUSED);
    RV_EXPECT_EQ(rove_connect(fd, (struct sockaddr *)&at, sizeof(at)), -ECONNREFUSED);
    int again = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    RV_REQUIRE_EQ(setsockopt(again, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    RV_REQUIRE_EQ(bind(again, (struct sockaddr *)&at, sizeof(at)), 0);
    RV_REQUIRE_EQ(listen(again, 1), 0);
    RV_EXPECT_EQ(rove_connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    return rove_close(again);
}

/* Goal: the user's choice of mode neither blocks a worker nor shows: a connected socket's is as
 * before afterwards, what it accepts inherits nothing. */
RV_TASK_TEST(test_socket_accept_and_connect_in_either_mode)
{
    for (int mode = 0; mode < 4; mode++) {
        struct sockaddr_in at, peer = {0};
        socklen_t len = sizeof(peer);
        int fd = listener(&at);
        int before = fcntl(fd, F_GETFL) | (mode & 1 ? O_NONBLOCK : 0);
        fcntl(fd, F_SETFL, before);
        int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (mode & 2 ? SOCK_NONBLOCK : 0),
                            0);
        RV_REQUIRE_EQ(rove_connect(client, (struct sockaddr *)&at, sizeof(at)), 0);
        int server = rove_accept(fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
        RV_REQUIRE(server >= 0);
        RV_EXPECT_EQ(len, sizeof(peer));
        RV_EXPECT_EQ(peer.sin_family, AF_INET);
        RV_EXPECT_EQ(fcntl(fd, F_GETFL) | O_NONBLOCK, before | O_NONBLOCK);
        RV_EXPECT_EQ(fcntl(server, F_GETFL) & O_NONBLOCK, 0);
        RV_EXPECT_EQ(fcntl(client, F_GETFL) & O_NONBLOCK, mode & 2 ? O_NONBLOCK : 0);
        RV_EXPECT_EQ(fcntl(server, F_GETFD), FD_CLOEXEC);
        RV_EXPECT_EQ(rove_close(server), 0);
        RV_EXPECT_EQ(rove_close(client), 0);
        RV_EXPECT_EQ(rove_close(fd), 0);
    }
    return 0;
}

static int accept_late(void *arg, RV_UNUSED void **result)
{
    return rove_accept((int)(intptr_t)arg, NULL, NULL, SOCK_CLOEXEC);
}

/* Goal: an accept that waits, in either mode, gets the connection that comes later. */
RV_TASK_TEST(test_socket_waiting_accept_gets_the_connection)
{
    for (int mode = 0; mode < 2; mode++) {
        struct sockaddr_in at;
        int fd = listener(&at);
        fcntl(fd, F_SETFL, mode == 1 ? O_NONBLOCK : 0);
        rove_task *t = rove_create_task(accept_late, (void *)(intptr_t)fd);
        await_waiters(fd, 1);
        int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        RV_REQUIRE_EQ(rove_connect(client, (struct sockaddr *)&at, sizeof(at)), 0);
        int server = rove_await(t, NULL);
        rove_release(t);
        RV_EXPECT(server >= 0);
        RV_EXPECT_EQ(rove_close(server), 0);
        RV_EXPECT_EQ(rove_close(client), 0);
        RV_EXPECT_EQ(rove_close(fd), 0);
    }
    return 0;
}

RV_TASK_TEST(test_socket_datagrams_keep_their_borders)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int a = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int b = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bind(a, (struct sockaddr *)&at, len);
    getsockname(a, (struct sockaddr *)&at, &len);
    struct iovec v[2] = {{.iov_base = "one", .iov_len = 3}, {.iov_base = "two", .iov_len = 3}};
    struct msghdr m = {.msg_name = &at, .msg_namelen = len, .msg_iov = v, .msg_iovlen = 2};
    RV_REQUIRE_EQ(rove_sendmsg(b, &m, 0), 6);
    RV_REQUIRE_EQ(rove_connect(b, (struct sockaddr *)&at, len), 0);
    RV_REQUIRE_EQ(rove_send(b, "", 0, 0), 0);
    RV_REQUIRE_EQ(rove_send(b, "three", 5, 0), 5);
    char buf[16];
    struct sockaddr_in from = {0};
    struct iovec w = {.iov_base = buf, .iov_len = sizeof(buf)};
    struct msghdr r = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &w,
                       .msg_iovlen = 1};
    RV_REQUIRE_EQ(rove_recvmsg(a, &r, 0), 6);
    RV_EXPECT(memcmp(buf, "onetwo", 6) == 0);
    RV_EXPECT_EQ(from.sin_family, AF_INET);
    RV_EXPECT_EQ(rove_recv(a, buf, sizeof(buf), 0), 0);
    RV_EXPECT_EQ(rove_recv(a, buf, sizeof(buf), 0), 5);
    RV_EXPECT_EQ(rove_recv(a, buf, sizeof(buf), MSG_DONTWAIT), -EAGAIN);
    RV_EXPECT_EQ(rove_close(a), 0);
    return rove_close(b);
}

/* Goal: MSG_DONTWAIT is the caller's choice and MSG_PEEK, MSG_WAITALL work as ever. */
RV_TASK_TEST(test_socket_flags_are_passed_on)
{
    int fds[2];
    char buf[8];
    RV_REQUIRE_EQ(pair(fds, 0), 0);
    RV_EXPECT_EQ(rove_recv(fds[0], buf, 8, MSG_DONTWAIT), -EAGAIN);
    RV_REQUIRE_EQ(rove_send(fds[1], "abcd", 4, 0), 4);
    RV_EXPECT_EQ(rove_recv(fds[0], buf, 8, MSG_PEEK), 4);
    RV_EXPECT_EQ(rove_recv(fds[0], buf, 8, 0), 4);
    RV_EXPECT_EQ(rove_shutdown(fds[1], SHUT_WR), 0);
    RV_EXPECT_EQ(rove_recv(fds[0], buf, 8, 0), 0);
    RV_EXPECT_EQ(rove_shutdown(fds[1], 17), -EINVAL);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

/* Goal: no descriptor left is -EMFILE, and the connection is still there afterwards. */
RV_TASK_TEST(test_socket_accept_without_descriptors_is_emfile)
{
    struct sockaddr_in at;
    struct rlimit old;
    int fd = listener(&at);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    RV_REQUIRE_EQ(rove_connect(client, (struct sockaddr *)&at, sizeof(at)), 0);
    int top = dup(fd); /* the lowest free number, if none below is given back meanwhile */
    RV_REQUIRE(top >= 0);
    close(top);
    getrlimit(RLIMIT_NOFILE, &old);
    struct rlimit tight = {.rlim_cur = (rlim_t)top, .rlim_max = old.rlim_max};
    RV_REQUIRE_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
    int rc = rove_accept(fd, NULL, NULL, SOCK_CLOEXEC);
    setrlimit(RLIMIT_NOFILE, &old);
    RV_EXPECT_EQ(rc, -EMFILE);
    int server = rove_accept(fd, NULL, NULL, SOCK_CLOEXEC);
    RV_EXPECT(server >= 0);
    RV_EXPECT_EQ(rove_close(server), 0);
    RV_EXPECT_EQ(rove_close(client), 0);
    return rove_close(fd);
}

struct flood {
    struct sockaddr_in at;
    int fd;
    int in;
    bool is_over;
};

static int send_until_over(void *arg, RV_UNUSED void **result)
{
    struct flood *f = arg;
    struct iovec v = {.iov_base = "x", .iov_len = 1};
    struct msghdr m = {
        .msg_name = &f->at, .msg_namelen = sizeof(f->at), .msg_iov = &v, .msg_iovlen = 1};
    while (!f->is_over) {
        RV_REQUIRE_EQ(rove_sendmsg(f->fd, &m, 0), 1);
    }
    return 0;
}

static int end_flood(void *arg, RV_UNUSED void **result)
{
    struct flood *f = arg;
    char b;
    ssize_t n = rove_recv(f->in, &b, 1, 0);
    f->is_over = true;
    RV_REQUIRE_EQ(n, 1);
    return 0;
}

/* Goal: calls that never have to wait do not keep the worker from the others' completions.
 * Method: datagrams that nobody reads are always taken; the one who ends the flood waits for a byte
 * that comes from a third. */
static int flood(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct flood f = {.at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(f.at);
    int unread = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int fds[2];
    RV_REQUIRE_EQ(bind(unread, (struct sockaddr *)&f.at, len), 0);
    RV_REQUIRE_EQ(getsockname(unread, (struct sockaddr *)&f.at, &len), 0);
    RV_REQUIRE_EQ(pair(fds, 0), 0);
    f.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    f.in = fds[0];
    rove_task *ender = rove_create_task(end_flood, &f);
    rove_task *sender = rove_create_task(send_until_over, &f);
    RV_EXPECT_EQ(rove_sleep(ROVE_MS(1)), 0); /* both are under way; nothing depends on how far */
    RV_EXPECT_EQ(rove_send(fds[1], "x", 1, 0), 1);
    RV_EXPECT_EQ(rove_await(sender, NULL), 0);
    RV_EXPECT_EQ(rove_await(ender, NULL), 0);
    rove_release(sender);
    rove_release(ender);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    RV_EXPECT_EQ(rove_close(unread), 0);
    return rove_close(f.fd);
}

static void test_socket_sender_without_end_lets_others_run(void **state)
{
    (void)state;
    rv_test_run_on(1, flood, NULL); /* nobody could help */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_socket_outside_a_task_is_refused),
        cmocka_unit_test(test_socket_outside_arguments_are_refused),
        cmocka_unit_test(test_socket_tcp_echo_is_exact),
        cmocka_unit_test(test_socket_more_than_the_buffer_arrives_whole),
        cmocka_unit_test(test_socket_hung_up_peer_is_epipe_and_no_signal),
        cmocka_unit_test(test_socket_reset_is_econnreset),
        cmocka_unit_test(test_socket_refused_connection_is_reported),
        cmocka_unit_test(test_socket_refused_once_connects_later),
        cmocka_unit_test(test_socket_accept_and_connect_in_either_mode),
        cmocka_unit_test(test_socket_waiting_accept_gets_the_connection),
        cmocka_unit_test(test_socket_datagrams_keep_their_borders),
        cmocka_unit_test(test_socket_flags_are_passed_on),
        cmocka_unit_test(test_socket_accept_without_descriptors_is_emfile),
        cmocka_unit_test(test_socket_sender_without_end_lets_others_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
