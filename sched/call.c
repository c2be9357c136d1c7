// SPDX-License-Identifier: MIT
/*
 * Purpose: plain callbacks: soon, later, at a time.
 *
 * Idea: one at a time and in order, as in asyncio, however many workers there are. A callback that
 * is due goes to the end of `due`, and a hidden task to the end of the ready queue. A hidden task
 * is a turn, not a certain callback: it calls the first one due. If another is calling just then,
 * it leaves its turn to that one. So with one worker each runs at its place among the tasks, and
 * with several nobody waits for a lock.
 *
 *     handle    PENDING -> RUNNING -> DONE      or  PENDING -> CANCELLED
 *     later     in `timers` and armed -> (deadline) -> in `due` -> called
 *
 * Owner: references of a handle: the caller's, and the library's until it is called or cancelled.
 * Each handle holds the struct rv_calls, so a cancel may come after the runtime has gone.
 * Threads: any. `lock` is taken before a timer heap's lock, `due_lock` after it (the deadline).
 */
#include "sched/call.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/list.h"
#include "core/lock.h"
#include "sched/current.h"
#include "sched/fork.h"
#include "sched/local.h"
#include "sched/runtime.h"
#include "sched/task.h"
#include "sched/timer.h"

#include <rove/thread.h>

#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

enum { PENDING, RUNNING, CANCELLED };

struct rv_calls {
    RV_ATOMIC(uint64_t) references; /* the runtime's, and one for each handle */
    struct rove_runtime *runtime;   /* constant; not followed once is_stopped or is_closed */

    struct rv_lock lock;            /* guards is_stopped, is_closed, timers */
    bool is_stopped;
    bool is_closed;
    struct rv_list timers;          /* handles whose timer may still be armed */

    struct rv_lock due_lock;        /* guards what follows */
    bool is_calling;                /* a hidden task is at it */
    uint64_t turns;                 /* hidden tasks that came meanwhile, or could not be made */
    struct rv_fifo due;
};

struct rove_handle {
    RV_ATOMIC(uint32_t) references;
    RV_ATOMIC(uint32_t) state;
    struct rv_calls *calls;      /* constant; retained */
    rove_callback *fn;           /* constant */
    void *ctx;                   /* constant */
    struct rv_local_map *locals; /* of who asked, for tasks that fn makes; its turn takes them */
    struct rv_list timer_link;   /* in calls->timers; under its lock */
    struct rv_fifo_node due_link;/* in calls->due; under its lock */
    struct rv_timer timer;
};

struct rv_calls *rv_calls_retain(struct rv_calls *calls)
{
    rv_fetch_add_relaxed(&calls->references, 1);
    return calls;
}

void rv_calls_release(struct rv_calls *calls)
{
    /* order: acq_rel H1. All uses before the free, by whoever drops the last. */
    if (rv_fetch_sub_acq_rel(&calls->references, 1) == 1) {
        free(calls);
    }
}

int rv_calls_start(struct rove_runtime *runtime)
{
    struct rv_calls *calls = calloc(1, sizeof(*calls));
    if (calls == NULL) {
        return -ENOMEM;
    }
    rv_store_relaxed(&calls->references, 1);
    calls->runtime = runtime;
    rv_list_init(&calls->timers);
    rv_fifo_init(&calls->due);
    runtime->calls = calls;
    return 0;
}

static struct rove_handle *create(struct rv_calls *calls, rove_callback *fn, void *ctx)
{
    struct rove_handle *h = calloc(1, sizeof(*h));
    if (h == NULL || rv_locals_keep(&h->locals) < 0) {
        free(h);
        return NULL;
    }
    rv_store_relaxed(&h->references, 2);
    rv_store_relaxed(&h->state, (uint32_t)PENDING);
    h->calls = rv_calls_retain(calls);
    h->fn = fn;
    h->ctx = ctx;
    rv_list_init(&h->timer_link);
    rv_heap_node_init(&h->timer.node);
    return h;
}

void rove_handle_release(rove_handle *h)
{
    /* order: acq_rel H1. All uses before the free, by whoever drops the last. */
    if (h != NULL && rv_fetch_sub_acq_rel(&h->references, 1) == 1) {
        rv_calls_release(h->calls);
        rv_locals_drop(h->locals);
        free(h);
    }
}

/* True: the caller decides what becomes of it. */
static bool leave_pending(struct rove_handle *h, uint32_t state)
{
    uint32_t pending = PENDING;
    /* order: acq_rel H2. Called or cancelled, never both; pairs with rove_handle_cancel. */
    return rv_cas_acq_rel(&h->state, &pending, state);
}

/* The first that is due, for a turn; NULL: no turn is left and is_calling is off. */
static struct rove_handle *take_due(struct rv_calls *calls)
{
    struct rove_handle *h = NULL;
    rv_lock_acquire(&calls->due_lock);
    if (calls->turns > 0) {
        struct rv_fifo_node *node = rv_fifo_pop(&calls->due);
        calls->turns--;
        h = node == NULL ? NULL : rv_container_of(node, struct rove_handle, due_link);
    }
    if (h == NULL) {
        calls->is_calling = false;
    }
    rv_lock_release(&calls->due_lock);
    return h;
}

static void call(struct rove_handle *h)
{
    struct rv_calls *calls = h->calls;
    rv_lock_acquire(&calls->lock);
    rv_list_remove(&h->timer_link);
    rv_lock_release(&calls->lock);
    if (leave_pending(h, RUNNING)) {
        rv_locals_assume(h->locals);
        h->locals = NULL;
        h->fn(h->ctx);
    }
    rove_handle_release(h);
}

/* A hidden task. Keeps the struct alive: the turn it leaves behind may be the last. */
static int take_turn(void *arg, void **result)
{
    struct rv_calls *calls = arg;
    struct rove_handle *h;
    (void)result;
    rv_lock_acquire(&calls->due_lock);
    bool is_mine = !calls->is_calling;
    calls->is_calling = true;
    calls->turns++;
    rv_lock_release(&calls->due_lock);
    while (is_mine && (h = take_due(calls)) != NULL) {
        call(h);
    }
    rv_calls_release(calls);
    return 0;
}

/* Adds h, which is due, and a turn. -ENOMEM: it waits for the next turn of another. */
static int push_due(struct rove_handle *h)
{
    struct rv_calls *calls = h->calls;
    rv_fetch_add_relaxed(&calls->references, 1);
    rv_lock_acquire(&calls->due_lock);
    rv_fifo_push(&calls->due, &h->due_link);
    rv_lock_release(&calls->due_lock);
    if (rv_task_run_hidden(calls->runtime, take_turn, calls) == 0) {
        return 0;
    }
    rv_lock_acquire(&calls->due_lock);
    calls->turns++;
    rv_lock_release(&calls->due_lock);
    rv_calls_release(calls);
    return -ENOMEM;
}

/* The deadline, under the lock of a heap. */
static void become_due(struct rv_timer *timer)
{
    struct rove_handle *h = rv_container_of(timer, struct rove_handle, timer);
    struct rove_runtime *runtime = h->calls->runtime;
    if (push_due(h) < 0) {
        rv_runtime_log(runtime, LOG_ERR, "rove: no memory to call back in time");
    }
}

static rove_handle *call_soon(struct rove_runtime *runtime, rove_callback *cb, void *ctx)
{
    struct rove_handle *h = cb == NULL ? NULL : create(runtime->calls, cb, ctx);
    if (h == NULL) {
        return NULL;
    }
    rv_lock_acquire(&h->calls->lock);
    bool is_stopped = h->calls->is_stopped;
    rv_lock_release(&h->calls->lock);
    if (is_stopped) {
        rove_handle_release(h);
        rove_handle_release(h);
        return NULL;
    }
    if (push_due(h) < 0 && leave_pending(h, CANCELLED)) {
        rove_handle_release(h); /* in the queue still; the one that meets it drops the other */
        return NULL;
    }
    return h;
}

rove_handle *rove_call_soon(rove_callback *cb, void *ctx)
{
    struct rv_worker *w = rv_current_worker();
    return w == NULL ? NULL : call_soon(w->runtime, cb, ctx);
}

rove_handle *rove_call_soon_threadsafe(rove_runtime *runtime, rove_callback *cb, void *ctx)
{
    return runtime == NULL || rv_fork_is_dead(runtime) ? NULL : call_soon(runtime, cb, ctx);
}

/* Arms it unless the runtime stops: false, and nothing is armed. */
static bool arm(struct rv_calls *calls, struct rove_handle *h, int64_t when_ns)
{
    rv_lock_acquire(&calls->lock);
    bool is_armed = !calls->is_stopped;
    if (is_armed && when_ns != RV_CLOCK_NEVER) {
        is_armed = rv_timer_arm(&h->timer, when_ns, become_due) == 0;
    }
    if (is_armed) {
        rv_list_push_back(&calls->timers, &h->timer_link);
    }
    rv_lock_release(&calls->lock);
    return is_armed;
}

static rove_handle *call_at(rove_callback *cb, void *ctx, int64_t when_ns, int64_t now_ns)
{
    struct rv_worker *w = rv_current_worker();
    struct rove_handle *h = w == NULL || cb == NULL ? NULL : create(w->runtime->calls, cb, ctx);
    if (h == NULL) {
        return NULL;
    }
    if (!arm(h->calls, h, when_ns)) {
        rove_handle_release(h);
        rove_handle_release(h);
        return NULL;
    }
    if (when_ns <= now_ns) {
        rv_store_relaxed(&w->is_wanted, 1); /* due at the next switch, not some switches later */
    }
    return h;
}

rove_handle *rove_call_later(rove_duration d, rove_callback *cb, void *ctx)
{
    int64_t now_ns = rv_clock_now();
    return call_at(cb, ctx, rv_clock_add(now_ns, d), now_ns);
}

rove_handle *rove_call_at(rove_time when, rove_callback *cb, void *ctx)
{
    return call_at(cb, ctx, when, rv_clock_now());
}

/* Lock held, h cancelled. True: it was not due yet, and the library's reference is the caller's. */
static bool withdraw_timer(struct rove_handle *h)
{
    if (!rv_list_is_linked(&h->timer_link)) {
        return false;
    }
    rv_list_remove(&h->timer_link);
    return h->timer.worker == NULL || rv_timer_disarm(&h->timer);
}

bool rove_handle_cancel(rove_handle *h)
{
    if (h == NULL) {
        return false;
    }
    if (leave_pending(h, CANCELLED)) {
        rv_lock_acquire(&h->calls->lock);
        bool is_withdrawn = withdraw_timer(h);
        rv_lock_release(&h->calls->lock);
        if (is_withdrawn) {
            rove_handle_release(h);
        }
        return true;
    }
    /* order: acquire H2. What the one who cancelled did before; pairs with leave_pending. */
    return rv_load_acquire(&h->state) == CANCELLED;
}

/* One handle whose timer has not fired, cancelled; NULL: no more. */
static struct rove_handle *take_timer(struct rv_calls *calls)
{
    rv_lock_acquire(&calls->lock);
    calls->is_stopped = true;
    struct rove_handle *h = NULL;
    struct rv_list *link;
    while (h == NULL && (link = rv_list_first(&calls->timers)) != NULL) {
        h = rv_container_of(link, struct rove_handle, timer_link);
        leave_pending(h, CANCELLED);
        h = withdraw_timer(h) ? h : NULL;
    }
    rv_lock_release(&calls->lock);
    return h;
}

static struct rove_handle *take_any_due(struct rv_calls *calls)
{
    rv_lock_acquire(&calls->due_lock);
    struct rv_fifo_node *node = rv_fifo_pop(&calls->due);
    rv_lock_release(&calls->due_lock);
    return node == NULL ? NULL : rv_container_of(node, struct rove_handle, due_link);
}

void rv_calls_stop(struct rove_runtime *runtime)
{
    struct rv_calls *calls = runtime->calls;
    struct rove_handle *h;
    while ((h = take_timer(calls)) != NULL) {
        rove_handle_release(h);
    }
    while ((h = take_any_due(calls)) != NULL) {
        leave_pending(h, CANCELLED);
        rove_handle_release(h);
    }
}

void rv_calls_close(struct rove_runtime *runtime)
{
    rv_lock_acquire(&runtime->calls->lock);
    runtime->calls->is_closed = true;
    rv_lock_release(&runtime->calls->lock);
}

/* The runtime stays until it is left; NULL: it is at its end. */
static struct rove_runtime *enter(struct rv_calls *calls)
{
    struct rove_runtime *runtime = NULL;
    rv_lock_acquire(&calls->lock);
    if (!calls->is_closed) {
        runtime = calls->runtime;
        rv_fetch_add_relaxed(&runtime->visitors, 1);
    }
    rv_lock_release(&calls->lock);
    return runtime;
}

int rv_calls_run_hidden(struct rv_calls *calls, rove_coro *fn, void *ctx)
{
    const struct rv_worker *w = rv_current_worker();
    if (w != NULL && w->runtime->calls == calls) {
        return rv_task_run_hidden(w->runtime, fn, ctx);
    }
    struct rove_runtime *runtime = enter(calls);
    if (runtime == NULL) {
        return -ESHUTDOWN;
    }
    int rc = rv_task_run_hidden(runtime, fn, ctx);
    /* order: release R4. The last use of the runtime; pairs with rv_runtime_end. */
    rv_fetch_sub_release(&runtime->visitors, 1);
    return rc;
}

void rv_calls_free(struct rove_runtime *runtime)
{
    struct rv_calls *calls = runtime->calls;
    struct rove_handle *h;
    if (calls == NULL) {
        return;
    }
    RV_CHECK(rv_list_is_empty(&calls->timers), "no callback outlives its runtime");
    while ((h = take_any_due(calls)) != NULL) { /* there was no memory to call it */
        leave_pending(h, CANCELLED);
        rove_handle_release(h);
    }
    rv_calls_release(calls);
}
