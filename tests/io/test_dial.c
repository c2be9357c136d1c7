// SPDX-License-Identifier: MIT
/*
 * Purpose: io/dial: numbers, names, the race of several addresses, cancellation.
 *
 * Method: this program has its own getaddrinfo, found before the C library's, so that a name has
 * the addresses a test wants. 192.0.2.0/24 and 2001:db8::/32 are for documentation: nobody answers.
 */
#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_storage known[8]; /* the addresses of every name */
static int known_count;
static int known_error;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    struct addrinfo *first = NULL;
    struct addrinfo **link = &first;
    (void)node, (void)service, (void)hints;
    for (int i = 0; i < known_count && known_error == 0; i++) {
        struct addrinfo *ai = calloc(1, sizeof(*ai));
        ai->ai_family = known[i].ss_family;
        ai->ai_socktype = SOCK_STREAM;
        ai->ai_addr = (struct sockaddr *)&known[i];
        ai->ai_addrlen = known[i].ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                       : sizeof(struct sockaddr_in6);
        *link = ai;
        link = &ai->ai_next;
    }
    *out = first;
    return known_error;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

/* A listening socket on an address of loopback, 127.0.0.<host>; the port is the kernel's if 0. */
static int listener(unsigned host, uint16_t port, struct sockaddr_in *at)
{
    socklen_t len = sizeof(*at);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_port = port,
                               .sin_addr.s_addr = htonl(0x7f000000 + host)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    RV_EXPECT_EQ(bind(fd, (struct sockaddr *)at, len), 0);
    RV_EXPECT_EQ(getsockname(fd, (struct sockaddr *)at, &len), 0);
    RV_EXPECT_EQ(listen(fd, 8), 0);
    return fd;
}

static void know(const struct sockaddr_in *at)
{
    memcpy(&known[known_count++], at, sizeof(*at));
}

/* A port of loopback where nobody listens. */
static struct sockaddr_in refusing(void)
{
    struct sockaddr_in at;
    rove_close(listener(1, 0, &at));
    return at;
}

static struct sockaddr_in peer_of(int fd)
{
    struct sockaddr_in at = {0};
    socklen_t len = sizeof(at);
    RV_EXPECT_EQ(getpeername(fd, (struct sockaddr *)&at, &len), 0);
    return at;
}

static void test_dial_outside_a_task_is_refused(void **state)
{
    (void)state;
    assert_int_equal(rove_dial("127.0.0.1:1"), -EPERM);
}

RV_TASK_TEST(test_dial_nonsense_is_refused)
{
    RV_EXPECT_EQ(rove_dial(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_dial("no port"), -EINVAL);
    RV_EXPECT_EQ(rove_dial("127.0.0.1:99999"), -EINVAL);
    RV_EXPECT_EQ(rove_dial("unix:"), -EINVAL);
    RV_EXPECT_EQ(rove_dial("unix:/nowhere/at/all"), -ENOENT);
    return 0;
}

RV_TASK_TEST(test_dial_number_connects)
{
    struct sockaddr_in at;
    char address[32];
    int fd = listener(1, 0, &at);
    snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(at.sin_port));
    int s = rove_dial(address);
    RV_REQUIRE(s >= 0);
    RV_EXPECT_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
    RV_EXPECT_EQ(peer_of(s).sin_port, at.sin_port);
    RV_EXPECT_EQ(rove_close(s), 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    RV_EXPECT_EQ(rove_dial(address), -ECONNREFUSED);
    return 0;
}

RV_TASK_TEST(test_dial_unix_socket_connects)
{
    char address[80];
    snprintf(address, sizeof(address), "unix:@rove-test-dial-%d", (int)getpid());
    int fd = rove_listen(address, 8);
    RV_REQUIRE(fd >= 0);
    int s = rove_dial(address);
    RV_REQUIRE(s >= 0);
    RV_EXPECT_EQ(rove_close(s), 0);
    return rove_close(fd);
}

/* Goal: an address that refuses only means the next one, also when it is the last of many. */
RV_TASK_TEST(test_dial_refused_address_gives_way_to_the_next)
{
    struct sockaddr_in dead = refusing();
    for (int before = 0; before < 7; before++) {
        struct sockaddr_in live;
        int fd = listener(2, 0, &live);
        known_count = 0;
        for (int i = 0; i < before; i++) {
            know(&dead);
        }
        know(&live);
        int s = rove_dial("name:1");
        RV_REQUIRE(s >= 0);
        RV_EXPECT_EQ(peer_of(s).sin_addr.s_addr, live.sin_addr.s_addr);
        RV_EXPECT_EQ(rove_close(s), 0);
        RV_EXPECT_EQ(rove_close(fd), 0);
    }
    return 0;
}

RV_TASK_TEST(test_dial_all_refused_is_refused)
{
    struct sockaddr_in dead = refusing();
    known_count = 0;
    for (int n = 1; n <= 3; n++) {
        know(&dead);
        RV_EXPECT_EQ(rove_dial("name:1"), -ECONNREFUSED);
    }
    return 0;
}

/* A full backlog: the kernel drops what comes then, so a connection neither fails nor succeeds. */
struct hole {
    struct sockaddr_in at;
    int listener;
    int fillers[4];
};

static void dig(struct hole *h)
{
    h->listener = listener(3, 0, &h->at);
    listen(h->listener, 0);
    for (size_t i = 0; i < RV_ARRAY_LEN(h->fillers); i++) {
        h->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(h->fillers[i], (struct sockaddr *)&h->at, sizeof(h->at));
    }
}

static int fill_in(struct hole *h)
{
    for (size_t i = 0; i < RV_ARRAY_LEN(h->fillers); i++) {
        RV_EXPECT_EQ(rove_close(h->fillers[i]), 0);
    }
    return rove_close(h->listener);
}

/* Goal: an address that never answers does not keep the next one from winning; what was begun there
 * has ended (the fixture counts descriptors). */
RV_TASK_TEST(test_dial_silent_address_is_overtaken)
{
    struct hole h;
    struct sockaddr_in live;
    dig(&h);
    int fd = listener(2, 0, &live);
    known_count = 0;
    know(&h.at);
    know(&live);
    int s = rove_dial("name:1");
    RV_REQUIRE(s >= 0);
    RV_EXPECT_EQ(peer_of(s).sin_addr.s_addr, live.sin_addr.s_addr);
    RV_EXPECT_EQ(rove_close(s), 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    return fill_in(&h);
}

static int dial_name(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int s = rove_dial("name:1");
    return s >= 0 ? rove_close(s) : s;
}

/* Goal: cancelled at any point, nothing is left, and the deadline of a block works. */
RV_TASK_TEST(test_dial_cancelled_leaves_nothing)
{
    struct hole h;
    dig(&h);
    known_count = 0;
    know(&h.at);
    know(&h.at);
    for (int delay = 0; delay < 20; delay++) {
        rove_task *t = rove_create_task(dial_name, NULL);
        for (int i = 0; i < delay; i++) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        RV_EXPECT(rove_cancel(t));
        RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    }
    rove_timeout limit;
    rove_timeout_enter(&limit, ROVE_MS(5));
    RV_EXPECT_EQ(rove_timeout_exit(&limit, rove_dial("name:1")), -ETIMEDOUT);
    return fill_in(&h);
}

RV_TASK_TEST(test_dial_unknown_name_is_an_error)
{
    static const int errors[][2] = {{EAI_NONAME, -ENOENT},
                                    {EAI_NODATA, -ENOENT},
                                    {EAI_SERVICE, -EINVAL},
                                    {EAI_FAIL, -EIO},
                                    {EAI_MEMORY, -ENOMEM},
                                    {EAI_AGAIN, -EAGAIN}};
    for (size_t i = 0; i < RV_ARRAY_LEN(errors); i++) {
        known_error = errors[i][0];
        int rc = rove_dial("name:1");
        known_error = 0;
        RV_EXPECT_EQ(rc, errors[i][1]);
    }
    return 0;
}

/* Goal: RFC 8305: families alternate, so a dead family costs one delay. Method: more silent IPv6
 * addresses than the race would get through, and one IPv4 that lives, last. */
RV_TASK_TEST(test_dial_families_alternate)
{
    struct sockaddr_in live;
    struct sockaddr_in6 none = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    none.sin6_addr.s6_addr[0] = 0x20;
    none.sin6_addr.s6_addr[1] = 0x01;
    none.sin6_addr.s6_addr[2] = 0x0d;
    none.sin6_addr.s6_addr[3] = 0xb8;
    int fd = listener(2, 0, &live);
    known_count = 0;
    for (int i = 0; i < 6; i++) {
        memcpy(&known[known_count++], &none, sizeof(none));
    }
    know(&live);
    int s = rove_dial("name:1");
    RV_REQUIRE(s >= 0);
    RV_EXPECT_EQ(peer_of(s).sin_addr.s_addr, live.sin_addr.s_addr);
    RV_EXPECT_EQ(rove_close(s), 0);
    return rove_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dial_outside_a_task_is_refused),
        cmocka_unit_test(test_dial_nonsense_is_refused),
        cmocka_unit_test(test_dial_number_connects),
        cmocka_unit_test(test_dial_unix_socket_connects),
        cmocka_unit_test(test_dial_refused_address_gives_way_to_the_next),
        cmocka_unit_test(test_dial_all_refused_is_refused),
        cmocka_unit_test(test_dial_silent_address_is_overtaken),
        cmocka_unit_test(test_dial_cancelled_leaves_nothing),
        cmocka_unit_test(test_dial_unknown_name_is_an_error),
        cmocka_unit_test(test_dial_families_alternate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
