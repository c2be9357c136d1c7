// SPDX-License-Identifier: MIT
/*
 * Purpose: where a runnable task goes, and which one a worker runs next.
 *
 * Idea: first in, first out, as asyncio's loop. The one ready task of a worker is a private batch
 * of its run queue, announced to nobody: the worker runs it within a step, and a pair of tasks that
 * hand over to each other never wakes another core. Private batches and the overflow can be reached
 * by a rescue only (watch.c), hence the biased lock around them.
 *
 * Sleepers are told of new work when the public part of the run queue goes from empty to not empty:
 * whoever found it not empty was told before, or will look again before it sleeps (idle.c).
 *
 * Cost: a push is a few stores; a pop one compare-exchange per claimed batch of eight; one fence
 * per empty-to-not-empty with several workers.
 */
#include "sched/ready.h"

#include "sched/current.h"
#include "sched/idle.h"
#include "sched/runtime.h"
#include "sched/task.h"
#include "sched/worker.h"

#define RV_READY_PREFETCH_AHEAD 4 /* bench/yield_many, bench/spawn_many */
#define RV_READY_INJECT_BATCH 32 /* arbitrary: an eighth of a run queue */

static void receive_pinned(struct rv_worker *w, struct rv_message *message)
{
    struct rv_task *t = rv_container_of(message, struct rv_task, ready_message);
    rv_fifo_push(&w->pinned, &t->queue_link);
}

/* A task that must stay on its worker. */
static void push_pinned(struct rv_worker *here, struct rv_task *t)
{
    struct rv_worker *home = t->worker;
    if (home == here) {
        rv_fifo_push(&home->pinned, &t->queue_link);
        return;
    }
    t->ready_message.receive = receive_pinned;
    rv_worker_post(home, &t->ready_message);
}

static bool is_bound(const struct rv_task *t)
{
    return (t->future.flags & RV_TASK_PINNED) != 0 && t->is_started;
}

/*
 * A thread that is no worker of t's runtime. Until t is queued, t keeps its runtime alive; then it
 * may run, be the last to end, and the runtime with it, while this thread still wakes a worker.
 */
static RV_NOINLINE void push_from_outside(struct rv_worker *here, struct rv_task *t)
{
    struct rove_runtime *runtime = t->runtime;
    rv_fetch_add_relaxed(&runtime->visitors, 1);
    if (is_bound(t)) {
        push_pinned(here, t);
    } else {
        rv_runtime_inject(runtime, t);
    }
    /* order: release R4. The last use of the runtime; pairs with rv_runtime_end. */
    rv_fetch_sub_release(&runtime->visitors, 1);
}

void rv_ready_push(struct rv_task *t)
{
    struct rv_worker *w = rv_current_worker();
    if (RV_UNLIKELY(w == NULL || w->runtime != t->runtime)) {
        push_from_outside(w, t);
    } else if (is_bound(t)) {
        push_pinned(w, t);
    } else {
        rv_ready_push_local(w, t);
    }
}

/* Inside the bias section, the run queue has room: refills it from the overflow. */
static RV_NOINLINE void refill(struct rv_worker *w)
{
    while (!rv_backlog_is_empty(&w->overflow) &&
           rv_runq_push(&w->runq, rv_backlog_first(&w->overflow))) {
        rv_backlog_pop(&w->overflow);
    }
}

/*
 * Behind what is queued. When the run queue is full, or older tasks wait behind it, t goes behind
 * those: order is kept, thieves find the run queue full, a rescuer reaches the overflow. Out of
 * memory, order is given up: the injection queue links tasks through themselves.
 */
static inline void push_behind(struct rv_worker *w, struct rv_task *t)
{
    if (RV_LIKELY(rv_backlog_is_empty(&w->overflow)) && RV_LIKELY(rv_runq_push(&w->runq, t))) {
        rv_bias_owner_leave(&w->bias);
        /* Looked at after the push: a thief may have taken the rest, and gone to sleep, before. */
        if (rv_runq_size_hint(&w->runq) <= 1) {
            rv_idle_notify(w->runtime);
        }
        return;
    }
    int rc = rv_backlog_push(&w->overflow, t);
    rv_bias_owner_leave(&w->bias);
    if (RV_UNLIKELY(rc < 0)) {
        rv_runtime_inject(w->runtime, t);
    }
}

void rv_ready_push_local(struct rv_worker *w, struct rv_task *t)
{
    if (RV_UNLIKELY(t->future.flags & RV_TASK_PINNED) && t->is_started) {
        push_pinned(w, t);
        return;
    }
    rv_bias_owner_enter(&w->bias);
    if (rv_runq_push_private(&w->runq, t)) {
        rv_bias_owner_leave(&w->bias);
        rv_idle_hint(w);
    } else {
        push_behind(w, t);
    }
}

void rv_ready_push_cont(struct rv_worker *w, struct rv_task *t)
{
    if (RV_UNLIKELY(t->future.flags & RV_TASK_PINNED)) {
        rv_fifo_push_front(&w->pinned, &t->queue_link);
        w->is_pinned_first = true;
        return;
    }
    unsigned depth = (unsigned)rv_deque_size_hint(&w->conts);
    if (RV_UNLIKELY(rv_deque_push(&w->conts, t) != 0)) {
        rv_ready_push_local(w, t);
    } else if (depth == 0) {
        rv_idle_hint(w);
    } else if (depth == 1) {
        rv_idle_notify(w->runtime);
    }
}

static struct rv_task *pop_pinned(struct rv_worker *w)
{
    w->is_pinned_first = false;
    struct rv_fifo_node *node = rv_fifo_pop(&w->pinned);
    return node == NULL ? NULL : rv_container_of(node, struct rv_task, queue_link);
}

/*
 * Fetches what the switch to a coming task will need: its block and the frames below it (a task
 * that waits in the library's calls has its registers within five lines of the block). The address
 * is not followed: the task may be another worker's by then.
 */
static RV_ALWAYS_INLINE void prefetch_coming(struct rv_worker *w)
{
    const char *block = rv_runq_peek(&w->runq, RV_READY_PREFETCH_AHEAD);
    if (block != NULL) {
        __builtin_prefetch(block, 1);
        __builtin_prefetch(block + RV_CACHE_LINE, 1);
        __builtin_prefetch(block + 2 * RV_CACHE_LINE, 1);
        __builtin_prefetch(block - RV_CACHE_LINE, 1);
        __builtin_prefetch(block - 2 * RV_CACHE_LINE, 1);
        __builtin_prefetch(block - 3 * RV_CACHE_LINE, 1);
        __builtin_prefetch(block - 4 * RV_CACHE_LINE, 1);
        __builtin_prefetch(block - 5 * RV_CACHE_LINE, 1);
    }
}

static inline struct rv_task *pop_queued(struct rv_worker *w)
{
    rv_bias_owner_enter(&w->bias);
    struct rv_task *t = rv_runq_pop(&w->runq);
    prefetch_coming(w);
    if (RV_UNLIKELY(!rv_backlog_is_empty(&w->overflow)) && rv_runq_private_hint(&w->runq) == 0) {
        refill(w);
    }
    rv_bias_owner_leave(&w->bias);
    return t;
}

static inline struct rv_task *pop_cont(struct rv_worker *w)
{
    if (RV_UNLIKELY(w->is_pinned_first)) {
        return pop_pinned(w);
    }
    return rv_deque_size_hint(&w->conts) == 0 ? NULL : rv_deque_pop(&w->conts);
}

struct rv_task *rv_ready_pick(struct rv_worker *w)
{
    if (RV_UNLIKELY(--w->tick == 0) || RV_UNLIKELY(rv_load_relaxed(&w->is_wanted))) {
        w->tick = 1;
        return NULL;
    }
    struct rv_task *t = pop_cont(w);
    if (t == NULL) {
        t = pop_queued(w);
    }
    if (t == NULL && !rv_fifo_is_empty(&w->pinned)) {
        t = pop_pinned(w);
    }
    return t;
}

struct rv_task *rv_ready_pick_fair(struct rv_worker *w)
{
    struct rv_task *t = w->is_pinned_first ? pop_pinned(w) : NULL;
    if (t == NULL && !rv_fifo_is_empty(&w->pinned) && (rv_rand_next(&w->rand) & 1) != 0) {
        t = pop_pinned(w);
    }
    if (t == NULL) {
        t = pop_cont(w);
    }
    if (t == NULL) {
        t = pop_queued(w);
    }
    return t != NULL ? t : pop_pinned(w);
}

bool rv_ready_is_empty(const struct rv_worker *w)
{
    struct rv_worker *self = &w->runtime->workers[w->idx];
    return rv_runq_is_empty_owner(&self->runq) && rv_deque_size_hint(&self->conts) == 0 &&
           rv_fifo_is_empty(&self->pinned);
}

void rv_ready_take_injected(struct rv_worker *w)
{
    struct rove_runtime *runtime = w->runtime;
    if (rv_load_relaxed(&runtime->injected_count) == 0) {
        return;
    }
    struct rv_fifo_node *taken[RV_READY_INJECT_BATCH];
    unsigned n = 0;
    rv_lock_acquire(&runtime->inject_lock);
    uint32_t count = rv_load_relaxed(&runtime->injected_count);
    unsigned share = count / runtime->worker_count + 1;
    while (n < share && n < RV_READY_INJECT_BATCH && !rv_fifo_is_empty(&runtime->injected)) {
        taken[n++] = rv_fifo_pop(&runtime->injected);
    }
    rv_store_relaxed(&runtime->injected_count, count - n);
    rv_lock_release(&runtime->inject_lock);
    rv_count(&w->count.injected, n);
    for (unsigned i = 0; i < n; i++) {
        rv_ready_push_local(w, rv_container_of(taken[i], struct rv_task, queue_link));
    }
}
