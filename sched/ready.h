// SPDX-License-Identifier: MIT
/*
 * Purpose: where a runnable task goes, and which one a worker runs next.
 *
 * Idea: first in, first out, as asyncio's loop. The one ready task of a worker is a private batch
 * of its run queue, announced to nobody: the worker runs it within a step, and a pair of tasks that
 * hand over to each other never wakes another core. Private batches and the overflow can be reached
 * by a rescue only (watch.c), hence the biased lock around them. A lone worker has neither thieves
 * nor rescuers: its one ready task lies in a word (`only`), and nothing is locked.
 *
 * Sleepers are told of new work when the public part of the run queue goes from empty to not empty:
 * whoever found it not empty was told before, or will look again before it sleeps (idle.c).
 *
 * Cost: a push is a few stores; a pop one compare-exchange per claimed batch of eight (a lone
 * worker's: of all there are); one fence
 * per empty-to-not-empty with several workers. All of it is inline: a switch is one function.
 */
#ifndef RV_SCHED_READY_H
#define RV_SCHED_READY_H

#include "core/base.h"
#include "sched/current.h"
#include "sched/idle.h"
#include "sched/runtime.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <stdbool.h>

#define RV_READY_BLOCK_AHEAD 6 /* bench/yield_many, bench/spawn_many */
#define RV_READY_FRAMES_AHEAD 3

/* Owner, when looking around: as rv_ready_pick, but queued and pinned tasks go before conts. */
struct rv_task *rv_ready_pick_fair(struct rv_worker *w);
/* Owner: none of its own tasks is ready; it may be running one. */
bool rv_ready_is_empty(const struct rv_worker *w);
/* Owner: takes its share of the injection queue. */
void rv_ready_take_share(struct rv_worker *w);
static inline void rv_ready_take_injected(struct rv_worker *w)
{
    if (RV_UNLIKELY(rv_load_relaxed(&w->runtime->injected_count) > 0)) {
        rv_ready_take_share(w);
    }
}

/* The rest of the functions below. */
void rv_ready_push_pinned(struct rv_worker *here, struct rv_task *t);
void rv_ready_push_outside(struct rv_worker *here, struct rv_task *t);
void rv_ready_push_overflow(struct rv_worker *w, struct rv_task *t);
void rv_ready_push_cont_pinned(struct rv_worker *w, struct rv_task *t);
struct rv_task *rv_ready_pop_pinned(struct rv_worker *w);
struct rv_task *rv_ready_refill(struct rv_worker *w, struct rv_task *t);

/* It has run, and may not run elsewhere. */
static inline bool rv_ready_is_bound(const struct rv_task *t)
{
    return RV_UNLIKELY((t->future.flags & RV_TASK_PINNED) != 0) && t->future.is_started;
}

#ifdef RV_MODEL_TASKS /* a model whose tasks are its threads has them made ready by the model */
void rv_ready_push_local(struct rv_worker *w, struct rv_task *t);
#define rv_ready_push_alone rv_ready_push_local
void rv_ready_push(struct rv_task *t);
struct rv_task *rv_ready_pop_queued(struct rv_worker *w); /* models_active.c */
struct rv_task *rv_ready_pop_cont(struct rv_worker *w);
static inline void rv_ready_push_from(struct rv_worker *here, struct rv_task *t)
{
    (void)here;
    rv_ready_push(t);
}
#else
/*
 * A lone worker has no thief to tell and no rescuer to keep out, and one ready task of its own is
 * kept in a word.
 */
static RV_ALWAYS_INLINE void rv_ready_push_alone(struct rv_worker *w, struct rv_task *t)
{
    bool is_over = RV_UNLIKELY(!rv_backlog_is_empty(&w->overflow));
    uint32_t queued = rv_runq_size_alone(&w->runq);
    if (RV_LIKELY(queued - 1 < RV_RUNQ_CAPACITY - 1) && !is_over) {
        rv_runq_push_alone(&w->runq, t);
    } else if (queued == 0 && w->only == NULL) {
        w->only = t;
    } else if (queued == 0) {
        rv_runq_push_alone(&w->runq, t);
    } else {
        rv_bias_owner_enter(&w->bias);
        rv_ready_push_overflow(w, t);
    }
}

/*
 * On worker w's own thread: the end of its queue. When the run queue is full, or older tasks wait
 * behind it, t goes behind those: order is kept, thieves find the run queue full, a rescuer reaches
 * the overflow. Out of memory, order is given up: the injection queue links tasks through
 * themselves.
 */
static RV_ALWAYS_INLINE void rv_ready_push_local(struct rv_worker *w, struct rv_task *t)
{
    if (rv_ready_is_bound(t)) {
        rv_ready_push_pinned(w, t);
        return;
    }
    if (w->is_alone) {
        rv_ready_push_alone(w, t);
        return;
    }
    rv_bias_owner_enter(&w->bias);
    if (rv_runq_push_private(&w->runq, t)) {
        rv_bias_owner_leave(&w->bias);
        rv_idle_hint(w);
        return;
    }
    if (RV_UNLIKELY(!rv_backlog_is_empty(&w->overflow)) || !rv_runq_push(&w->runq, t)) {
        rv_ready_push_overflow(w, t);
        return;
    }
    rv_bias_owner_leave(&w->bias);
    /* Looked at after the push: a thief may have taken the rest, and gone to sleep, before. */
    uint32_t size = rv_runq_size_hint(&w->runq);
    if (size <= 1) {
        rv_idle_notify_queued(w->runtime);
    } else if (size == RV_IDLE_MANY && RV_UNLIKELY(rv_load_relaxed(&w->runtime->idle.calm) != 0)) {
        rv_idle_notify(w->runtime);
    }
}

/* Any thread, of worker `here` or NULL; the caller owns t, which is ACTIVE. On a worker of its
 * runtime: the end of its queue. */
static RV_ALWAYS_INLINE void rv_ready_push_from(struct rv_worker *here, struct rv_task *t)
{
    if (RV_UNLIKELY(here == NULL || here->runtime != t->runtime)) {
        rv_ready_push_outside(here, t);
    } else {
        rv_ready_push_local(here, t);
    }
}

static inline void rv_ready_push(struct rv_task *t)
{
    rv_ready_push_from(rv_current_worker(), t);
}

/* Owner: a suspended eager parent, newest first. */
static RV_ALWAYS_INLINE void rv_ready_push_cont(struct rv_worker *w, struct rv_task *t)
{
    if (RV_UNLIKELY(t->future.flags & RV_TASK_PINNED)) {
        rv_ready_push_cont_pinned(w, t);
        return;
    }
    if (RV_UNLIKELY(rv_deque_push(&w->conts, t) != 0)) {
        rv_ready_push_local(w, t);
        return;
    }
    w->has_conts = true;
    /* Looked at after the push, as above. */
    unsigned depth = w->is_alone ? 3 : (unsigned)rv_deque_size_hint(&w->conts);
    if (depth <= 1) {
        rv_idle_hint(w);
    } else if (depth == 2) {
        rv_idle_notify(w->runtime);
    }
}

/*
 * Fetches what the switch to a coming task will need: its block, and when that is here, its frames.
 * Of the task no more is known than that its memory is a task's: another worker may have it.
 */
static RV_ALWAYS_INLINE void rv_ready_prefetch(struct rv_worker *w)
{
    uint32_t run = rv_runq_run(&w->runq);
    int32_t left = (int32_t)rv_runq_from(&w->runq, run);
    if (left > RV_READY_FRAMES_AHEAD) {
        const struct rv_task *near = rv_runq_at(&w->runq, run + RV_READY_FRAMES_AHEAD);
        rv_context_prefetch(&near->context);
    }
    if (left > RV_READY_BLOCK_AHEAD) {
        const char *block = rv_runq_at(&w->runq, run + RV_READY_BLOCK_AHEAD);
        __builtin_prefetch(block, 1);
        __builtin_prefetch(block + RV_CACHE_LINE, 1);
    }
}

static RV_ALWAYS_INLINE struct rv_task *rv_ready_pop_alone(struct rv_worker *w)
{
    struct rv_task *t = w->only;
    if (t != NULL) {
        w->only = NULL;
        return t;
    }
    t = rv_runq_pop_alone(&w->runq);
    rv_ready_prefetch(w);
    if (RV_UNLIKELY(!rv_backlog_is_empty(&w->overflow)) && rv_runq_private_hint(&w->runq) == 0) {
        rv_bias_owner_enter(&w->bias);
        return rv_ready_refill(w, t);
    }
    return t;
}

static RV_ALWAYS_INLINE struct rv_task *rv_ready_pop_queued(struct rv_worker *w)
{
    if (w->is_alone) {
        return rv_ready_pop_alone(w);
    }
    rv_bias_owner_enter(&w->bias);
    struct rv_task *t = rv_runq_pop(&w->runq);
    rv_ready_prefetch(w);
    if (RV_UNLIKELY(!rv_backlog_is_empty(&w->overflow)) && rv_runq_private_hint(&w->runq) == 0) {
        return rv_ready_refill(w, t);
    }
    rv_bias_owner_leave(&w->bias);
    return t;
}

static RV_ALWAYS_INLINE struct rv_task *rv_ready_pop_cont(struct rv_worker *w)
{
    if (RV_UNLIKELY(w->is_pinned_first)) {
        return rv_ready_pop_pinned(w);
    }
    if (!w->has_conts) {
        return NULL;
    }
    struct rv_task *t = rv_deque_pop(&w->conts);
    if (t == NULL) {
        w->has_conts = false;
    }
    return t;
}

/* Owner, about to switch: is it time to look around? */
static RV_ALWAYS_INLINE bool rv_ready_is_due(struct rv_worker *w)
{
    if (RV_UNLIKELY(--w->tick == 0) || RV_UNLIKELY(rv_load_relaxed(&w->is_wanted))) {
        w->tick = 1;
        return true;
    }
    return false;
}

static RV_ALWAYS_INLINE struct rv_task *rv_ready_pop_late(struct rv_worker *w)
{
    struct rv_task *t = rv_ready_pop_queued(w);
    if (RV_UNLIKELY(t == NULL) && !rv_fifo_is_empty(&w->pinned)) {
        t = rv_ready_pop_pinned(w);
    }
    return t;
}

/* Owner: the next local task, or NULL: nothing here, or it is time to look around. */
static RV_ALWAYS_INLINE struct rv_task *rv_ready_pick(struct rv_worker *w)
{
    if (rv_ready_is_due(w)) {
        return NULL;
    }
    struct rv_task *t = rv_ready_pop_cont(w);
    return t != NULL ? t : rv_ready_pop_late(w);
}

/* The same of one without conts (struct rv_worker's is_odd). */
static RV_ALWAYS_INLINE struct rv_task *rv_ready_pick_even(struct rv_worker *w)
{
    return rv_ready_is_due(w) ? NULL : rv_ready_pop_late(w);
}

#endif

#endif
