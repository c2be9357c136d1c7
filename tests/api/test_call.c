// SPDX-License-Identifier: MIT
/*
 * Purpose: plain callbacks: their order among each other and among tasks, cancellation, lifetimes.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include "core/atomic.h"

#include <pthread.h>
#include <stdlib.h>

struct note {
    struct rv_trace *trace;
    const char *name;
    RV_ATOMIC(int) calls;
    rove_future *done; /* completed by the call, if not NULL */
};

static void noted(void *ctx)
{
    struct note *n = ctx;
    rv_trace_add(n->trace, n->name, " ");
    rv_fetch_add_relaxed(&n->calls, 1);
    if (n->done != NULL)
        rove_set_result(n->done, n);
}

static int order_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_trace trace = {""};
    struct note n[] = {{.trace = &trace, .name = "1"},
                       {.trace = &trace, .name = "2"},
                       {.trace = &trace, .name = "3"}};
    struct rv_actor a[] = {{.name = "a", .trace = &trace}, {.name = "b", .trace = &trace}};
    rove_handle_release(rove_call_soon(noted, &n[0]));
    rove_task *t = rove_create_task(rv_actor_run, &a[0]);
    rove_handle_release(rove_call_soon(noted, &n[1]));
    rove_handle_release(rove_call_soon(noted, &n[2]));
    rove_task *u = rove_create_task(rv_actor_run, &a[1]);
    rv_trace_add(&trace, "main ", "");
    rove_yield();
    RV_EXPECT_STR(trace.text, "main 1 a+ a- 2 3 b+ b- ");
    (void)rove_join(t, NULL);
    (void)rove_join(u, NULL);
    return 0;
}

/* Goal: with one worker each callback runs at its place among the tasks, never inside the call. */
static void test_call_soon_keeps_its_place_among_the_tasks(void **state)
{
    (void)state;
    rv_test_run_on(1, order_body, NULL);
}

struct sequence {
    unsigned next, wrong, running, together; /* not atomic: callbacks run one at a time */
    unsigned n;
    rove_future *done;
};

struct member {
    struct sequence *sequence;
    unsigned number;
};

static void in_sequence(void *ctx)
{
    struct member *m = ctx;
    struct sequence *s = m->sequence;
    s->together += s->running++;
    s->wrong += s->next++ != m->number;
    s->running--;
    if (s->next == s->n)
        rove_set_result(s->done, NULL);
}

/* Goal: with any number of workers callbacks run in order, one at a time. */
RV_TASK_TEST(test_call_soon_runs_in_order_and_one_at_a_time)
{
    enum { N = RV_TSAN ? 1000 : 5000 };
    struct sequence s = {.n = N, .done = rove_create_future()};
    struct member *m = malloc(N * sizeof *m);
    RV_REQUIRE(m != NULL);
    for (unsigned i = 0; i < N; i++) {
        m[i] = (struct member){&s, i};
        rove_handle *h = rove_call_soon(in_sequence, &m[i]);
        RV_EXPECT(h != NULL);
        rove_handle_release(h);
        if (i % 100 == 99)
            rove_yield();
    }
    RV_EXPECT_EQ(rove_await(s.done, NULL), 0);
    RV_EXPECT_EQ(s.wrong, 0);
    RV_EXPECT_EQ(s.together, 0);
    RV_EXPECT_EQ(s.next, N);
    rove_release(s.done);
    free(m);
    return 0;
}

RV_TASK_TEST(test_call_handle_cancelled_never_runs)
{
    struct note n[3] = {{.trace = NULL}};
    rove_handle *h[] = {rove_call_soon(noted, &n[0]), rove_call_later(ROVE_SEC(60), noted, &n[1]),
                        rove_call_later(ROVE_FOREVER, noted, &n[2])};
    for (int i = 0; i < 3; i++) {
        RV_REQUIRE(h[i] != NULL);
        bool is_cancelled = rove_handle_cancel(h[i]);
        RV_EXPECT(is_cancelled || i == 0); /* another worker may have been faster */
        RV_EXPECT_EQ(rove_handle_cancel(h[i]), is_cancelled);
        rove_yield();
        rove_yield();
        RV_EXPECT_EQ(rv_load_relaxed(&n[i].calls), is_cancelled ? 0 : 1);
        rove_handle_release(h[i]);
    }
    RV_EXPECT(!rove_handle_cancel(NULL));
    rove_handle_release(NULL);
    return 0;
}

RV_TASK_TEST(test_call_handle_that_has_run_cannot_be_cancelled)
{
    struct note n = {.done = rove_create_future()};
    rove_handle *h = rove_call_soon(noted, &n);
    RV_EXPECT_EQ(rove_await(n.done, NULL), 0);
    RV_EXPECT(!rove_handle_cancel(h));
    RV_EXPECT_EQ(rv_load_relaxed(&n.calls), 1);
    rove_handle_release(h);
    rove_release(n.done);
    return 0;
}

/* Goal: deadlines of the real clock are kept: never early, in their order; a released handle still
 * runs. */
RV_TASK_TEST(test_call_later_runs_after_its_time_in_order)
{
    struct rv_trace trace = {""};
    struct note n[] = {{.trace = &trace, .name = "late", .done = rove_create_future()},
                       {.trace = &trace, .name = "soon"},
                       {.trace = &trace, .name = "past"}};
    rove_time before = rove_now();
    rove_handle_release(rove_call_later(ROVE_US(400), noted, &n[0]));
    rove_handle_release(rove_call_at(before + ROVE_US(200), noted, &n[1]));
    rove_handle_release(rove_call_at(before - ROVE_SEC(2), noted, &n[2]));
    RV_EXPECT_EQ(rove_await(n[0].done, NULL), 0);
    RV_EXPECT(rove_now() - before >= ROVE_US(400));
    RV_EXPECT_STR(trace.text, "past soon late ");
    rove_release(n[0].done);
    return 0;
}

static int later_zero_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct note n = {.trace = NULL};
    rove_handle_release(rove_call_later(0, noted, &n));
    RV_EXPECT_EQ(rv_load_relaxed(&n.calls), 0);
    rove_yield();
    rove_yield();
    RV_EXPECT_EQ(rv_load_relaxed(&n.calls), 1);
    return 0;
}

static void test_call_later_zero_runs_in_the_next_round(void **state)
{
    (void)state;
    rv_test_run_on(1, later_zero_body, NULL);
}

struct callback_rules {
    rove_future *done;
    int await_rc, lock_rc;
    bool has_task;
    rove_handle *next;
};

static void in_callback(void *ctx)
{
    struct callback_rules *r = ctx;
    r->has_task = rove_current_task() != NULL;
    r->await_rc = rove_await(r->done, NULL);
    r->lock_rc = rove_sleep(0);
    static struct note none;
    r->next = rove_call_later(RV_TEST_SOON, noted, &none);
    rove_set_result(r->done, NULL);
}

RV_TASK_TEST(test_call_callback_may_not_suspend_but_call)
{
    struct callback_rules r = {.done = rove_create_future()};
    rove_handle_release(rove_call_soon(in_callback, &r));
    RV_EXPECT_EQ(rove_await(r.done, NULL), 0);
    RV_EXPECT(!r.has_task);
    RV_EXPECT_EQ(r.await_rc, -EPERM);
    RV_EXPECT_EQ(r.lock_rc, -EPERM);
    RV_EXPECT(r.next != NULL);
    rove_handle_release(r.next);
    rove_release(r.done);
    return 0;
}

static void again(void *ctx)
{
    rove_handle_release(rove_call_soon(again, ctx));
}

/* Goal: what is pending at the end never runs, handles kept or not; a callback that asks for
 * itself for ever does not keep the runtime alive. */
static int leave_pending_body(void *arg, RV_UNUSED void **result)
{
    struct note *n = arg;
    rove_handle_release(rove_call_later(ROVE_SEC(60), noted, n));
    rove_handle_release(rove_call_later(ROVE_FOREVER, noted, n));
    rove_handle_release(rove_call_soon(again, NULL));
    rove_handle **kept = (rove_handle **)(void *)n->done;
    *kept = rove_call_later(ROVE_SEC(30), noted, n);
    return 0;
}

static void test_call_pending_at_the_end_is_dropped(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers)
    {
        rove_handle *kept = NULL;
        struct note n = {.done = (rove_future *)(void *)&kept};
        rove_options options = {.workers = workers};
        RV_EXPECT_EQ(rove_run_with(&options, leave_pending_body, &n, NULL), 0);
        RV_EXPECT_EQ(rv_load_relaxed(&n.calls), 0);
        RV_EXPECT(rove_handle_cancel(kept));
        rove_handle_release(kept);
        rv_test_settle();
    }
}

struct feeder {
    rove_runtime *runtime;
    struct sequence sequence;
    struct member *members;
};

static void *feed(void *arg)
{
    struct feeder *f = arg;
    for (unsigned i = 0; i < f->sequence.n; i++) {
        f->members[i] = (struct member){&f->sequence, i};
        rove_handle_release(rove_call_soon_threadsafe(f->runtime, in_sequence, &f->members[i]));
    }
    return NULL;
}

/* Goal: from a plain thread: all arrive, in that thread's order. */
RV_TASK_TEST(test_call_soon_threadsafe_arrives_in_order)
{
    enum { N = RV_TSAN ? 500 : 3000 };
    struct feeder f = {.runtime = rove_current_runtime(),
                       .sequence = {.n = N, .done = rove_create_future()}};
    pthread_t thread;
    f.members = malloc(N * sizeof *f.members);
    RV_REQUIRE(f.members != NULL);
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, feed, &f), 0);
    RV_EXPECT_EQ(rove_await(f.sequence.done, NULL), 0);
    pthread_join(thread, NULL);
    RV_EXPECT_EQ(f.sequence.wrong, 0);
    RV_EXPECT_EQ(f.sequence.together, 0);
    free(f.members);
    rove_release(f.sequence.done);
    return 0;
}

/* Goal: a cancellation races with the call: exactly one of them happens. */
RV_TASK_TEST(test_call_cancel_races_with_the_call)
{
    enum { ROUNDS = RV_TSAN || RV_ASAN ? 500 : 4000 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct note n = {.done = rove_create_future()};
        rove_handle *h = round % 2 == 0 ? rove_call_soon(noted, &n)
                                        : rove_call_later(ROVE_US(round % 5), noted, &n);
        for (unsigned i = 0; i < round % 3; i++)
            rove_yield();
        bool is_cancelled = rove_handle_cancel(h);
        if (!is_cancelled)
            RV_REQUIRE_EQ(rove_await(n.done, NULL), 0);
        RV_REQUIRE_EQ(rv_load_relaxed(&n.calls), is_cancelled ? 0 : 1);
        rove_handle_release(h);
        rove_release(n.done);
    }
    return 0;
}

static void test_call_outside_a_task_is_refused(void **state)
{
    (void)state;
    struct note n = {.trace = NULL};
    RV_EXPECT_PTR(rove_call_soon(noted, &n), NULL);
    RV_EXPECT_PTR(rove_call_later(0, noted, &n), NULL);
    RV_EXPECT_PTR(rove_call_at(0, noted, &n), NULL);
    RV_EXPECT_PTR(rove_call_soon_threadsafe(NULL, noted, &n), NULL);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_soon_keeps_its_place_among_the_tasks),
        cmocka_unit_test(test_call_soon_runs_in_order_and_one_at_a_time),
        cmocka_unit_test(test_call_handle_cancelled_never_runs),
        cmocka_unit_test(test_call_handle_that_has_run_cannot_be_cancelled),
        cmocka_unit_test(test_call_later_runs_after_its_time_in_order),
        cmocka_unit_test(test_call_later_zero_runs_in_the_next_round),
        cmocka_unit_test(test_call_callback_may_not_suspend_but_call),
        cmocka_unit_test(test_call_pending_at_the_end_is_dropped),
        cmocka_unit_test(test_call_soon_threadsafe_arrives_in_order),
        cmocka_unit_test(test_call_cancel_races_with_the_call),
        cmocka_unit_test(test_call_outside_a_task_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
