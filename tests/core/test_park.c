// SPDX-License-Identifier: MIT
/*
 * Purpose: core/park.c: no wake-up is lost, time-outs end, cancelling leaves no trace.
 */
#include "core/park.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 20000

/* Goal: without waiters a notification changes nothing; prepared ones see it. */
static void test_park_notify_reaches_only_prepared_threads(void **state)
{
    struct rv_park p;
    uint32_t key;

    (void)state;
    rv_park_init(&p);
    rv_park_notify_one(&p);
    rv_park_notify_all(&p);
    assert_int_equal(rv_load_relaxed(&p.epoch), 0);
    key = rv_park_prepare(&p);
    rv_park_notify_one(&p);
    assert_int_equal(rv_park_commit(&p, key, -1), 0);
    assert_int_equal(rv_load_relaxed(&p.waiters), 0);
    key = rv_park_prepare(&p);
    rv_park_cancel(&p);
    rv_park_notify_all(&p);
    assert_int_equal(rv_load_relaxed(&p.epoch), key);
}

/* Goal: a time-out ends the sleep and says so; one that is over at once does not sleep. */
static void test_park_commit_times_out(void **state)
{
    struct rv_park p;

    (void)state;
    rv_park_init(&p);
    assert_int_equal(rv_park_commit(&p, rv_park_prepare(&p), 0), -ETIMEDOUT);
    assert_int_equal(rv_park_commit(&p, rv_park_prepare(&p), 1000000), -ETIMEDOUT);
    assert_int_equal(rv_load_relaxed(&p.waiters), 0);
}

struct table {
    struct rv_park to[2];
    RV_ATOMIC(uint32_t) ball[2]; /* how often the ball was sent to this side */
};

static void wait_for_ball(struct table *t, unsigned side, uint32_t count)
{
    for (;;) {
        uint32_t key;

        if (rv_load_relaxed(&t->ball[side]) == count)
            return;
        key = rv_park_prepare(&t->to[side]);
        if (rv_load_relaxed(&t->ball[side]) == count) {
            rv_park_cancel(&t->to[side]);
            return;
        }
        assert_int_equal(rv_park_commit(&t->to[side], key, -1), 0);
    }
}

static void send_ball(struct table *t, unsigned side, uint32_t count)
{
    rv_store_relaxed(&t->ball[side], count);
    rv_park_notify_one(&t->to[side]);
}

static void *play_back(void *arg)
{
    struct table *t = arg;

    for (uint32_t i = 1; i <= ROUNDS; i++) {
        wait_for_ball(t, 1, i);
        send_ball(t, 0, i);
    }
    return NULL;
}

/* Goal: a wake-up lost would stop the game for ever. */
static void test_park_ping_pong_never_stops(void **state)
{
    struct table *t = calloc(1, sizeof(*t));
    pthread_t thread;

    (void)state;
    assert_non_null(t);
    assert_int_equal(pthread_create(&thread, NULL, play_back, t), 0);
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        send_ball(t, 1, i);
        wait_for_ball(t, 0, i);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(rv_load_relaxed(&t->to[0].waiters), 0);
    assert_int_equal(rv_load_relaxed(&t->to[1].waiters), 0);
    free(t);
}

#define CONSUMERS 3

struct tokens {
    struct rv_park park;
    RV_ATOMIC(uint32_t) available;
    RV_ATOMIC(uint32_t) taken;
    RV_ATOMIC(uint32_t) closed;
};

static bool take_token(struct tokens *t)
{
    uint32_t n = rv_load_relaxed(&t->available);

    while (n > 0)
        if (rv_cas_weak_relaxed(&t->available, &n, n - 1))
            return true;
    return false;
}

static void *consume(void *arg)
{
    struct tokens *t = arg;

    for (;;) {
        uint32_t key;

        if (take_token(t)) {
            (void)rv_fetch_add_relaxed(&t->taken, 1u);
            continue;
        }
        key = rv_park_prepare(&t->park);
        if (rv_load_relaxed(&t->available) != 0 || rv_load_relaxed(&t->closed) != 0)
            rv_park_cancel(&t->park);
        else
            (void)rv_park_commit(&t->park, key, -1);
        if (rv_load_relaxed(&t->closed) != 0 && rv_load_relaxed(&t->available) == 0)
            return NULL;
    }
}

/* Goal: one notification a token is enough for several sleepers, and all end on notify_all. */
static void test_park_every_token_finds_a_consumer(void **state)
{
    struct tokens *t = calloc(1, sizeof(*t));
    pthread_t threads[CONSUMERS];

    (void)state;
    assert_non_null(t);
    for (int i = 0; i < CONSUMERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, consume, t), 0);
    for (int i = 0; i < ROUNDS; i++) {
        (void)rv_fetch_add_relaxed(&t->available, 1u);
        rv_park_notify_one(&t->park);
    }
    rv_store_relaxed(&t->closed, 1u);
    rv_park_notify_all(&t->park);
    for (int i = 0; i < CONSUMERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(rv_load_relaxed(&t->taken), ROUNDS);
    assert_int_equal(rv_load_relaxed(&t->park.waiters), 0);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_park_notify_reaches_only_prepared_threads),
        cmocka_unit_test(test_park_commit_times_out),
        cmocka_unit_test(test_park_ping_pong_never_stops),
        cmocka_unit_test(test_park_every_token_finds_a_consumer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
