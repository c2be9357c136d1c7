// SPDX-License-Identifier: MIT
/*
 * Purpose: the broadcast: everybody gets everything, or learns how much was missed.
 */
#include "support/crowd.h"
#include "support/fixture.h"

/* Goal: a subscriber gets what is sent from then on; a slow one is told what it missed. */
RV_TASK_TEST(test_broadcast_lag_is_reported)
{
    rove_broadcast *b = rove_broadcast_create(sizeof(int), 4);
    int n = -1;
    uint64_t missed = 99;
    RV_EXPECT_EQ(rove_broadcast_send(b, &n), 0); /* before anybody subscribed */
    rove_subscriber *s = rove_broadcast_subscribe(b);
    RV_EXPECT_EQ(rove_subscriber_try_recv(s, &n, &missed), -EAGAIN);
    for (int i = 0; i < 11; i++) {
        RV_EXPECT_EQ(rove_broadcast_send(b, &i), 0);
    }
    for (int i = 7; i < 11; i++) {
        RV_EXPECT_EQ(rove_subscriber_recv(s, &n, &missed), 0);
        RV_EXPECT_EQ(n, i);
        RV_EXPECT_EQ(missed, i == 7 ? 7 : 0);
    }
    RV_EXPECT_EQ(rove_broadcast_send(b, &n), 0);
    RV_EXPECT_EQ(rove_broadcast_close(b), 0);
    RV_EXPECT_EQ(rove_broadcast_close(b), -EPIPE);
    RV_EXPECT_EQ(rove_broadcast_send(b, &n), -EPIPE);
    rove_broadcast_release(b); /* the subscriber keeps it */
    RV_EXPECT_EQ(rove_subscriber_recv(s, &n, NULL), 0);
    RV_EXPECT_EQ(rove_subscriber_recv(s, &n, NULL), -EPIPE);
    RV_EXPECT_EQ(rove_subscriber_recv(NULL, &n, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_subscriber_recv_blocking(s, &n, NULL, 0), -EPERM);
    rove_subscriber_release(s);
    return 0;
}

struct stress {
    rove_broadcast *broadcast;
    RV_ATOMIC(unsigned) subscribed;
    RV_ATOMIC(uint64_t) missed;
    unsigned total;
};

struct listener {
    struct stress *stress;
    rove_subscriber *subscriber;
    uint64_t got, missed;
};

/* Numbers come in order; each gap is what was reported as missed. */
static int listen_once(struct listener *l, bool is_task)
{
    uint64_t n = 0;
    uint64_t missed = 0;
    int rc = is_task ? rove_subscriber_recv(l->subscriber, &n, &missed)
                     : rove_subscriber_recv_blocking(l->subscriber, &n, &missed, ROVE_US(50));
    if (rc == 0) {
        l->missed += missed;
        RV_EXPECT_EQ(n, l->got + l->missed);
        l->got++;
    }
    return rc;
}

static bool listen_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    struct listener l = {.stress = s, .subscriber = rove_broadcast_subscribe(s->broadcast)};
    (void)rv_fetch_add_relaxed(&s->subscribed, 1u);
    int rc;
    do {
        rc = listen_once(&l, m->is_task);
        RV_EXPECT(rc == 0 || rc == -EPIPE || rc == (m->is_task ? -ECANCELED : -ETIMEDOUT));
    } while (rc != -EPIPE);
    RV_EXPECT_EQ(l.got + l.missed, s->total);
    rove_subscriber_release(l.subscriber);
    m->done = 1;
    return false;
}

/* Goal: with cancels and timeouts every listener accounts for every element, in order. */
static int stress_body(void *arg, RV_UNUSED void **result)
{
    struct stress s = {.broadcast = rove_broadcast_create(sizeof(uint64_t), 8),
                       .total = *(unsigned *)arg * rv_crowd_factor()};
    struct rv_crowd crowd;
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&crowd, 6, 1, listen_step, &s);
    RV_YIELD_UNTIL(rv_load_relaxed(&s.subscribed) == 7);
    for (uint64_t n = 0; n < s.total; n++) {
        RV_EXPECT_EQ(rove_broadcast_send(s.broadcast, &n), 0);
        if (rv_rand_below(&rand, 8) == 0) {
            rv_crowd_harass(&crowd, &rand);
        }
    }
    RV_EXPECT_EQ(rove_broadcast_close(s.broadcast), 0);
    RV_EXPECT_EQ(rv_crowd_finish(&crowd, &rand), 7);
    rove_broadcast_release(s.broadcast);
    return 0;
}

static void test_broadcast_stress_accounts_for_everything(void **state)
{
    (void)state;
    unsigned total = 10000;
    rv_test_run(stress_body, &total);
    rv_test_run_on(64, stress_body, &total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broadcast_lag_is_reported),
        cmocka_unit_test(test_broadcast_stress_accounts_for_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
