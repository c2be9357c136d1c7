// SPDX-License-Identifier: MIT
/*
 * Purpose: models of a runtime's start and stop (sched/runtime.c): submit and stop at once, what a
 *          task leaves behind, threads from outside in the middle of a wake-up, a future's
 *          callback or a group's child of elsewhere, a stop that cancels, one that abandons, a
 *          back-end that refuses. small.h has the runtime.
 *
 * Threads: 1 starts and stops; then those that it starts: workers, and threads from outside.
 */
#include "double.h"
#include "small.h"

#include "sched/cancel.h"
#include "sched/current.h"
#include "sched/suspend.h"
#include "sched/waitq.h"

#include <errno.h>
#include <rove/group.h>

#define TASKS 3

static int ran[TASKS];            /* how often each task's coroutine did */
static bool accepted;             /* thread from outside: its task was taken */
static RV_ATOMIC(uint32_t) flag, second_flag;
static struct rv_waiter waiter;
static rove_future *f;
static bool was_called;           /* f's callback */
static rove_task_group group;
static struct rv_task *parent;    /* of the group */

/* What tasks do */

static int run_once(void *arg, void **result)
{
    int *mine = arg;
    *result = mine;
    (*mine)++;
    return 0;
}

static int leave_child(void *arg, void **result)
{
    rove_release(rove_create_task(run_once, &ran[1]));
    return run_once(arg, result);
}

static int tell(void *arg, void **result)
{
    rv_store_relaxed(&flag, 1u);
    return run_once(arg, result);
}

static int wait_for_fire(void *arg, void **result)
{
    rv_waiter_init(&waiter, rv_load_relaxed(&rv_current_worker()->current));
    /* order: release W1. The cell before who fires it. */
    rv_store_release(&flag, 1u);
    while (!rv_waiter_is_fired(&waiter)) {
        rv_cpu_relax();
    }
    return run_once(arg, result);
}

static int wait_for_cancel(void *arg, void **result)
{
    struct rv_task *self = rv_load_relaxed(&rv_current_worker()->current);
    while (!rv_take_cancel(self)) {
        rv_cpu_relax();
    }
    (void)run_once(arg, result);
    return -ECANCELED;
}

static int never_end(void *arg, void **result)
{
    (void)run_once(arg, result);
    return -EINPROGRESS;
}

/* Thread 1 */

static void leave(struct rv_task *self)
{
    (void)self; /* a park may return for no reason */
    rv_cpu_relax();
}

static void begin(unsigned n)
{
    rv_small_begin(n);
    for (int i = 0; i < TASKS; i++) {
        ran[i] = 0;
    }
    accepted = false;
    was_called = false;
    rv_store_relaxed(&flag, 0u);
    rv_store_relaxed(&second_flag, 0u);
}

static void setup(void)
{
    begin(0);
}

static void setup_two(void)
{
    begin(2);
    rv_double_set_leave(leave);
}

static void setup_refusal(void)
{
    setup();
    rv_small.start_error = -EIO;
}

static void submit(rove_coro *fn, int i)
{
    rove_task *t = rove_submit(rv_small.made, fn, &ran[i]);
    RV_MODEL_CHECK(t != NULL, "nobody stops it yet");
    rove_release(t);
}

static void start_and_stop(void)
{
    rv_small_start(1);
    submit(run_once, 0);
    RV_MODEL_CHECK(rv_small_stop(ROVE_FOREVER), "for ever is long");
    RV_MODEL_CHECK(ran[0] == 1, "a stop waits for the task");
}

static void start_two(void)
{
    rv_small_start(2);
    submit(run_once, 0);
    RV_MODEL_CHECK(rv_small_stop(ROVE_FOREVER), "for ever is long");
    RV_MODEL_CHECK(ran[0] == 1, "a stop waits for the task");
}

static void stop_before_child(void)
{
    rv_small_start(1);
    submit(leave_child, 0);
    RV_MODEL_CHECK(rv_small_stop(ROVE_FOREVER), "for ever is long");
    RV_MODEL_CHECK(ran[0] == 1 && ran[1] == 1, "a stop waits for what a task has left behind");
}

static void submit_from_outside(void *arg)
{
    (void)arg;
    rove_task *t = rove_submit(rv_small.made, run_once, &ran[0]);
    accepted = t != NULL;
    rove_release(t);
}

static void stop_while_submitting(void)
{
    rv_small_start(1);
    rv_small.must_outlive = true;
    rv_small.outside = rv_model_spawn(submit_from_outside, NULL);
    bool has_stopped = rv_small_stop(ROVE_FOREVER);
    RV_MODEL_CHECK(!has_stopped || ran[0] == accepted, "what was accepted has run, no more");
}

static void submit_and_tell(void *arg)
{
    (void)arg;
    submit(tell, 0);
}

/* The submitter may still be on its way out: the task has run, so it was accepted. */
static void stop_under_visitor(void)
{
    rv_small_start(1);
    rv_small.outside = rv_model_spawn(submit_and_tell, NULL);
    while (rv_load_relaxed(&flag) == 0) {
        rv_cpu_relax();
    }
    RV_MODEL_CHECK(rv_small_stop(ROVE_FOREVER), "for ever is long");
}

static void fire_from_outside(void *arg)
{
    (void)arg;
    /* order: acquire W1. As above. */
    while (rv_load_acquire(&flag) == 0) {
        rv_cpu_relax();
    }
    rv_waiter_fire(&waiter);
}

static void stop_under_waker(void)
{
    rv_small_start(1);
    submit(wait_for_fire, 0);
    rv_small.outside = rv_model_spawn(fire_from_outside, NULL);
    RV_MODEL_CHECK(rv_small_stop(ROVE_FOREVER), "for ever is long");
    RV_MODEL_CHECK(ran[0] == 1, "it was woken");
}

enum { WAITS = 1, NEVER_WAITS };

/*
 * A callback's hidden task is made by whoever completes the future, when no other task may be left;
 * it makes one more, which the same thread wakes.
 */
static int tell_and_wait(void *arg, void **result)
{
    rv_waiter_init(&waiter, rv_load_relaxed(&rv_current_worker()->current));
    /* order: release W1. The cell before who fires it. */
    rv_store_release(&second_flag, WAITS);
    while (!rv_waiter_is_fired(&waiter)) {
        rv_cpu_relax();
    }
    return run_once(arg, result);
}

static void leave_waiter(rove_future *of, void *ctx)
{
    rove_release(rove_create_task(tell_and_wait, ctx));
    was_called = of == f;
}

static void count_call(rove_future *of, void *ctx)
{
    (void)of;
    (*(int *)ctx)++;
}

static int add_callback(rove_done_callback *cb, void *ctx)
{
    f = rove_create_future();
    RV_MODEL_CHECK(f != NULL && rove_add_done_callback(f, cb, ctx) == 0, "memory");
    /* order: release W1. As the cell. */
    rv_store_release(&flag, 1u);
    return 0;
}

static int have_waiter_left(void *arg, RV_UNUSED void **result)
{
    return add_callback(leave_waiter, arg);
}

static int have_it_counted(void *arg, RV_UNUSED void **result)
{
    return add_callback(count_call, arg);
}

static void wait_for(RV_ATOMIC(uint32_t) *what)
{
    /* order: acquire W1. As in fire_from_outside. */
    while (rv_load_acquire(what) == 0) {
        rv_cpu_relax();
    }
}

/* Until the callback was dropped, or its task waits, or nothing runs any more. */
static bool has_waiter(void)
{
    bool is_over = false;
    while (!is_over && rv_load_relaxed(&second_flag) == 0) {
        rv_lock_acquire(&f->lock);
        is_over = !f->is_draining;
        rv_lock_release(&f->lock);
        rv_cpu_relax();
    }
    if (is_over && !was_called) {
        return false;
    }
    wait_for(&second_flag);
    return rv_load_relaxed(&second_flag) == WAITS;
}

static void complete_and_wake(RV_UNUSED void *arg)
{
    wait_for(&flag);
    (void)rove_set_result(f, NULL);
    if (has_waiter()) {
        rv_waiter_fire(&waiter);
    }
    rove_release(f);
}

static void stop_under_callback(void)
{
    rv_small_start(1);
    submit(have_waiter_left, 0);
    rv_small.outside = rv_model_spawn(complete_and_wake, NULL);
    if (rv_small_stop(ROVE_FOREVER)) {
        RV_MODEL_CHECK(ran[0] == was_called, "who waits is woken");
    } else {
        uint32_t none = 0;
        (void)rv_cas_acq_rel(&second_flag, &none, NEVER_WAITS);
    }
}

static void complete(RV_UNUSED void *arg)
{
    wait_for(&flag);
    rv_double_run_out();
    (void)rove_set_result(f, NULL);
    RV_MODEL_CHECK(ran[0] <= 1, "called in place, or its runtime has ended");
    rove_release(f);
}

/* Without memory for the hidden task nobody else's count covers the look for it. */
static void stop_under_failure(void)
{
    rv_small_start(1);
    submit(have_it_counted, 0);
    rv_small.outside = rv_model_spawn(complete, NULL);
    RV_MODEL_CHECK(rv_small_stop(ROVE_FOREVER), "for ever is long");
}

/* A child in another runtime: it counts down, its parent sees that, and ends with its runtime. */

static int be_parent(void *arg, void **result)
{
    parent = rv_load_relaxed(&rv_current_worker()->current);
    rove_task_group_enter(&group);
    /* order: release W1. As the cell. */
    rv_store_release(&flag, 1u);
    wait_for(&second_flag);
    RV_MODEL_CHECK(rove_task_group_exit(&group, 0) == 0, "nobody fails");
    RV_MODEL_CHECK(ran[1] == 1, "the child has ended");
    return run_once(arg, result);
}

static void make_child(void)
{
    wait_for(&flag);
    RV_MODEL_CHECK(rove_task_group_create_task(&group, run_once, &ran[1]) != NULL, "memory");
    /* order: release W1. As the cell. */
    rv_store_release(&second_flag, 1u);
}

static void stop_under_child(void)
{
    rv_double_be_worker(NULL);
    rv_small_start(1);
    submit(be_parent, 0);
    RV_MODEL_CHECK(rv_small_stop(ROVE_FOREVER), "for ever is long");
    RV_MODEL_CHECK(ran[0] == 1, "it has ended");
    rv_double_unmap(parent);
}

static void stop_and_cancel(void)
{
    rv_small_start(1);
    submit(wait_for_cancel, 0);
    bool has_stopped = rv_small_stop(0);
    RV_MODEL_CHECK(!has_stopped || ran[0] == 1, "a stop waits for what it cancels");
}

static void stop_and_abandon(void)
{
    rv_small_start(1);
    submit(never_end, 0);
    RV_MODEL_CHECK(!rv_small_stop(0), "there is one that does not end");
    RV_MODEL_CHECK(rv_small.logged == 1, "it is named");
}

/* A worker's task creates another and ends: a stop never sees fewer than there are. */

static void keep(struct rv_worker *w, struct rv_task *t)
{
    (void)w;
    (void)t;
}

static void setup_live(void)
{
    rv_double_begin(1); /* two tasks are there: those of the model's own threads */
    rv_double_set_push(keep);
    ran[0] = 0;
}

static void leave_and_end(void)
{
    struct rv_task *self = rv_double_task(1);
    rove_release(rove_create_task(run_once, &ran[0]));
    rv_task_bury(self->worker, self);
}

static void look(void)
{
    uint64_t live = rv_runtime_live(rv_double_runtime());
    RV_MODEL_CHECK(live == 2 || live == 3, "what a task leaves behind counts before its end");
}

static void be_refused(void)
{
    const rove_options options = {.workers = 2, .max_threads = 1, .log = rv_small_log};
    rove_runtime *made;
    RV_MODEL_CHECK(rove_runtime_start(&options, &made) == -EIO, "the reason is any worker's");
    RV_MODEL_CHECK(rv_small.logged == 1, "and is told");
}

static void finish(void)
{
    rv_double_end();
}

static const struct rv_model models[] = {
    {"runtime/one_worker", setup, {start_and_stop}, finish, 0},
    {"runtime/two_workers", setup, {start_two}, finish, 0},
    {"runtime/child", setup, {stop_before_child}, finish, 0},
    {"runtime/submit_stop", setup, {stop_while_submitting}, finish, 0},
    {"runtime/visitor", setup, {stop_under_visitor}, finish, 0},
    {"runtime/waker", setup, {stop_under_waker}, finish, 0},
    {"runtime/callback", setup, {stop_under_callback}, finish, 0},
    {"runtime/callback_fails", setup, {stop_under_failure}, finish, 0},
    {"runtime/child_elsewhere", setup_two, {stop_under_child, make_child}, finish, 0},
    {"runtime/cancel", setup, {stop_and_cancel}, finish, 0},
    {"runtime/abandon", setup, {stop_and_abandon}, finish, 0},
    {"runtime/live", setup_live, {leave_and_end, look}, finish, 0},
    {"runtime/refused", setup_refusal, {be_refused}, finish, 0},
};

const struct rv_model_list rv_models_runtime = {models, sizeof models / sizeof models[0]};
