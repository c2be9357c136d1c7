// SPDX-License-Identifier: MIT
/*
 * Purpose: models of a runtime's start and stop (sched/runtime.c): submit and stop at once, what a
 *          task leaves behind, threads from outside in the middle of a wake-up, a stop that
 *          cancels, one that abandons, a back-end that refuses.
 *
 * Idea: a worker here is the loop of sched/worker.c in small: it takes what is injected and runs it
 * to its end on its own stack, or announces itself and sleeps. Everything else is the library's.
 * The runtime is freed at the end of a stop, so whoever still uses it is found.
 *
 * Threads: 1 starts and stops; then those that it starts: workers, and threads from outside.
 */
#include "double.h"

#include "core/os.h"
#include "sched/call.h"
#include "sched/cancel.h"
#include "sched/idle.h"
#include "sched/ready.h"
#include "sched/suspend.h"
#include "sched/waitq.h"
#include "sched/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

#define TASKS 3

static rove_runtime *made;
static int ran[TASKS];            /* how often each task's coroutine did */
static bool accepted;             /* thread from outside: its task was taken */
static unsigned outside;          /* its number; 0: none */
static bool must_outlive;         /* the runtime stays until it has ended */
static int start_error;           /* of the back-end on each worker */
static RV_ATOMIC(uint32_t) flag;
static struct rv_waiter waiter;
static unsigned logged;
static unsigned sleepers[RV_MODEL_THREADS]; /* the thread of each worker */

/* The back-end */

static int start_all(struct rove_runtime *runtime)
{
    (void)runtime;
    return 0;
}

static void stop_all(struct rove_runtime *runtime)
{
    (void)runtime;
    if (must_outlive && outside != 0) {
        rv_model_join(outside);
    }
}

static int start_one(struct rv_worker *w)
{
    (void)w;
    return start_error;
}

static void stop_one(struct rv_worker *w)
{
    (void)w;
}

static void wake(struct rv_worker *w)
{
    rv_model_unblock(sleepers[w->idx]);
}

static const struct rv_poller_ops poller = {
    .name = "model",
    .runtime_start = start_all,
    .runtime_stop = stop_all,
    .worker_start = start_one,
    .worker_stop = stop_one,
    .wake = wake,
};

const struct rv_poller_ops *rv_poller_pick(rove_backend wanted, unsigned n)
{
    (void)wanted;
    return n == 0 ? &poller : NULL;
}

void rv_poller_report(struct rove_runtime *runtime, const struct rv_poller_ops *refused, int error)
{
    RV_MODEL_CHECK((refused == NULL) == (error == 0), "who is refused is given a reason");
    if (refused != NULL) {
        rv_runtime_log(runtime, LOG_NOTICE, "%s: %d", refused->name, error);
    }
}

/* Workers */

int rv_worker_init(struct rv_worker *w, struct rove_runtime *runtime, unsigned idx)
{
    w->runtime = runtime;
    w->idx = idx;
    w->tick = 1;
    rv_inbox_init(&w->inbox);
    rv_fifo_init(&w->pinned);
    rv_block_cache_init(&w->blocks, runtime->blocks);
    return rv_timers_init(&w->timers);
}

void rv_worker_fini(struct rv_worker *w)
{
    rv_timers_fini(&w->timers);
}

void rv_worker_post(struct rv_worker *w, struct rv_message *message)
{
    (void)w;
    (void)message;
    rv_model_fail("no task is pinned here");
}

static struct rv_task *take_injected(struct rove_runtime *runtime)
{
    if (rv_load_relaxed(&runtime->injected_count) == 0) {
        return NULL;
    }
    rv_lock_acquire(&runtime->inject_lock);
    struct rv_fifo_node *node = rv_fifo_pop(&runtime->injected);
    uint32_t count = rv_load_relaxed(&runtime->injected_count);
    rv_store_relaxed(&runtime->injected_count, count - (node != NULL));
    rv_lock_release(&runtime->inject_lock);
    return node == NULL ? NULL : rv_container_of(node, struct rv_task, queue_link);
}

static void run(struct rv_worker *w, struct rv_task *t)
{
    void *result = NULL;
    t->worker = w;
    t->future.is_started = true;
    rv_store_relaxed(&w->current, t);
    int rc = t->fn(t->arg, &result);
    rv_store_relaxed(&w->current, NULL);
    if (rc != -EINPROGRESS) { /* else it never ends */
        t->future.error = rc;
        rv_task_bury(w, t);
    }
}

static void sleep_a_while(struct rv_worker *w)
{
    struct rove_runtime *runtime = w->runtime;
    rv_idle_announce(w);
    rv_runtime_note_idle(runtime);
    if (rv_load_relaxed(&runtime->injected_count) == 0 &&
        rv_load_relaxed(&runtime->is_stopping) < 2) {
        rv_model_block(false);
    }
    rv_idle_retract(w);
}

void *rv_worker_main(void *arg)
{
    struct rv_worker *w = arg;
    rv_double_be_worker(w);
    sleepers[w->idx] = rv_model_self();
    w->tid = 1000 + (int32_t)rv_model_self();
    int rc = w->runtime->poller->worker_start(w);
    if (rv_runtime_worker_ready(w->runtime, rc)) {
        for (unsigned i = 0; i < w->runtime->worker_count; i++) { /* as a kick would need it */
            RV_MODEL_CHECK(w->runtime->workers[i].tid >= 1000, "all have started before one runs");
        }
        while (rv_load_relaxed(&w->runtime->is_stopping) < 2) {
            struct rv_fifo_node *own = rv_fifo_pop(&w->pinned);
            struct rv_task *t = own != NULL ? rv_container_of(own, struct rv_task, queue_link)
                                            : take_injected(w->runtime);
            if (t != NULL) {
                run(w, t);
            } else {
                sleep_a_while(w);
            }
        }
    }
    if (w->is_searching) {
        rv_idle_stop_search(w);
    }
    return NULL;
}

/* Made ready by a worker of the runtime, or by anybody else. */
static void push(struct rv_worker *w, struct rv_task *t)
{
    if (w != NULL) { /* as a private push: without a fence */
        rv_fifo_push(&w->pinned, &t->queue_link);
    } else {
        rv_ready_push_outside(NULL, t);
    }
}

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

static void note_log(void *ctx, int level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
    logged++;
}

static void setup(void)
{
    rv_double_begin(0);
    rv_double_set_push(push);
    made = NULL;
    for (int i = 0; i < TASKS; i++) {
        ran[i] = 0;
    }
    accepted = false;
    outside = 0;
    must_outlive = false;
    start_error = 0;
    logged = 0;
    rv_store_relaxed(&flag, 0u);
}

static void setup_refusal(void)
{
    setup();
    start_error = -EIO;
}

static void start(unsigned workers)
{
    const rove_options options = {.workers = workers, .max_threads = 1, .log = note_log};
    RV_MODEL_CHECK(rove_runtime_start(&options, &made) == 0, "it starts");
}

static void submit(rove_coro *fn, int i)
{
    rove_task *t = rove_submit(made, fn, &ran[i]);
    RV_MODEL_CHECK(t != NULL, "nobody stops it yet");
    rove_release(t);
}

/* False: it has given up, as all of its patience passed before the others did anything. */
static bool stop(rove_duration grace)
{
    int64_t begun_ns = rv_os_clock_ns();
    struct rv_worker *w = &made->workers[0];
    int rc = rove_runtime_stop(made, grace);
    RV_MODEL_CHECK(rc == 0 || rc == -ETIMEDOUT, "how a stop ends");
    if (rc < 0) {
        RV_MODEL_CHECK(rv_os_clock_ns() - begun_ns >= RV_RUNTIME_PATIENCE_NS, "it is patient");
        rv_model_allow_leaks();
        rv_os_thread_join(w->thread);
    }
    return rc == 0;
}

static void start_and_stop(void)
{
    start(1);
    submit(run_once, 0);
    RV_MODEL_CHECK(stop(ROVE_FOREVER), "for ever is long");
    RV_MODEL_CHECK(ran[0] == 1, "a stop waits for the task");
}

static void start_two(void)
{
    start(2);
    submit(run_once, 0);
    RV_MODEL_CHECK(stop(ROVE_FOREVER), "for ever is long");
    RV_MODEL_CHECK(ran[0] == 1, "a stop waits for the task");
}

static void stop_before_child(void)
{
    start(1);
    submit(leave_child, 0);
    RV_MODEL_CHECK(stop(ROVE_FOREVER), "for ever is long");
    RV_MODEL_CHECK(ran[0] == 1 && ran[1] == 1, "a stop waits for what a task has left behind");
}

static void submit_from_outside(void *arg)
{
    (void)arg;
    rove_task *t = rove_submit(made, run_once, &ran[0]);
    accepted = t != NULL;
    rove_release(t);
}

static void stop_while_submitting(void)
{
    start(1);
    must_outlive = true;
    outside = rv_model_spawn(submit_from_outside, NULL);
    bool has_stopped = stop(ROVE_FOREVER);
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
    start(1);
    outside = rv_model_spawn(submit_and_tell, NULL);
    while (rv_load_relaxed(&flag) == 0) {
        rv_cpu_relax();
    }
    RV_MODEL_CHECK(stop(ROVE_FOREVER), "for ever is long");
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
    start(1);
    submit(wait_for_fire, 0);
    outside = rv_model_spawn(fire_from_outside, NULL);
    RV_MODEL_CHECK(stop(ROVE_FOREVER), "for ever is long");
    RV_MODEL_CHECK(ran[0] == 1, "it was woken");
}

static void stop_and_cancel(void)
{
    start(1);
    submit(wait_for_cancel, 0);
    bool has_stopped = stop(0);
    RV_MODEL_CHECK(!has_stopped || ran[0] == 1, "a stop waits for what it cancels");
}

static void stop_and_abandon(void)
{
    start(1);
    submit(never_end, 0);
    RV_MODEL_CHECK(!stop(0), "there is one that does not end");
    RV_MODEL_CHECK(logged == 1, "it is named");
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
    const rove_options options = {.workers = 2, .max_threads = 1, .log = note_log};
    RV_MODEL_CHECK(rove_runtime_start(&options, &made) == -EIO, "the reason is any worker's");
    RV_MODEL_CHECK(logged == 1, "and is told");
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
    {"runtime/cancel", setup, {stop_and_cancel}, finish, 0},
    {"runtime/abandon", setup, {stop_and_abandon}, finish, 0},
    {"runtime/live", setup_live, {leave_and_end, look}, finish, 0},
    {"runtime/refused", setup_refusal, {be_refused}, finish, 0},
};

const struct rv_model_list rv_models_runtime = {models, sizeof models / sizeof models[0]};
