// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/callback.h: done callbacks run once, in the order added, by one hidden task at a
 *          time; the waiters hear after them; what never runs is freed.
 */
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/scarce.h"

#include "sched/callback.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/runtime.h"

#include <errno.h>
#include <pthread.h>

enum { CALLBACKS = 40, ADDERS = 6, ADDED = 60 };

struct log {
    RV_ATOMIC(uint32_t) n;
    RV_ATOMIC(uint32_t) running; /* callbacks at this moment */
    unsigned order[2 * CALLBACKS];
};

struct entry {
    struct log *log;
    unsigned number;
    struct entry *adds; /* another one, from within */
};

static void note(rove_future *f, void *ctx)
{
    struct entry *e = ctx;
    RV_EXPECT(rove_done(f));
    RV_EXPECT(rove_current_task() == NULL);
    RV_EXPECT_EQ(rv_fetch_add_acq_rel(&e->log->running, 1u), 0);
    if (e->adds != NULL)
        RV_EXPECT_EQ(rove_add_done_callback(f, note, e->adds), 0);
    uint32_t n = rv_load_relaxed(&e->log->n);
    e->log->order[n] = e->number;
    (void)rv_fetch_sub_acq_rel(&e->log->running, 1u);
    rv_store_release(&e->log->n, n + 1);
}

static void expect_order(struct log *log, uint32_t n)
{
    RV_YIELD_UNTIL(rv_load_acquire(&log->n) >= n);
    RV_EXPECT_EQ(rv_load_acquire(&log->n), n);
    for (unsigned i = 0; i < n; i++)
        RV_EXPECT_EQ(log->order[i], i);
}

/* Goal: added before, after, and by a callback: all run, in that order, one at a time. */
RV_TASK_TEST(test_callback_all_run_in_the_order_added)
{
    struct log log = {0};
    struct entry entries[CALLBACKS];
    rove_future *f = rove_create_future();
    for (unsigned i = 0; i < CALLBACKS; i++)
        entries[i] = (struct entry){.log = &log, .number = i};
    entries[9].adds = &entries[10];
    for (unsigned i = 0; i < 10; i++)
        RV_REQUIRE_EQ(rove_add_done_callback(f, note, &entries[i]), 0);
    RV_EXPECT_EQ(rove_set_result(f, NULL), 0);
    expect_order(&log, 11);
    for (unsigned i = 11; i < CALLBACKS; i++) {
        RV_REQUIRE_EQ(rove_add_done_callback(f, note, &entries[i]), 0);
        if (i % 3 == 0)
            (void)rove_yield();
    }
    expect_order(&log, CALLBACKS);
    rove_release(f);
    return 0;
}

static int await_and_count(void *arg, RV_UNUSED void **result)
{
    void **args = arg;
    struct log *log = args[1];
    RV_EXPECT_EQ(rove_await(args[0], NULL), -5000);
    return (int)rv_load_acquire(&log->n); /* callbacks that had run by then */
}

/* Goal: who awaits goes on when all callbacks of the completion have run. */
RV_TASK_TEST(test_callback_waiters_hear_after_them)
{
    for (int round = 0; round < 20; round++) {
        struct log log = {0};
        struct entry entries[5];
        rove_future *f = rove_create_future();
        void *args[] = {f, &log};
        rove_task *waiters[4];
        for (int i = 0; i < 4; i++)
            waiters[i] = rove_create_task(await_and_count, args);
        for (unsigned i = 0; i < 5; i++) {
            entries[i] = (struct entry){.log = &log, .number = i};
            RV_REQUIRE_EQ(rove_add_done_callback(f, note, &entries[i]), 0);
        }
        for (int i = 0; i < round % 4; i++)
            (void)rove_yield(); /* some wait already, some come later */
        RV_EXPECT_EQ(rove_set_error(f, -5000), 0);
        for (int i = 0; i < 4; i++) {
            int seen = rove_join(waiters[i], NULL);
            RV_EXPECT(seen >= 0);
            if (round % 4 == 3 && rv_current_worker()->runtime->worker_count == 1)
                RV_EXPECT_EQ(seen, 5);
        }
        expect_order(&log, 5);
        rove_release(f);
    }
    return 0;
}

/* Goal: the same pair added twice runs twice; removal takes all of it and nothing else. */
RV_TASK_TEST(test_callback_removal_takes_all_that_match)
{
    struct log log = {0};
    struct entry mine = {.log = &log};
    struct entry other = {.log = &log};
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_add_done_callback(f, note, &mine), 0);
    RV_EXPECT_EQ(rove_add_done_callback(f, note, &other), 0);
    RV_EXPECT_EQ(rove_add_done_callback(f, note, &mine), 0);
    RV_EXPECT_EQ(rove_remove_done_callback(f, note, &mine), 2);
    RV_EXPECT_EQ(rove_remove_done_callback(f, note, &mine), 0);
    RV_EXPECT_EQ(rove_add_done_callback(f, note, &other), 0);
    RV_EXPECT_EQ(rove_set_result(f, NULL), 0);
    RV_YIELD_UNTIL(rv_load_acquire(&log.n) == 2);
    RV_EXPECT_EQ(rove_remove_done_callback(f, note, &other), 0); /* they have run */
    rove_release(f);
    return 0;
}

/* Goal: callbacks of a future that never completes are freed with it, unrun (the fixture counts
 * bytes), and the structure says so at once. */
RV_TASK_TEST(test_callback_of_no_completion_never_runs)
{
    struct log log = {0};
    struct entry e = {.log = &log};
    rove_future *f = rove_create_future();
    for (int i = 0; i < 10; i++)
        RV_EXPECT_EQ(rove_add_done_callback(f, note, &e), 0);
    RV_EXPECT(f->callbacks != NULL);
    rv_callback_drop_all(f);
    RV_EXPECT(f->callbacks == NULL);
    RV_EXPECT_EQ(rove_add_done_callback(f, note, &e), 0);
    rove_release(f);
    for (int i = 0; i < 10; i++)
        (void)rove_yield();
    RV_EXPECT_EQ(rv_load_acquire(&log.n), 0);
    return 0;
}

struct race {
    rove_future *f;
    RV_ATOMIC(uint32_t) calls;
    RV_ATOMIC(uint32_t) removed;
};

static void count_call(RV_UNUSED rove_future *f, void *ctx)
{
    struct race *r = ctx;
    /* order: release. It is all that tells the test, whose frame r is, that this call is over. */
    (void)rv_fetch_add_release(&r->calls, 1u);
}

static int add_and_remove(void *arg, RV_UNUSED void **result)
{
    struct race *r = arg;
    for (int i = 0; i < ADDED; i++) {
        int rc = rove_add_done_callback(r->f, count_call, r);
        if (rc != 0)
            return rc;
        if (i % 5 == 0)
            (void)rv_fetch_add_relaxed(
                &r->removed, (uint32_t)rove_remove_done_callback(r->f, count_call, r));
        (void)rove_yield();
    }
    return 0;
}

static void *complete_outside(void *arg)
{
    struct race *r = arg;
    RV_EXPECT_EQ(rv_future_complete(r->f, 0, NULL), 0);
    return NULL;
}

/* Goal: adders and removers race with a completion by a plain thread: each callback is called or
 * removed, exactly once. */
RV_TASK_TEST(test_callback_each_is_called_or_removed_once)
{
    struct race r = {.f = rove_create_future()};
    rove_task *tasks[ADDERS];
    pthread_t thread;
    for (int i = 0; i < ADDERS; i++)
        tasks[i] = rove_create_task(add_and_remove, &r);
    (void)rove_yield();
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, complete_outside, &r), 0);
    for (int i = 0; i < ADDERS; i++)
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    RV_EXPECT_EQ(pthread_join(thread, NULL), 0);
    /* order: acquire. See count_call. */
    RV_YIELD_UNTIL(rv_load_acquire(&r.calls) + rv_load_relaxed(&r.removed) >= ADDERS * ADDED);
    RV_EXPECT_EQ(rv_load_relaxed(&r.calls) + rv_load_relaxed(&r.removed), ADDERS * ADDED);
    rove_release(r.f);
    return 0;
}

/* Goal: without memory the addition fails and nothing is changed; misuse is refused. */
static int scarce_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct log log = {0};
    struct entry e = {.log = &log};
    rove_future *f = rove_create_future();
    rv_scarce_after(0);
    int rc = rove_add_done_callback(f, note, &e);
    rv_scarce_end();
    RV_EXPECT_EQ(rc, -ENOMEM);
    RV_EXPECT(f->callbacks == NULL);
    RV_EXPECT_EQ(rove_add_done_callback(NULL, note, &e), -EINVAL);
    RV_EXPECT_EQ(rove_add_done_callback(f, NULL, &e), -EINVAL);
    RV_EXPECT_EQ(rove_remove_done_callback(NULL, note, &e), -EINVAL);
    RV_EXPECT_EQ(rove_remove_done_callback(f, NULL, &e), -EINVAL);
    RV_EXPECT_EQ(rove_set_result(f, NULL), 0);
    RV_EXPECT_EQ(rove_await(f, NULL), 0);
    RV_EXPECT_EQ(rv_load_acquire(&log.n), 0);
    rove_release(f);
    return 0;
}

static void test_callback_failed_addition_changes_nothing(void **state)
{
    (void)state;
    rv_test_run_on(1, scarce_body, NULL);
    assert_int_equal(rove_add_done_callback(NULL, note, NULL), -EPERM);
    assert_int_equal(rove_remove_done_callback(NULL, note, NULL), -EPERM);
}

struct orphan {
    rove_future *f;
    RV_ATOMIC(int) calls;
};

static void count_orphan(RV_UNUSED rove_future *f, void *ctx)
{
    (void)rv_fetch_add_relaxed(&((struct orphan *)ctx)->calls, 1);
}

static int leave_callbacks(void *arg, RV_UNUSED void **result)
{
    struct orphan *o = arg;
    RV_REQUIRE_EQ(rove_add_done_callback(o->f, count_orphan, o), 0);
    return rove_add_done_callback(o->f, count_orphan, o);
}

static int complete_with_own(void *arg, RV_UNUSED void **result)
{
    struct orphan *o = arg;
    RV_REQUIRE_EQ(rove_add_done_callback(o->f, count_orphan, o), 0);
    RV_REQUIRE_EQ(rove_set_result(o->f, NULL), 0);
    RV_REQUIRE_EQ(rove_await(o->f, NULL), 0);
    return 0;
}

/* Goal: a future that outlives the runtime of its callbacks completes without them, whoever does
 * that; those of a runtime that lives are called. */
static void test_callback_of_a_runtime_that_has_ended(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 2; workers++) {
        rove_options options = {.workers = workers};
        struct orphan o = {.f = rove_create_future()};
        assert_non_null(o.f);
        assert_int_equal(rove_run_with(&options, leave_callbacks, &o, NULL), 0);
        assert_int_equal(rove_set_result(o.f, NULL), 0);
        assert_int_equal(rove_wait_blocking(o.f, ROVE_FOREVER, NULL), 0);
        rove_release(o.f);
        assert_non_null(o.f = rove_create_future());
        assert_int_equal(rove_run_with(&options, leave_callbacks, &o, NULL), 0);
        assert_int_equal(rove_run_with(&options, complete_with_own, &o, NULL), 0);
        rove_release(o.f);
        assert_int_equal(rv_load_relaxed(&o.calls), 1);
        rv_test_settle();
    }
}

enum { MANY = RV_ASAN || RV_TSAN ? 2000 : 100000 };

/* Goal: to add one takes as long as ever, however many there are; a removal keeps their order. */
RV_TASK_TEST(test_callback_many_of_one_future)
{
    struct orphan odd = {.f = rove_create_future()}, even = {.f = NULL};
    RV_REQUIRE(odd.f != NULL);
    for (int i = 0; i < MANY; i++) {
        RV_REQUIRE_EQ(rove_add_done_callback(odd.f, count_orphan, i % 2 != 0 ? &odd : &even), 0);
    }
    RV_EXPECT_EQ(rove_remove_done_callback(odd.f, count_orphan, &even), MANY / 2);
    RV_EXPECT_EQ(rove_set_result(odd.f, NULL), 0);
    while (rv_load_relaxed(&odd.calls) < MANY / 2) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT_EQ(rv_load_relaxed(&even.calls), 0);
    rove_release(odd.f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_callback_all_run_in_the_order_added),
        cmocka_unit_test(test_callback_waiters_hear_after_them),
        cmocka_unit_test(test_callback_removal_takes_all_that_match),
        cmocka_unit_test(test_callback_of_no_completion_never_runs),
        cmocka_unit_test(test_callback_each_is_called_or_removed_once),
        cmocka_unit_test(test_callback_failed_addition_changes_nothing),
        cmocka_unit_test(test_callback_of_a_runtime_that_has_ended),
        cmocka_unit_test(test_callback_many_of_one_future),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
