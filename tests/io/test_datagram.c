// SPDX-License-Identifier: MIT
/*
 * Purpose: UNIX datagrams to a peer whose queue is full, of which the sender's own socket says
 *          nothing, and which a ring would send empty (io/sqe.h).
 */
#include "tests/io/waiting.h"

#include <sys/socket.h>
#include <sys/un.h>

struct letter {
    int from;
    struct sockaddr_un to;
    socklen_t to_bytes;
};

static int send_letter(void *arg, RV_UNUSED void **result)
{
    struct letter *l = arg;
    struct iovec v = {.iov_base = "m", .iov_len = 1};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_name = &l->to, .msg_namelen = l->to_bytes};
    return (int)rove_sendmsg(l->from, &m, 0);
}

static int send_byte(void *arg, RV_UNUSED void **result)
{
    const struct letter *l = arg;
    return (int)rove_send(l->from, "m", 1, 0);
}

static uint64_t switches_now(void)
{
    static rove_metrics m;
    RV_EXPECT_EQ(rove_metrics_read(rove_current_runtime(), &m), 0);
    return m.switches;
}

/* A sender whose own socket is writable waits for room in another's queue; connected to it or not.
 */
static int wait_for_room(int mode, bool is_connected)
{
    struct letter l = {.to = {.sun_family = AF_UNIX}, .to_bytes = sizeof(l.to)};
    int to = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    l.from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | mode, 0);
    RV_REQUIRE(to >= 0 && l.from >= 0);
    RV_REQUIRE_EQ(bind(to, (struct sockaddr *)&l.to, sizeof(sa_family_t)), 0);
    RV_REQUIRE_EQ(getsockname(to, (struct sockaddr *)&l.to, &l.to_bytes), 0);
    int sent = 1;
    while (sendto(l.from, "m", 1, MSG_DONTWAIT, (struct sockaddr *)&l.to, l.to_bytes) == 1) {
        sent++;
    }
    if (is_connected) {
        RV_REQUIRE_EQ(connect(l.from, (struct sockaddr *)&l.to, l.to_bytes), 0);
    }
    rove_task *t = rove_create_task(is_connected ? send_byte : send_letter, &l);
    await_waiters(l.from, 1);
    uint64_t before = switches_now();
    RV_EXPECT_EQ(rove_sleep(ROVE_MS(50)), 0); /* to be seen: how often it tries meanwhile */
    RV_EXPECT(switches_now() - before < 1000);
    char byte = 0;
    for (int i = 0; i < sent; i++) {
        RV_EXPECT_EQ(rove_recv(to, &byte, 1, 0), 1); /* the last one, too, is not empty */
        RV_EXPECT_EQ(byte, 'm');
    }
    RV_EXPECT_EQ(rove_join(t, NULL), 1);
    RV_EXPECT_EQ(recv(to, &byte, 1, MSG_DONTWAIT), -1);
    RV_EXPECT_EQ(rove_close(l.from), 0);
    return rove_close(to);
}

/* Goal: who waits for room in a peer's queue, of which nothing tells, does not try all the time;
 * and its message arrives whole. */
RV_TASK_TEST(test_datagram_full_queue_of_the_peer_is_waited_for)
{
    for (int i = 0; i < 4; i++) {
        RV_REQUIRE_EQ(wait_for_room(i % 2 == 0 ? 0 : SOCK_NONBLOCK, i / 2 == 0), 0);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagram_full_queue_of_the_peer_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
