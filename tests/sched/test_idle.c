// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/idle.h: who is counted where at each step of the sleep protocol, and who is woken.
 * Idea:    a runtime that stands still; the test plays all workers. The argument about two threads
 *          is counted out by the model (tests/model/models_idle.c); here are the books it uses.
 */
#include "support/child.h"
#include "support/fixture.h"
#include "support/still.h"

#include "core/rand.h"
#include "sched/idle.h"

enum { STEPS = 20000 };

static struct rv_still still;

static struct rv_worker *worker(unsigned i)
{
    return &still.workers[i];
}

static uint32_t searching(void)
{
    return rv_load_relaxed(&still.runtime.idle.searching);
}

static uint32_t asleep(void)
{
    return rv_load_relaxed(&still.runtime.idle.sleeping);
}

static unsigned woken(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < RV_STILL_WORKERS; i++)
        n += still.woken[i];
    return n;
}

/* Goal: one sleeper is woken, the last to come, and counts as searching from that moment on. */
static void test_idle_notify_wakes_the_last_sleeper(void **state)
{
    (void)state;
    assert_int_equal(rv_still_init(&still, 3), 0);
    rv_idle_notify(&still.runtime);
    assert_int_equal(woken(), 0);
    for (unsigned i = 0; i < 3; i++)
        rv_idle_announce(worker(i));
    assert_int_equal(asleep(), 3);
    rv_idle_notify(&still.runtime);
    assert_int_equal(still.woken[2], 1);
    assert_int_equal(asleep(), 2);
    assert_int_equal(searching(), 1);
    rv_idle_notify(&still.runtime); /* somebody searches already */
    assert_int_equal(woken(), 1);
    rv_idle_retract(worker(2));
    assert_true(worker(2)->is_searching);
    assert_int_equal(rv_load_relaxed(&worker(2)->count.wakeups), 1);
    assert_true(rv_idle_stop_search(worker(2)));
    rv_idle_notify(&still.runtime);
    assert_int_equal(still.woken[1], 1);
    rv_idle_retract(worker(1));
    (void)rv_idle_stop_search(worker(1));
    rv_idle_retract(worker(0)); /* nobody woke it: it does not search */
    assert_false(worker(0)->is_searching);
    assert_int_equal(rv_load_relaxed(&worker(0)->count.wakeups), 0);
    assert_int_equal(asleep() + searching(), 0);
    rv_still_fini(&still);
}

/* Goal: at most half of the awake workers search; who has seen work does so in any case. */
static void test_idle_at_most_half_of_the_awake_search(void **state)
{
    (void)state;
    assert_int_equal(rv_still_init(&still, 5), 0);
    rv_idle_announce(worker(4));
    assert_true(rv_idle_try_search(worker(0)));
    assert_true(rv_idle_try_search(worker(0))); /* counted already */
    assert_int_equal(searching(), 1);
    assert_true(rv_idle_try_search(worker(1)));
    assert_false(rv_idle_try_search(worker(2))); /* two of four */
    rv_idle_start_search(worker(2));
    rv_idle_start_search(worker(2));
    assert_int_equal(searching(), 3);
    assert_false(rv_idle_stop_search(worker(2)));
    assert_false(rv_idle_stop_search(worker(1)));
    rv_idle_announce(worker(1));
    assert_true(rv_idle_stop_search(worker(0))); /* the last one */
    rv_idle_start_search(worker(0));
    rv_idle_announce(worker(0)); /* who goes to sleep searches no more */
    assert_int_equal(searching(), 0);
    assert_int_equal(asleep(), 3);
    rv_still_fini(&still);
}

/* Goal: the named worker is woken, also from the middle; one that is awake is told to look. */
static void test_idle_wakes_the_worker_that_is_meant(void **state)
{
    (void)state;
    assert_int_equal(rv_still_init(&still, 4), 0);
    for (unsigned i = 0; i < 3; i++)
        rv_idle_announce(worker(i));
    assert_true(rv_idle_wake_worker(worker(1)));
    assert_false(rv_idle_wake_worker(worker(1)));
    assert_int_equal(still.woken[1], 1);
    assert_int_equal(woken(), 1);
    assert_false(rv_idle_wake_worker(worker(3)));
    rv_idle_notify_worker(worker(0));
    assert_int_equal(rv_load_relaxed(&worker(0)->is_wanted), 0);
    rv_idle_notify_worker(worker(3));
    assert_int_equal(rv_load_relaxed(&worker(3)->is_wanted), 1);
    assert_int_equal(asleep(), 1);
    assert_int_equal(searching(), 2);
    rv_idle_notify_all(&still.runtime);
    assert_int_equal(asleep(), 0);
    assert_int_equal(still.woken[2], 1);
    assert_int_equal(woken(), 3);
    rv_still_fini(&still);
}

/* Goal: a private task calls for a watcher only if a task runs here, others sleep and nobody
 * looks. */
static void test_idle_hint_wakes_a_watcher_when_nobody_looks(void **state)
{
    static struct rv_task task;
    struct rv_idle *idle = &still.runtime.idle;
    (void)state;
    assert_int_equal(rv_still_init(&still, 2), 0);
    rv_idle_announce(worker(1));
    rv_idle_hint(worker(0)); /* the scheduler context: it runs the task next */
    assert_int_equal(woken(), 0);
    rv_store_relaxed(&worker(0)->current, &task);
    rv_store_relaxed(&idle->watching, 1u);
    rv_idle_hint(worker(0));
    rv_store_relaxed(&idle->watching, 0u);
    rv_store_relaxed(&idle->searching, 1u);
    rv_idle_hint(worker(0));
    assert_int_equal(woken(), 0);
    rv_store_relaxed(&idle->searching, 0u);
    rv_idle_hint(worker(0));
    assert_int_equal(still.woken[1], 1);
    rv_still_fini(&still);
}

struct book {
    bool sleeps[RV_STILL_WORKERS]; /* between announce and retract */
    bool listed[RV_STILL_WORKERS]; /* .. and not woken */
};

/* The worker's own next step, or a wake-up from anywhere. */
static void random_step(struct book *b, struct rv_rand *rand)
{
    unsigned i = (unsigned)rv_rand_below(rand, RV_STILL_WORKERS);
    struct rv_worker *w = worker(i);
    unsigned before = still.woken[i];
    unsigned all = woken();
    switch (rv_rand_below(rand, 4)) {
    case 0:
        if (b->sleeps[i])
            rv_idle_retract(w);
        else
            rv_idle_announce(w);
        b->sleeps[i] = !b->sleeps[i];
        b->listed[i] = b->sleeps[i];
        break;
    case 1:
        if (!b->sleeps[i] && w->is_searching)
            (void)rv_idle_stop_search(w);
        else if (!b->sleeps[i])
            (void)rv_idle_try_search(w);
        break;
    case 2:
        assert_int_equal(rv_idle_wake_worker(w), b->listed[i]);
        assert_int_equal(still.woken[i] - before, b->listed[i]);
        b->listed[i] = false;
        break;
    default:
        rv_idle_notify(&still.runtime);
        assert_true(woken() - all <= 1);
        for (i = 0; i < RV_STILL_WORKERS; i++)
            b->listed[i] = b->listed[i] && worker(i)->is_listed;
    }
}

/* Goal: after any sequence of steps the counts are those of the workers, one by one. */
static void test_idle_counts_agree_after_random_steps(void **state)
{
    struct book b = {0};
    struct rv_rand rand;
    (void)state;
    assert_int_equal(rv_still_init(&still, RV_STILL_WORKERS), 0);
    rv_rand_seed(&rand, 11);
    for (int i = 0; i < STEPS; i++) {
        uint32_t listed = 0;
        uint32_t counted = 0;
        random_step(&b, &rand);
        for (unsigned k = 0; k < RV_STILL_WORKERS; k++) {
            bool is_woken = b.sleeps[k] && !b.listed[k]; /* on its way, counted by who woke it */
            assert_int_equal(worker(k)->is_listed, b.listed[k]);
            listed += b.listed[k];
            counted += is_woken || (!b.sleeps[k] && worker(k)->is_searching);
        }
        assert_int_equal(asleep(), listed);
        assert_int_equal(searching(), counted);
    }
    rv_still_fini(&still);
}

static int announce_more_than_there_are(void)
{
    if (rv_still_init(&still, 1) < 0)
        return 1;
    rv_idle_announce(worker(0));
    rv_idle_announce(worker(0));
    return 0;
}

static void test_idle_broken_rules_stop_the_program(void **state)
{
    (void)state;
    assert_true(rv_child_breaks(announce_more_than_there_are, "a worker sleeps once"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_notify_wakes_the_last_sleeper),
        cmocka_unit_test(test_idle_at_most_half_of_the_awake_search),
        cmocka_unit_test(test_idle_wakes_the_worker_that_is_meant),
        cmocka_unit_test(test_idle_hint_wakes_a_watcher_when_nobody_looks),
        cmocka_unit_test(test_idle_counts_agree_after_random_steps),
        cmocka_unit_test(test_idle_broken_rules_stop_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
