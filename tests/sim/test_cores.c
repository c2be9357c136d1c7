// SPDX-License-Identifier: MIT
/*
 * Purpose: the machine of many cores (core/cores.h) charges what it says, and on it the scheduler
 *          scales: a change that would not is seen here, on any machine.
 * Idea:    simulated time follows from the sources and the seed, so bounds on it are exact: no run
 *          on a busy machine can miss them. docs/many-cores.md has the tables they are taken from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base.h"
#include "core/cores.h"
#include "core/sim.h"
#include "tools/cores/load.h"
#include "tools/cores/prices.h"

enum { TURNS = 1000 };

static RV_ALIGNED_LINE char line[4 * RV_CACHE_LINE];

static int64_t elapsed_by(const char *at, enum rv_cores_kind kind)
{
    int64_t begun_ps = rv_cores_clock.now_ps;
    rv_cores_access(at, kind, NULL);
    return rv_cores_clock.now_ps - begun_ps;
}

static void *reader(void *arg)
{
    const struct rv_cores_costs *c = &prices_here;
    assert_int_equal(elapsed_by(arg, RV_CORES_READ), c->hit_ps + c->line_ps);
    assert_int_equal(elapsed_by(arg, RV_CORES_READ), c->hit_ps);
    return NULL;
}

static void check_prices(void *ctx)
{
    const struct rv_cores_costs *c = &prices_here;
    uint64_t id;
    (void)ctx;
    assert_int_equal(elapsed_by(line, RV_CORES_READ), c->hit_ps + c->cold_ps);
    assert_int_equal(elapsed_by(line, RV_CORES_WRITE), c->hit_ps);
    assert_int_equal(elapsed_by(line + 1, RV_CORES_UPDATE), c->hit_ps + c->rmw_ps);
    assert_int_equal(rv_sim_thread_create(&id, reader, line), 0);
    rv_sim_join(id);
    /* Both have it now: a store is buffered, what drains the buffer waits for it. */
    assert_int_equal(elapsed_by(line, RV_CORES_WRITE), c->hit_ps);
    int64_t begun_ps = rv_cores_clock.now_ps;
    rv_cores_fence();
    assert_int_equal(rv_cores_clock.now_ps - begun_ps, c->line_ps + c->fence_ps);
}

static void *updater(void *arg)
{
    for (int i = 0; i < TURNS; i++) {
        rv_cores_atomic(arg, RV_CORES_UPDATE, NULL);
    }
    return NULL;
}

/* Two cores update `stride` bytes apart; how long that takes. */
static int64_t contend(size_t stride)
{
    uint64_t a, b;
    int64_t begun_ps = rv_cores_clock.now_ps;
    assert_int_equal(rv_sim_thread_create(&a, updater, line), 0);
    assert_int_equal(rv_sim_thread_create(&b, updater, line + stride), 0);
    rv_sim_join(a);
    rv_sim_join(b);
    return rv_cores_clock.now_ps - begun_ps;
}

static void check_contention(void *ctx)
{
    const struct rv_cores_costs *c = &prices_here;
    struct rv_cores_count count;
    (void)ctx;
    rv_cores_begin();
    int64_t most_ps = TURNS * (c->hit_ps + c->rmw_ps) + 4 * (c->wake_ps + c->wake_call_ps);
    assert_in_range(contend(2 * RV_CACHE_LINE), 1, most_ps);
    rv_cores_end(&count);
    assert_int_equal(count.transfers, 0);
    assert_int_equal(count.cold, 2);
    rv_cores_begin();
    assert_true(contend(1) > TURNS * c->line_ps);
    rv_cores_end(&count);
    assert_in_range(count.transfers, TURNS, 2 * TURNS + 2);
}

static void run_body(void (*body)(void *ctx))
{
    struct rv_sim_outcome outcome;
    rv_cores_set_costs(&prices_here);
    assert_int_equal(rv_sim_run(&(struct rv_sim_config){.seed = 1}, body, NULL, &outcome), 0);
    if (outcome.error != 0)
        fail_msg("%s", outcome.text);
}

/* Goal: the table of core/cores.h. Method: one core, then a second one, touch a line. */
static void test_cores_access_costs_what_the_caches_do(void **state)
{
    (void)state;
    run_body(check_prices);
}

/* Goal: a line is at one place at a time. Method: two cores update one line, then two lines. */
static void test_cores_contended_line_is_handed_over_in_turn(void **state)
{
    (void)state;
    run_body(check_contention);
}

static struct load_result run_load(const char *name, unsigned cores, unsigned size)
{
    struct load_result r;
    rv_cores_set_costs(&prices_here);
    int rc = load_run(load_find(name), cores, size, 1, NULL, &r);
    if (rc != 0)
        fail_msg("%s on %u cores: %d: %s", name, cores, rc, r.report.trouble);
    return r;
}

/* Goal: a run can be looked at again. Method: each load twice; the number of cores changes it. */
static void test_cores_same_seed_same_time(void **state)
{
    (void)state;
    for (const struct load *load = loads; load->name != NULL; load++) {
        unsigned size = load->is_per_core ? 4 : 256;
        struct load_result a = run_load(load->name, 3, size);
        struct load_result b = run_load(load->name, 3, size);
        struct load_result c = run_load(load->name, 4, size);
        assert_true(a.hash == b.hash && a.hash != c.hash);
        assert_int_equal(a.count.elapsed_ps, b.count.elapsed_ps);
        assert_int_equal(a.count.transfers, b.count.transfers);
    }
}

/* How many times as fast as on one core. */
static double speed_up(const char *name, unsigned cores, unsigned size)
{
    struct load_result one = run_load(name, 1, size);
    struct load_result many = run_load(name, cores, size);
    double rate_one = (double)one.operations / (double)one.count.elapsed_ps;
    double rate_many = (double)many.operations / (double)many.count.elapsed_ps;
    print_message("%s: %.2f times as fast on %u cores, %.3f lines each\n", name,
                  rate_many / rate_one, cores,
                  (double)many.count.transfers / (double)many.operations);
    return rate_many / rate_one;
}

/* Goal: a tree of tasks spreads. Method: 16384 leaves of half a microsecond. */
static void test_cores_fork_join_scales(void **state)
{
    (void)state;
    assert_true(speed_up("fork-join", 4, 16384) > 3.0);
    assert_true(speed_up("fork-join", 16, 16384) > 4.2);
}

/* Goal: what one parent creates is run by many. Method: tasks of 2 us, made in 0.4 us or more. */
static void test_cores_fan_out_scales_until_its_parent_is_busy(void **state)
{
    (void)state;
    assert_true(speed_up("fan-out", 2, 4096) > 1.6);
    assert_true(speed_up("fan-out", 4, 4096) > 2.6); /* 2.99 to 3.24, by seed and build */
    assert_true(speed_up("fan-out", 64, 4096) > 3.5);
}

/* Goal: pairs that have nothing to do with each other do not slow each other down. */
static void test_cores_pairs_scale(void **state)
{
    (void)state;
    assert_true(speed_up("ping-pong", 4, 5000) > 2.0); /* first they find their places */
    assert_true(speed_up("ping-pong", 16, 10000) > 4.5); /* 5.5 to 8.8, by seed and build */
    assert_true(speed_up("ping-pong", 64, 1000) > 5.0); /* below 4 while all queued for a lock */
}

/* Goal: busy workers do not slow each other down by looking after each other. Method: 20000 yields
 * on 4 cores: 1000 last as long there as ten wake-ups, and the luck of the first thieves decides;
 * 20000 give 2.0 to 2.5, by seed, of a lone worker's rate, which shares nothing with thieves. */
static void test_cores_yields_scale(void **state)
{
    (void)state;
    assert_true(speed_up("yield", 4, 20000) > 1.8);
    assert_true(speed_up("yield", 16, 5000) > 5.5);
    assert_true(speed_up("yield", 64, 1000) > 5.0); /* less than 3 while all tried to look */
}

enum { SLEEPERS = 1000 };

static struct rv_cores_count idle_count;

static int sleep_long(void *arg, void **result)
{
    (void)arg, (void)result;
    return rove_sleep(ROVE_SEC(7200));
}

/* An hour in which 1000 tasks sleep, but for its last moment. */
static int sleep_an_hour(void *arg, void **result)
{
    static rove_task *tasks[SLEEPERS];
    (void)arg, (void)result;
    for (int i = 0; i < SLEEPERS; i++) {
        tasks[i] = rove_create_task(sleep_long, NULL);
    }
    int rc = rove_sleep(ROVE_SEC(10)); /* until everyone sleeps, and what they keep is trimmed */
    rv_cores_begin();
    rc = rc == 0 ? rove_sleep(ROVE_SEC(3600)) : rc;
    rv_cores_end(&idle_count);
    for (int i = 0; i < SLEEPERS; i++) {
        rove_cancel(tasks[i]);
        rove_join(tasks[i], NULL);
    }
    return rc;
}

/* Goal: who has nothing to do does nothing. Method: every step of the kernel in an hour is counted;
 * there is the sleep, and the wake-up from it. */
static void test_cores_idle_runtime_makes_no_calls(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 64; workers *= 8) {
        rove_sim_report report;
        const rove_sim_options options = {
            .runtime = {.workers = workers}, .no_faults = true, .report = &report};
        rv_cores_set_costs(&prices_here);
        int rc = rove_sim_run(1, &options, sleep_an_hour, NULL);
        if (rc != 0)
            fail_msg("%u workers: %d: %s", workers, rc, report.trouble);
        print_message("%u workers: %d calls, %d wake-ups, %d accesses in an hour\n", workers,
                      (int)idle_count.calls, (int)idle_count.wakes, (int)idle_count.accesses);
        assert_true(idle_count.elapsed_ps >= INT64_C(3600) * 1000000000 * 1000);
        assert_in_range(idle_count.calls, 1, 8);
        assert_in_range(idle_count.accesses, 1, 100000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cores_access_costs_what_the_caches_do),
        cmocka_unit_test(test_cores_contended_line_is_handed_over_in_turn),
        cmocka_unit_test(test_cores_same_seed_same_time),
        cmocka_unit_test(test_cores_fork_join_scales),
        cmocka_unit_test(test_cores_fan_out_scales_until_its_parent_is_busy),
        cmocka_unit_test(test_cores_pairs_scale),
        cmocka_unit_test(test_cores_yields_scale),
        cmocka_unit_test(test_cores_idle_runtime_makes_no_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
