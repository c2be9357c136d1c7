// SPDX-License-Identifier: MIT
/*
 * Purpose: io/accept: connections in order, ahead of who takes them, cancelled, without memory for
 *          descriptors; nothing accepted is ever lost or left open.
 */
#include "io/accept.h"

#include "core/rand.h"
#include "tests/io/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 1000, BURST = 50, ROUNDS = RV_TSAN ? 40 : 200 };

struct port {
    struct sockaddr_in at;
    int fd;
};

static void open_port(struct port *p)
{
    socklen_t len = sizeof(p->at);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    p->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bind(p->fd, (struct sockaddr *)&p->at, len);
    getsockname(p->fd, (struct sockaddr *)&p->at, &len);
    listen(p->fd, 4096);
}

/* Connected, whether somebody accepts or not; it resets when it is closed, so no port lingers. */
static int dial_port(const struct port *p)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    RV_EXPECT_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    RV_EXPECT_EQ(connect(fd, (const struct sockaddr *)&p->at, sizeof(p->at)), 0);
    return fd;
}

/* Who is at the other end: the port that the client got. */
static int port_of(int fd, bool is_peer)
{
    struct sockaddr_in at = {0};
    socklen_t len = sizeof(at);
    int rc = is_peer ? getpeername(fd, (struct sockaddr *)&at, &len)
                     : getsockname(fd, (struct sockaddr *)&at, &len);
    return rc < 0 ? -1 : ntohs(at.sin_port);
}

/* Goal: they come in the order in which they connected, also when many were there before. */
RV_TASK_TEST(test_accept_gives_connections_in_order)
{
    struct port p;
    struct rv_accepts a;
    open_port(&p);
    rv_accepts_init(&a, rv_current_task(), p.fd, true);
    for (int done = 0; done < MANY; done += BURST) {
        int clients[BURST];
        for (int i = 0; i < BURST; i++) {
            clients[i] = dial_port(&p);
        }
        for (int i = 0; i < BURST; i++) {
            int fd = rv_accepts_next(&a, rv_current_task());
            RV_REQUIRE(fd >= 0);
            RV_EXPECT_EQ(port_of(fd, true), port_of(clients[i], false));
            RV_EXPECT_EQ(rove_close(clients[i]), 0);
            RV_EXPECT_EQ(rove_close(fd), 0);
        }
    }
    rv_accepts_fini(&a, rv_current_task());
    return rove_close(p.fd);
}

/* Goal: what was accepted and taken by nobody is closed at the end: its peer reads the end, or a
 * reset where the kernel had it in the queue. */
RV_TASK_TEST(test_accept_closes_what_nobody_took)
{
    struct port p;
    struct rv_accepts a;
    int clients[BURST];
    char byte;
    open_port(&p);
    rv_accepts_init(&a, rv_current_task(), p.fd, true);
    for (int i = 0; i < BURST; i++) {
        clients[i] = dial_port(&p);
    }
    int fd = rv_accepts_next(&a, rv_current_task());
    RV_REQUIRE(fd >= 0);
    rv_accepts_fini(&a, rv_current_task());
    RV_EXPECT_EQ(rove_close(fd), 0);
    RV_EXPECT_EQ(rove_close(p.fd), 0);
    for (int i = 0; i < BURST; i++) {
        ssize_t n = rove_recv(clients[i], &byte, 1, 0);
        RV_EXPECT(n == 0 || n == -ECONNRESET);
        RV_EXPECT_EQ(rove_close(clients[i]), 0);
    }
    return 0;
}

static int accept_all(void *arg, RV_UNUSED void **result)
{
    struct port *p = arg;
    struct rv_accepts a;
    struct rv_task *self = rv_current_task();
    int fd;
    rv_accepts_init(&a, self, p->fd, true);
    while ((fd = rv_accepts_next(&a, self)) >= 0) {
        RV_EXPECT_EQ(rove_close(fd), 0);
    }
    rv_accepts_fini(&a, self);
    return fd;
}

/* Goal: a cancellation that meets connections on their way loses none of them: each is taken or
 * closed (the fixture counts descriptors), and the socket serves the next one who accepts. */
RV_TASK_TEST(test_accept_cancelled_among_arrivals_leaves_none_open)
{
    struct port p;
    struct rv_rand rand;
    rv_rand_seed(&rand, 7);
    open_port(&p);
    for (int round = 0; round < ROUNDS; round++) {
        int clients[8];
        unsigned n = rv_rand_below(&rand, 8) + 1;
        unsigned yields = rv_rand_below(&rand, 6);
        rove_task *t = rove_create_task(accept_all, &p);
        RV_REQUIRE(t != NULL);
        for (unsigned i = 0; i < n; i++) {
            clients[i] = dial_port(&p);
        }
        for (unsigned i = 0; i < yields; i++) {
            rove_yield();
        }
        rove_cancel(t);
        RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
        for (unsigned i = 0; i < n; i++) {
            RV_EXPECT_EQ(rove_close(clients[i]), 0);
        }
    }
    return rove_close(p.fd);
}

/* Goal: a listener that is closed ends who waits there. */
RV_TASK_TEST(test_accept_on_a_closed_listener_ends)
{
    struct port p;
    open_port(&p);
    rove_task *t = rove_create_task(accept_all, &p);
    await_waiters(p.fd, 1);
    RV_EXPECT_EQ(rove_close(p.fd), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), -EBADF);
    return 0;
}

static int starve(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct port p;
    struct rv_accepts a;
    struct rlimit all, few;
    open_port(&p);
    int client = dial_port(&p);
    rv_accepts_init(&a, rv_current_task(), p.fd, true);
    getrlimit(RLIMIT_NOFILE, &all);
    few = all;
    few.rlim_cur = (rlim_t)client + 1; /* the lowest free number is above all that are open */
    RV_EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    RV_EXPECT_EQ(rv_accepts_next(&a, rv_current_task()), -EMFILE);
    RV_EXPECT_EQ(rv_accepts_next(&a, rv_current_task()), -EMFILE);
    RV_EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &all), 0);
    int fd = rv_accepts_next(&a, rv_current_task());
    RV_EXPECT_EQ(port_of(fd, true), port_of(client, false));
    RV_EXPECT_EQ(rove_close(fd), 0);
    RV_EXPECT_EQ(rove_close(client), 0);
    rv_accepts_fini(&a, rv_current_task());
    return rove_close(p.fd);
}

/* Goal: no free descriptor is reported each time it is met, and the connection is still there. */
static void test_accept_without_descriptors_is_emfile(void **state)
{
    (void)state;
    rv_test_run_on(1, starve, NULL); /* others would open descriptors meanwhile */
}

/* Goal: what does not listen is as it was: a pipe or terminal may be shared with other programs. */
RV_TASK_TEST(test_accept_leaves_what_does_not_listen_alone)
{
    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    int idle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    RV_REQUIRE(idle >= 0);
    RV_EXPECT_EQ(rove_accept(fds[0], NULL, NULL, 0), -ENOTSOCK);
    RV_EXPECT_EQ(rove_accept(idle, NULL, NULL, 0), -EINVAL);
    RV_EXPECT_EQ(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    RV_EXPECT_EQ(fcntl(idle, F_GETFL) & O_NONBLOCK, 0);
    RV_EXPECT_EQ(rove_close(idle), 0);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_gives_connections_in_order),
        cmocka_unit_test(test_accept_closes_what_nobody_took),
        cmocka_unit_test(test_accept_cancelled_among_arrivals_leaves_none_open),
        cmocka_unit_test(test_accept_on_a_closed_listener_ends),
        cmocka_unit_test(test_accept_without_descriptors_is_emfile),
        cmocka_unit_test(test_accept_leaves_what_does_not_listen_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
