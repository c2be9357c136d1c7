// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/switch.h: what becomes of the task that leaves, once its registers are saved, and
 *          who runs instead.
 * Idea:    tasks call the switch themselves and look at each other's words and at the worker from
 *          where they have arrived.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "sched/current.h"
#include "sched/ready.h"
#include "sched/runtime.h"
#include "sched/suspend.h"
#include "sched/switch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { TURNS = 200, TASKS = 12 };

static enum rv_phase phase_of(const struct rv_task *t)
{
    return rv_state_phase(rv_load_relaxed(&t->future.state));
}

struct pair {
    struct rv_task *first;
    enum rv_phase left;      /* of `first`, when the other began */
    enum rv_phase seen;      /* and when the other had asked for it */
    bool is_woken;           /* and, had it not asked, was a bit left behind by its wake? */
    unsigned steps;          /* the worker's, when the other ran */
    bool was_current;        /* the other itself, on its worker */
};

static int look_at_first(void *arg, RV_UNUSED void **result)
{
    struct pair *p = arg;
    struct rv_task *self = rv_current_task();
    struct rv_worker *w = rv_current_worker();
    p->left = phase_of(p->first);
    rv_switch_settle_task(p->first);
    p->seen = phase_of(p->first);
    p->steps = (unsigned)rv_load_relaxed(&w->step);
    p->was_current = rv_load_relaxed(&w->current) == self && self->worker == w &&
                     self->future.is_started;
    rv_wake(p->first);
    return 0;
}

static int park_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_task *self = rv_current_task();
    struct pair p = {.first = self};
    unsigned before = (unsigned)rv_load_relaxed(&self->worker->step);
    rove_task *t = rove_create_task(look_at_first, &p);
    rv_switch_away(self, RV_AFTER_PARK);
    RV_EXPECT_EQ(p.left, RV_PHASE_ACTIVE);
    RV_EXPECT_EQ(p.seen, RV_PHASE_PARKED);
    RV_EXPECT_EQ(phase_of(self), RV_PHASE_ACTIVE);
    RV_EXPECT(p.was_current);
    RV_EXPECT_EQ(p.steps, before + 1);
    RV_EXPECT_EQ(rv_load_relaxed(&self->worker->step), before + 2);
    return rove_join(t, NULL);
}

/* Goal: on a lone worker who parks is PARKED as soon as somebody asks, and each switch counts as
 * one step. */
static void test_switch_parked_when_somebody_asks(void **state)
{
    (void)state;
    rv_test_run_on(1, park_body, NULL);
}

static int wake_first(void *arg, RV_UNUSED void **result)
{
    struct pair *p = arg;
    rv_wake(p->first);
    p->is_woken = (rv_load_relaxed(&p->first->future.state) & RV_STATE_WOKEN) != 0;
    rv_wake(p->first);
    p->was_current = (rv_load_relaxed(&p->first->future.state) & RV_STATE_WOKEN) != 0;
    return 0;
}

static int hand_over_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_task *self = rv_current_task();
    struct pair p = {.first = self, .is_woken = true};
    rove_task *t = rove_create_task(wake_first, &p);
    rv_switch_away(self, RV_AFTER_PARK);
    RV_EXPECT(!p.is_woken);
    RV_EXPECT(p.was_current);
    rv_switch_away(self, RV_AFTER_PARK); /* the second wake came while it was ready */
    return rove_join(t, NULL);
}

/* Goal: who has left to park and is woken by the next task never was parked: the first wake makes
 * it ready and leaves nothing in the word; a second one finds it active, and is kept for the next
 * park. */
static void test_switch_hand_over_does_not_park(void **state)
{
    (void)state;
    rv_test_run_on(1, hand_over_body, NULL);
}

struct outsider {
    struct rv_task *first;
    bool cancels;
    uint64_t word; /* of `first`, when the thread had done it and `first` had not run */
    enum rv_phase left;
};

static void *from_outside(void *arg)
{
    struct outsider *o = arg;
    if (o->cancels) {
        RV_EXPECT(rove_cancel(&o->first->future));
    } else {
        rv_wake(o->first);
    }
    return NULL;
}

static int let_outsider_at_it(void *arg, RV_UNUSED void **result)
{
    struct outsider *o = arg;
    pthread_t thread;
    o->left = phase_of(o->first);
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, from_outside, o), 0);
    RV_REQUIRE_EQ(pthread_join(thread, NULL), 0);
    o->word = rv_load_relaxed(&o->first->future.state);
    return 0;
}

static int outsider_body(void *arg, RV_UNUSED void **result)
{
    struct rv_task *self = rv_current_task();
    struct outsider o = {.first = self, .cancels = arg != NULL};
    rove_task *t = rove_create_task(let_outsider_at_it, &o);
    rv_switch_away(self, RV_AFTER_PARK);
    RV_EXPECT_EQ(o.left, RV_PHASE_ACTIVE);
    RV_EXPECT_EQ(rv_state_phase(o.word), RV_PHASE_ACTIVE);
    RV_EXPECT_EQ((o.word & (RV_STATE_WOKEN | RV_STATE_CANCEL)),
                 o.cancels ? RV_STATE_CANCEL : RV_STATE_WOKEN);
    RV_EXPECT_EQ(rv_take_cancel(self), o.cancels);
    if (o.cancels) {
        RV_EXPECT_EQ(rove_uncancel(rove_current_task()), 0);
    }
    return rove_join(t, NULL);
}

/* Goal: a thread's wake, or its cancellation, meets a task that has left to park and is not parked
 * yet, while another runs and nothing else would ever wake it: it comes back. */
static void test_switch_outsider_meets_who_has_left(void **state)
{
    int cancels;
    (void)state;
    rv_test_run_on(1, outsider_body, NULL);
    rv_test_run_on(1, outsider_body, &cancels);
}

/* Goal: a wake or a cancellation that came before the park is not slept over: the task is ready
 * again at once, behind whoever is ready. Nobody else is there to wake it. */
RV_TASK_TEST(test_switch_park_after_a_wake_comes_back)
{
    struct rv_task *self = rv_current_task();
    for (int i = 0; i < TURNS; i++) {
        rv_wake(self);
        RV_EXPECT(rv_load_relaxed(&self->future.state) & RV_STATE_WOKEN);
        rv_switch_away(self, RV_AFTER_PARK);
        RV_EXPECT(!(rv_load_relaxed(&self->future.state) & RV_STATE_WOKEN));
        RV_EXPECT_PTR(rv_load_relaxed(&rv_current_worker()->current), self);
    }
    RV_EXPECT(rove_cancel(rove_current_task()));
    rv_switch_away(self, RV_AFTER_PARK);
    RV_EXPECT(rv_take_cancel(self));
    RV_EXPECT_EQ(rove_uncancel(rove_current_task()), 0);
    return 0;
}

struct trace {
    char text[64];
    size_t n;
};

static void note(struct trace *trace, char c)
{
    trace->text[trace->n++] = c;
}

static int note_twice(void *arg, RV_UNUSED void **result)
{
    note(arg, 'a');
    rv_switch_away(rv_current_task(), RV_AFTER_READY);
    note(arg, 'b');
    return 0;
}

static int yield_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct trace trace = {{0}, 0};
    rove_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = rove_create_task(note_twice, &trace);
    note(&trace, '0');
    rv_switch_away(rv_current_task(), RV_AFTER_READY);
    note(&trace, '1');
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    RV_EXPECT_STR(trace.text, "0aaa1bbb");
    return 0;
}

/* Goal: who yields goes behind all that are ready, and comes back before those that came later. */
static void test_switch_yield_goes_to_the_end(void **state)
{
    (void)state;
    rv_test_run_on(1, yield_body, NULL);
}

struct eager {
    struct rv_task *parent;
    size_t conts;             /* on the worker's deque while the child ran */
    bool is_pinned_first;
    bool parent_is_active;
};

static int eager_child(void *arg, RV_UNUSED void **result)
{
    struct eager *e = arg;
    struct rv_worker *w = rv_current_worker();
    e->conts = rv_deque_size_hint(&w->conts);
    e->is_pinned_first = w->is_pinned_first;
    e->parent_is_active = phase_of(e->parent) == RV_PHASE_ACTIVE;
    return 0;
}

static int eager_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_task_options options = {.eager = true};
    struct eager e = {.parent = rv_current_task()};
    rove_task *t = rove_create_task_with(&options, eager_child, &e);
    RV_EXPECT(rove_done(t));
    RV_EXPECT_EQ(e.conts, e.parent->future.flags & RV_TASK_PINNED ? 0 : 1);
    RV_EXPECT_EQ(e.is_pinned_first, (e.parent->future.flags & RV_TASK_PINNED) != 0);
    RV_EXPECT(e.parent_is_active);
    RV_EXPECT_EQ(rv_deque_size_hint(&rv_current_worker()->conts), 0);
    RV_EXPECT(!rv_current_worker()->is_pinned_first);
    return rove_join(t, NULL);
}

static int eager_pinned_body(void *arg, void **result)
{
    rove_task_options options = {.pinned = true};
    (void)result;
    RV_REQUIRE_EQ(eager_body(arg, NULL), 0);
    return rove_join(rove_create_task_with(&options, eager_body, arg), NULL);
}

/* Goal: an eager parent is where thieves find it, newest first for its owner; a pinned one is
 * where only its worker does, and next. */
static void test_switch_eager_parent_waits_where_it_may(void **state)
{
    (void)state;
    rv_test_run_on(1, eager_pinned_body, NULL);
}

/* What a C function may keep in registers over a call. */
static int keep_registers(void *arg, RV_UNUSED void **result)
{
    uint64_t a = (uintptr_t)arg, b = a * 3, c = a * 5, d = a * 7, e = a * 11, f = a * 13;
    double x = (double)a + 0.5;
    for (int i = 0; i < TURNS; i++) {
        __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
        rv_switch_away(rv_current_task(), RV_AFTER_READY);
        if (b != a * 3 || c != a * 5 || d != a * 7 || e != a * 11 || f != a * 13)
            return -EIO;
    }
    return x == (double)(uintptr_t)arg + 0.5 && a == (uintptr_t)arg ? 0 : -EIO;
}

/* Goal: many tasks that switch back and forth, over threads, each find what they had. */
RV_TASK_TEST(test_switch_keeps_each_tasks_registers)
{
    rove_task *tasks[TASKS];
    for (uintptr_t i = 0; i < TASKS; i++)
        tasks[i] = rove_create_task(keep_registers, (void *)(i * 0x1234567 + 1));
    for (int i = 0; i < TASKS; i++)
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    return 0;
}

static int finish_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_worker *w = rv_current_worker();
    uint64_t finished = rv_load_relaxed(&w->count.finished);
    struct pair p = {.first = rv_current_task()};
    rove_task *t = rove_create_task(look_at_first, &p);
    rv_switch_away(p.first, RV_AFTER_PARK);
    /* The child's end comes back to us: it is buried by the arrival, before we go on. */
    (void)rove_yield();
    RV_EXPECT_EQ(rv_load_relaxed(&w->count.finished), finished + 1);
    RV_EXPECT_EQ(rv_state_refs(rv_load_relaxed(&t->state)), 1); /* ours; the runtime's is gone */
    rove_release(t);
    return 0;
}

/* Goal: a task that ended is given up by whoever comes after it. */
static void test_switch_ended_task_is_buried_by_the_next(void **state)
{
    (void)state;
    rv_test_run_on(1, finish_body, NULL);
}

static int parks(void *arg, RV_UNUSED void **result)
{
    return rove_await(arg, NULL);
}

static void *prints_graph(void *runtime)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    RV_EXPECT_EQ(rove_print_call_graph(runtime, out), 0);
    fclose(out);
    return text;
}

/* alice has left in order to park, and we go on at once and compute while another thread looks. */
static int computes_beside_a_look(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    pthread_t looker;
    void *text = NULL;
    rove_future *f = rove_create_future();
    rove_task *alice =
        rove_create_task_with(&(rove_task_options){.name = "alice"}, parks, f);
    RV_REQUIRE_EQ(rove_yield(), 0);
    RV_REQUIRE_EQ(pthread_create(&looker, NULL, prints_graph, rove_current_runtime()), 0);
    pthread_join(looker, &text);
    RV_EXPECT(strstr(text, "alice has waited for a future") != NULL);
    free(text);
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_join(alice, NULL), 0);
    rove_release(f);
    return 0;
}

/* Goal: in debug mode a lone worker, too, parks at once: nobody is called ready who waits. */
static void test_switch_debug_mode_parks_at_once(void **state)
{
    (void)state;
    rv_test_run_with(&(rove_options){.workers = 1, .debug = true}, computes_beside_a_look, NULL);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_switch_parked_when_somebody_asks),
        cmocka_unit_test(test_switch_hand_over_does_not_park),
        cmocka_unit_test(test_switch_outsider_meets_who_has_left),
        cmocka_unit_test(test_switch_park_after_a_wake_comes_back),
        cmocka_unit_test(test_switch_yield_goes_to_the_end),
        cmocka_unit_test(test_switch_eager_parent_waits_where_it_may),
        cmocka_unit_test(test_switch_keeps_each_tasks_registers),
        cmocka_unit_test(test_switch_ended_task_is_buried_by_the_next),
        cmocka_unit_test(test_switch_debug_mode_parks_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
