// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/active.h: when fewer workers are tried, and kept; what one that stands aside does
 *          with its tasks, and what wakes it.
 * Idea:    the judgement is a function of its arguments: the test is the kernel's scheduler. The
 *          rest on a runtime that stands still. Running programs: test_aside.c.
 */
#include "support/fixture.h"
#include "support/still.h"

#include "core/rand.h"
#include "sched/active.h"
#include "sched/ready.h"

enum { WINDOW_NS = 10000000, BUSY = 100000, MANY_WINDOWS = 10000, WORKERS = 64 };

static struct rv_active active;
static int64_t now_ns;
static uint32_t workers;

static void begin(uint32_t n)
{
    active = (struct rv_active){.rate = 0};
    now_ns = WINDOW_NS;
    workers = n;
}

/* A window passes; how many stand aside from now on. */
static uint32_t pass(int64_t rate, uint32_t used, uint32_t waited)
{
    const struct rv_active_sight sight = {
        .now_ns = now_ns, .rate = rate, .used = used, .waited = waited, .workers = workers};
    uint32_t aside = rv_active_decide(&active, &sight);
    rv_store_relaxed(&active.aside, aside);
    now_ns += WINDOW_NS;
    return aside;
}

/* How many windows like this until the number of those who stand aside changes. */
static unsigned count_until_change(int64_t rate, uint32_t used, uint32_t waited)
{
    uint32_t before = rv_load_relaxed(&active.aside);
    unsigned n = 1;
    while (pass(rate, used, waited) == before && n < MANY_WINDOWS)
        n++;
    return n;
}

/* Goal: two workers wait for each other's processor and together had one: one of them is tried, and
 * goes on if the wait is gone and as much gets done. */
static void test_active_fewer_are_kept_when_nothing_is_lost(void **state)
{
    (void)state;
    begin(2);
    assert_int_equal(pass(BUSY, 1000, 900), 1);
    assert_int_equal(pass(BUSY, 980, 20), 1);
    assert_int_equal(active.phase, RV_ACTIVE_STEADY);
    assert_int_equal(pass(BUSY, 980, 20), 1);
}

/* Goal: they are not if less gets done, or if the one waits as before; then it takes longer and
 * longer until they are tried again, up to a bound. */
static void test_active_failed_trials_become_rare(void **state)
{
    (void)state;
    for (int is_slower = 0; is_slower < 2; is_slower++) {
        begin(2);
        assert_int_equal(pass(BUSY, 1000, 900), 1);
        unsigned last = 0;
        for (int i = 0; i < 20; i++) {
            assert_int_equal(is_slower ? pass(BUSY / 2, 990, 10) : pass(BUSY, 500, 490), 0);
            unsigned n = count_until_change(BUSY, 1000, 900);
            assert_true(n >= last && n < MANY_WINDOWS);
            last = n;
        }
        assert_true(last > 1000); /* ten seconds */
    }
}

/* Goal: nobody is sent aside without a reason: no waiting, nothing to do, no I/O to speak of, or
 * more time from the kernel than fewer could use. */
static void test_active_all_run_where_fewer_would_lose(void **state)
{
    static const struct {
        int64_t rate;
        uint32_t used, waited;
    } sights[] = {{BUSY, 2000, 0}, {BUSY, 1700, 300}, {BUSY, 1330, 670}, {BUSY, 300, 200},
                  {100, 1000, 1000}, {0, 0, 0}, {BUSY, 0, 0}};
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(sights); i++) {
        begin(2);
        for (int n = 0; n < 100; n++)
            assert_int_equal(pass(sights[i].rate, sights[i].used, sights[i].waited), 0);
    }
}

static void send_one_aside(void)
{
    begin(2);
    assert_int_equal(pass(BUSY, 1000, 900), 1);
    assert_int_equal(pass(BUSY, 980, 20), 1);
}

/* Goal: from time to time more are tried. If the crowd is still there and nothing is gained they go
 * aside again, for twice as long, up to a bound. */
static void test_active_more_are_tried_less_and_less_often(void **state)
{
    (void)state;
    send_one_aside();
    unsigned last = 0;
    for (int i = 0; i < 10; i++) {
        unsigned n = count_until_change(BUSY, 980, 20);
        assert_int_equal(rv_load_relaxed(&active.aside), 0);
        assert_true(n >= last && n < MANY_WINDOWS);
        last = n;
        assert_int_equal(pass(BUSY, 1000, 900), 1);
    }
    assert_true(last > 500); /* five seconds */
}

/* Goal: when the crowd has gone, or more get more done, all run on. */
static void test_active_more_are_kept_when_it_helps(void **state)
{
    (void)state;
    send_one_aside();
    (void)count_until_change(BUSY, 980, 20);
    assert_int_equal(pass(BUSY, 1900, 10), 0);
    assert_int_equal(count_until_change(BUSY, 1900, 10), MANY_WINDOWS);
    begin(WORKERS);
    assert_int_equal(pass(BUSY, 2000, 62000), WORKERS - 2);
    assert_int_equal(pass(BUSY, 2000, 0), WORKERS - 2);
    unsigned n = 0; /* the crowd is gone: the first asks after half a second, then all come */
    for (uint32_t aside = WORKERS - 2; aside > 0 && n < MANY_WINDOWS; n++)
        aside = pass(BUSY, (WORKERS - aside) * 1000, 0);
    assert_true(n < 70);
    send_one_aside();
    (void)count_until_change(BUSY, 980, 20);
    assert_int_equal(pass(BUSY * 11 / 10, 1000, 900), 0);
    assert_int_equal(pass(BUSY * 11 / 10, 1000, 900), 0); /* not tried again at once */
}

/* Goal: when there is little to do, for some windows, all may run. */
static void test_active_calm_ends_it(void **state)
{
    (void)state;
    send_one_aside();
    assert_int_equal(pass(BUSY, 100, 0), 1);
    assert_int_equal(pass(BUSY, 980, 20), 1); /* a gap is no calm */
    assert_int_equal(pass(BUSY, 100, 0), 1);
    assert_int_equal(pass(BUSY, 100, 0), 1);
    assert_int_equal(pass(BUSY, 100, 0), 0);
    send_one_aside();
    (void)pass(0, 980, 20);
    (void)pass(0, 980, 20);
    assert_int_equal(pass(0, 980, 20), 0);
}

/* Goal: of many workers as many go on as they had processors together; half come back at a time. */
static void test_active_many_go_and_come_in_steps(void **state)
{
    (void)state;
    begin(WORKERS);
    assert_int_equal(pass(BUSY, 48000, 15500), 16);
    assert_int_equal(pass(BUSY, 48000, 500), 16);
    (void)count_until_change(BUSY, 48000, 500);
    assert_int_equal(rv_load_relaxed(&active.aside), 8);
    assert_int_equal(pass(BUSY * 11 / 10, 55000, 500), 8);
}

/* Goal: whatever windows are like, one worker runs. */
static void test_active_somebody_always_runs(void **state)
{
    struct rv_rand rand;
    (void)state;
    rv_rand_seed(&rand, 1);
    for (uint32_t n = 2; n <= WORKERS; n++) {
        begin(n);
        unsigned went = 0;
        for (int i = 0; i < 4000; i++) {
            uint32_t count = n - rv_load_relaxed(&active.aside);
            uint32_t used = (uint32_t)rv_rand_below(&rand, count * 1000 + 1);
            uint32_t waited = (uint32_t)rv_rand_below(&rand, count * 1000 - used + 1);
            uint32_t aside = pass((int64_t)rv_rand_below(&rand, 4 * BUSY), used, waited);
            assert_true(aside < n);
            went += aside > 0;
        }
        assert_true(went > 0);
    }
}

static struct rv_still still;
static struct rv_task tasks[8];

static struct rv_worker *open_runtime(unsigned n, uint32_t aside)
{
    assert_int_equal(rv_still_init(&still, n), 0);
    for (size_t i = 0; i < RV_ARRAY_LEN(tasks); i++)
        rv_still_task(&still, &tasks[i], 0);
    rv_active_force(&still.runtime, aside);
    return rv_still_play(&still, n - 1);
}

static void drain(unsigned i)
{
    struct rv_worker *w = rv_still_play(&still, i);
    do
        rv_ready_take_injected(w);
    while (rv_ready_pick_fair(w) != NULL);
}

/* Goal: the last ones stand aside, the first never. */
static void test_active_the_last_stand_aside(void **state)
{
    (void)state;
    (void)open_runtime(4, 0);
    for (uint32_t aside = 0; aside < 4; aside++) {
        rv_active_force(&still.runtime, aside);
        assert_int_equal(rv_active_count(&still.runtime), 4 - aside);
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(rv_active_is_aside(&still.workers[i]), i >= 4 - aside);
    }
    rv_still_fini(&still);
}

/* Goal: what may leave is handed over, from all queues, and a sleeper is woken for it; a task that
 * is bound to the worker runs there. */
static void test_active_tasks_are_handed_over_but_for_bound_ones(void **state)
{
    (void)state;
    struct rv_worker *w = open_runtime(2, 1);
    tasks[3].future.flags |= RV_TASK_PINNED;
    tasks[3].future.is_started = true;
    tasks[3].worker = w;
    rv_ready_push_local(w, &tasks[0]);
    rv_ready_push_local(w, &tasks[1]);
    rv_ready_push_cont(w, &tasks[2]);
    rv_ready_push_local(w, &tasks[3]);
    rv_idle_announce(&still.workers[0]);
    unsigned bound = 0;
    struct rv_task *t;
    while ((t = rv_active_pick(w)) != NULL) {
        assert_ptr_equal(t, &tasks[3]);
        bound++;
    }
    assert_int_equal(bound, 1);
    assert_true(rv_ready_is_empty(w));
    assert_int_equal(rv_load_relaxed(&still.runtime.injected_count), 3);
    assert_int_equal(still.woken[0], 1);
    rv_idle_retract(&still.workers[0]);
    rv_idle_stop_search(&still.workers[0]);
    drain(0);
    rv_still_fini(&still);
}

/* Goal: one that was woken for work before it went aside passes the wake-up on. */
static void test_active_a_wake_up_is_passed_on(void **state)
{
    (void)state;
    struct rv_worker *w = open_runtime(3, 1);
    rv_idle_announce(&still.workers[0]);
    rv_idle_announce(w);
    rv_runtime_inject(&still.runtime, &tasks[0]); /* it is the last to sleep, so the one chosen */
    assert_int_equal(still.woken[2], 1);
    rv_idle_retract(w);
    assert_null(rv_active_pick(w));
    assert_false(w->is_searching);
    assert_int_equal(still.woken[0], 1);
    rv_idle_retract(&still.workers[0]);
    rv_idle_stop_search(&still.workers[0]);
    drain(0);
    rv_still_fini(&still);
}

static void receive(RV_UNUSED struct rv_worker *w, RV_UNUSED struct rv_message *message)
{
}

/* Goal: asleep, it is woken for what only it can take, and for nothing else; what came before its
 * sleep ends that at once. */
static void test_active_only_its_own_wakes_it(void **state)
{
    struct rv_message first = {.receive = receive};
    struct rv_message second = {.receive = receive};
    (void)state;
    struct rv_worker *w = open_runtime(2, 1);
    w->pace.look_ns = 5;
    assert_int_equal(rv_active_begin_sleep(w), 5);
    rv_runtime_inject(&still.runtime, &tasks[0]);
    assert_int_equal(still.woken[1], 0);
    rv_worker_post(w, &first);
    assert_int_equal(still.woken[1], 1);
    rv_active_end_sleep(w);
    rv_worker_post(w, &second);
    assert_int_equal(still.woken[1], 1);
    assert_int_equal(rv_active_begin_sleep(w), 0);
    rv_active_end_sleep(w);
    (void)rv_inbox_take_all(&w->inbox);
    rv_store_relaxed(&still.runtime.is_stopping, 2);
    assert_int_equal(rv_active_begin_sleep(w), 0);
    rv_active_end_sleep(w);
    drain(0);
    rv_still_fini(&still);
}

/* Goal: a helper takes what thieves may take of one who is stuck, keeps what it has, and helps no
 * more when there is nothing left. */
static void test_active_a_helper_takes_and_keeps(void **state)
{
    (void)state;
    struct rv_worker *w = open_runtime(2, 1);
    struct rv_worker *stuck = rv_still_play(&still, 0);
    stuck->tick = UINT32_MAX;
    for (size_t i = 0; i < RV_ARRAY_LEN(tasks); i++)
        rv_ready_push_local(stuck, &tasks[i]);
    rv_still_play(&still, 1);
    w->pace.is_helping = true;
    unsigned taken = 0;
    while (rv_active_pick(w) != NULL)
        taken++;
    assert_true(taken > 0);
    assert_false(w->pace.is_helping);
    assert_false(w->is_searching);
    assert_int_equal(rv_load_relaxed(&still.runtime.idle.searching), 0);
    assert_int_equal(rv_load_relaxed(&still.runtime.injected_count), 0);
    drain(0);
    rv_still_fini(&still);
}

/* Until this thread has had a processor for so long. */
static void compute(int64_t ns)
{
    pid_t me = rv_os_gettid();
    int64_t until_ns = rv_os_turns_used_by(me) + ns;
    while (rv_os_turns_used_by(me) < until_ns)
        rv_cpu_relax();
}

/* Goal: it helps when one of those who run has computed in one step since the last look, whoever of
 * them sleeps; not one that has moved on, nor one that waits for a processor. */
static void test_active_a_look_finds_who_computes(void **state)
{
    enum { LOOK_NS = 1000000, NOBODY = (1 << 28) - 1 };
    (void)state;
    struct rv_worker *w = open_runtime(4, 1);
    struct rv_worker *seen = &still.workers[2];
    seen->tid = NOBODY; /* whose clock stands still */
    rv_store_relaxed(&seen->is_running, 1u);
    int64_t at_ns = LOOK_NS;
    for (int i = 0; i < 6; i++, at_ns += 2 * LOOK_NS) {
        compute(LOOK_NS);
        rv_active_look(w, at_ns);
        assert_false(w->pace.is_helping);
    }
    seen->tid = rv_os_gettid();
    for (int i = 0; i < 6; i++, at_ns += 2 * LOOK_NS) {
        rv_count(&seen->step, 1);
        compute(LOOK_NS);
        rv_active_look(w, at_ns);
        assert_false(w->pace.is_helping);
    }
    for (int i = 0; i < 4; i++, at_ns += 2 * LOOK_NS) {
        compute(LOOK_NS);
        rv_active_look(w, at_ns);
    }
    assert_true(w->pace.is_helping);
    assert_int_equal(rv_load_relaxed(&seen->is_wanted), 1);
    rv_count(&seen->step, 1);
    rv_active_look(w, at_ns);
    assert_false(w->pace.is_helping);
    rv_still_fini(&still);
}

/* Goal: who is in the same step for long is helped whatever it does: it may wait in a call for what
 * only another task brings about. */
static void test_active_a_look_finds_who_is_blocked(void **state)
{
    enum { LOOK_NS = 1000000, LOOKS_AT_MOST = 100, NOBODY = (1 << 28) - 1 };
    (void)state;
    struct rv_worker *w = open_runtime(2, 1);
    still.workers[0].tid = NOBODY;
    rv_store_relaxed(&still.workers[0].is_running, 1u);
    int looks = 0;
    for (int64_t at_ns = LOOK_NS; !w->pace.is_helping && looks < LOOKS_AT_MOST; looks++)
        rv_active_look(w, at_ns += 2 * LOOK_NS);
    assert_true(looks > 5 && looks < LOOKS_AT_MOST);
    rv_still_fini(&still);
}

/* Goal: when those who run sleep and little is done, for a while, all run again; a pinned task of
 * one who stands aside does not keep it there. */
static void test_active_looks_end_it_when_all_is_still(void **state)
{
    enum { LOOK_NS = 1000000, LOOKS = 100 };
    (void)state;
    struct rv_worker *w = open_runtime(3, 1);
    int64_t at_ns = LOOK_NS;
    rv_store_relaxed(&still.workers[1].is_running, 1u);
    for (int i = 0; i < LOOKS; i++)
        rv_active_look(w, at_ns += 2 * LOOK_NS);
    assert_int_equal(rv_active_count(&still.runtime), 2);
    rv_store_relaxed(&still.workers[1].is_running, 0u);
    for (int i = 0; i < LOOKS; i++) {
        rv_count(&still.workers[0].count.ops_completed, 1000);
        rv_active_look(w, at_ns += 2 * LOOK_NS);
    }
    assert_int_equal(rv_active_count(&still.runtime), 2);
    for (int i = 0; i < LOOKS; i++) {
        rv_count(&w->count.ops_completed, 1);
        rv_active_look(w, at_ns += 2 * LOOK_NS);
    }
    assert_int_equal(rv_active_count(&still.runtime), 3);
    rv_still_fini(&still);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_active_fewer_are_kept_when_nothing_is_lost),
        cmocka_unit_test(test_active_failed_trials_become_rare),
        cmocka_unit_test(test_active_all_run_where_fewer_would_lose),
        cmocka_unit_test(test_active_more_are_tried_less_and_less_often),
        cmocka_unit_test(test_active_more_are_kept_when_it_helps),
        cmocka_unit_test(test_active_calm_ends_it),
        cmocka_unit_test(test_active_many_go_and_come_in_steps),
        cmocka_unit_test(test_active_somebody_always_runs),
        cmocka_unit_test(test_active_the_last_stand_aside),
        cmocka_unit_test(test_active_tasks_are_handed_over_but_for_bound_ones),
        cmocka_unit_test(test_active_a_wake_up_is_passed_on),
        cmocka_unit_test(test_active_only_its_own_wakes_it),
        cmocka_unit_test(test_active_a_helper_takes_and_keeps),
        cmocka_unit_test(test_active_a_look_finds_who_computes),
        cmocka_unit_test(test_active_a_look_finds_who_is_blocked),
        cmocka_unit_test(test_active_looks_end_it_when_all_is_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
