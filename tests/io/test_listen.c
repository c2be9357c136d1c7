// SPDX-License-Identifier: MIT
/*
 * Purpose: io/listen: listening sockets of every kind of address.
 */
#include "support/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void test_listen_outside_a_task_is_refused(void **state)
{
    (void)state;
    assert_int_equal(rove_listen("127.0.0.1:0", 0), -EPERM);
}

RV_TASK_TEST(test_listen_nonsense_is_refused)
{
    RV_EXPECT_EQ(rove_listen(NULL, 0), -EINVAL);
    RV_EXPECT_EQ(rove_listen("", 0), -EINVAL);
    RV_EXPECT_EQ(rove_listen("127.0.0.1", 0), -EINVAL);
    RV_EXPECT_EQ(rove_listen("127.0.0.1:65536", 0), -EINVAL);
    RV_EXPECT_EQ(rove_listen("unix:", 0), -EINVAL);
    RV_EXPECT_EQ(rove_listen("192.0.2.1:0", 0), -EADDRNOTAVAIL);
    RV_EXPECT_EQ(rove_listen("unix:/no/such/directory/s", 0), -ENOENT);
    return 0;
}

static int accept_one(void *arg, RV_UNUSED void **result)
{
    return rove_accept((int)(intptr_t)arg, NULL, NULL, SOCK_CLOEXEC);
}

/* Connects to where fd listens and says a word through it. */
static int talk(int fd, const struct sockaddr *at, socklen_t len)
{
    char b = 0;
    rove_task *t = rove_create_task(accept_one, (void *)(intptr_t)fd);
    int client = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    RV_EXPECT_EQ(rove_connect(client, at, len), 0);
    int server = rove_await(t, NULL);
    rove_release(t);
    RV_REQUIRE(server >= 0);
    RV_EXPECT_EQ(rove_send(server, "w", 1, 0), 1);
    RV_EXPECT_EQ(rove_recv(client, &b, 1, 0), 1);
    RV_EXPECT_EQ(b, 'w');
    RV_EXPECT_EQ(rove_close(client), 0);
    return rove_close(server);
}

RV_TASK_TEST(test_listen_ipv4_takes_connections)
{
    struct sockaddr_in at;
    socklen_t len = sizeof(at);
    int on = 0;
    socklen_t on_len = sizeof(on);
    int fd = rove_listen("127.0.0.1:0", 5);
    RV_REQUIRE(fd >= 0);
    RV_EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    RV_EXPECT_EQ(getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &on_len), 0);
    RV_EXPECT(on != 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    RV_EXPECT_EQ(at.sin_family, AF_INET);
    RV_EXPECT(at.sin_port != 0);
    RV_EXPECT_EQ(talk(fd, (struct sockaddr *)&at, len), 0);
    char again[32];
    snprintf(again, sizeof(again), "127.0.0.1:%d", ntohs(at.sin_port));
    RV_EXPECT_EQ(rove_listen(again, 0), -EADDRINUSE);
    return rove_close(fd);
}

/* Goal: ":0" is reached by the IPv4 loopback, whichever family the kernel offers. */
RV_TASK_TEST(test_listen_any_takes_ipv4)
{
    struct sockaddr_storage any;
    socklen_t len = sizeof(any);
    int fd = rove_listen(":0", 0);
    RV_REQUIRE(fd >= 0);
    getsockname(fd, (struct sockaddr *)&any, &len);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    at.sin_port = any.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&any)->sin6_port
                                            : ((struct sockaddr_in *)&any)->sin_port;
    RV_EXPECT_EQ(talk(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return rove_close(fd);
}

RV_TASK_TEST(test_listen_name_is_resolved)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    int fd = rove_listen("localhost:0", 0);
    RV_REQUIRE(fd >= 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    RV_EXPECT_EQ(talk(fd, (struct sockaddr *)&at, len), 0);
    return rove_close(fd);
}

RV_TASK_TEST(test_listen_abstract_unix)
{
    struct sockaddr_un at;
    socklen_t len = sizeof(at);
    char address[80];
    snprintf(address, sizeof(address), "unix:@rove-test-listen-%d", (int)getpid());
    int fd = rove_listen(address, 0);
    RV_REQUIRE(fd >= 0);
    RV_EXPECT_EQ(rove_listen(address, 0), -EADDRINUSE);
    getsockname(fd, (struct sockaddr *)&at, &len);
    RV_EXPECT_EQ(talk(fd, (struct sockaddr *)&at, len), 0);
    return rove_close(fd);
}

/* Goal: a socket file that nobody serves is replaced; one in use, or another file, is not. */
RV_TASK_TEST(test_listen_stale_unix_socket_is_replaced)
{
    char path[64], address[80];
    snprintf(path, sizeof(path), "/tmp/rove-listen-%d", getpid());
    snprintf(address, sizeof(address), "unix:%s", path);
    (void)unlink(path);
    int fd = rove_listen(address, 0);
    RV_REQUIRE(fd >= 0);
    RV_EXPECT_EQ(rove_listen(address, 0), -EADDRINUSE);
    RV_EXPECT_EQ(rove_close(fd), 0);
    fd = rove_listen(address, 0);
    RV_REQUIRE(fd >= 0);
    struct sockaddr_un at;
    socklen_t len = sizeof(at);
    getsockname(fd, (struct sockaddr *)&at, &len);
    RV_EXPECT_EQ(talk(fd, (struct sockaddr *)&at, len), 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    RV_EXPECT_EQ(rove_unlink(path), 0);
    int file = rove_open(path, O_CREAT | O_WRONLY, 0600);
    RV_EXPECT(file >= 0);
    RV_EXPECT_EQ(rove_listen(address, 0), -EADDRINUSE);
    RV_EXPECT_EQ(rove_close(file), 0);
    return rove_unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listen_outside_a_task_is_refused),
        cmocka_unit_test(test_listen_nonsense_is_refused),
        cmocka_unit_test(test_listen_ipv4_takes_connections),
        cmocka_unit_test(test_listen_any_takes_ipv4),
        cmocka_unit_test(test_listen_name_is_resolved),
        cmocka_unit_test(test_listen_abstract_unix),
        cmocka_unit_test(test_listen_stale_unix_socket_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
