// SPDX-License-Identifier: MIT
/*
 * Purpose: a seat: a stack and the context that rests on it; a task takes one when it first runs
 * and leaves it when it ends.
 *
 * Idea: what waits to begin, or is done, needs no stack. So tasks that are created by the hundred
 * thousand and are short share the few stacks of those that run, the hottest first; and a task that
 * ends gives its seat to the next that begins: that one starts where it stands, without a switch.
 *
 *     creation  promises a seat: its address space is there, so no task is ever without (else NULL)
 *     first run rv_seat_take: from the worker's cache, or rv_seat_pass_on: from the one that ended
 *     end       rv_seat_leave, from the next context: the seat is free, the promise is over
 *
 * Seats of another size than the runtime's belong to their task from its creation; they are rare.
 *
 * A promise is kept by the pool as a whole: the last free stacks may lie in the caches of other
 * workers. Then the task goes to the injection queue, and every worker lays its cache open.
 *
 * Threads: a worker's own.
 */
#ifndef RV_SCHED_SEAT_H
#define RV_SCHED_SEAT_H

#include "core/stack.h"
#include "sched/runtime.h"
#include "sched/task.h"
#include "sched/worker.h"

#define RV_SEAT_PROMISES 128 /* a worker asks for half of these at a time, and keeps fewer */

struct rv_seat {
    struct rv_stack stack; /* the pool's */
    struct rv_task *task;  /* who has it, or had it last */
    void *rest_sp;         /* of a free seat: its context rests in task_entry; NULL: never made */
};

/* For a creation on w, without promises in stock. */
RV_WARN_UNUSED bool rv_seat_promise_more(struct rv_worker *w);
/* Half of the promises in stock go back. */
void rv_seat_promise_less(struct rv_worker *w);
/* All of them, and the free stacks: before the worker's thread ends. */
void rv_seat_give_up(struct rv_worker *w);
/* There is no stack here for t, which has not begun: it is tried elsewhere. */
void rv_seat_starve(struct rv_worker *w, struct rv_task *t);
/* Somebody starves: free stacks go where all can have them. */
void rv_seat_share(struct rv_worker *w);
/* t, fresh, with a seat from the class of this size. False: no memory. */
RV_WARN_UNUSED bool rv_seat_reserve(struct rv_task *t, struct rove_runtime *runtime,
                                    size_t stack_bytes);

static RV_ALWAYS_INLINE bool rv_seat_promise(struct rv_worker *w)
{
    if (RV_UNLIKELY(w->promises == 0) && !rv_seat_promise_more(w)) {
        return false;
    }
    w->promises--;
    return true;
}

static RV_ALWAYS_INLINE void rv_seat_redeem(struct rv_worker *w)
{
    if (RV_UNLIKELY(++w->promises == RV_SEAT_PROMISES)) {
        rv_seat_promise_less(w);
    }
}

/* A task that is about to run for the first time. False: it starves. */
static RV_ALWAYS_INLINE bool rv_seat_take(struct rv_worker *w, struct rv_task *t)
{
    struct rv_seat *seat = t->seat;
    if (RV_LIKELY(seat == NULL)) {
        seat = rv_stack_alloc(&w->stacks);
        if (RV_UNLIKELY(seat == NULL)) {
            return false;
        }
        t->seat = seat;
    }
    seat->task = t;
    t->context.sp = seat->rest_sp;
    if (RV_UNLIKELY(seat->rest_sp == NULL)) {
        rv_task_make_context(t);
    }
    return true;
}

/* Of `t`, which ends on its seat, to the next that runs: true if that one begins there. */
static RV_ALWAYS_INLINE bool rv_seat_pass_on(const struct rv_worker *w, struct rv_task *t,
                                             struct rv_task *next)
{
#if RV_CONTEXT_HOOKS /* the sanitizers tell tasks by their contexts */
    (void)w;
    (void)t;
    (void)next;
    return false;
#else
    struct rv_seat *seat = t->seat;
    if (next->seat != NULL || RV_UNLIKELY(seat->stack.pool != w->stacks.pool)) {
        return false;
    }
    next->seat = seat;
    seat->task = next;
    t->seat = NULL;
    return true;
#endif
}

/* From the next context: t has ended. */
static RV_ALWAYS_INLINE void rv_seat_leave(struct rv_worker *w, struct rv_task *t)
{
    struct rv_seat *seat = t->seat;
    if (seat != NULL) {
        if (rv_context_retire(&t->context)) {
            rv_context_set_float_mode(&t->context, w->runtime->float_mode);
        }
        seat->rest_sp = t->context.sp;
        t->seat = NULL;
        if (RV_UNLIKELY(seat->stack.pool != w->stacks.pool)) {
            rv_stack_free_remote(&seat->stack);
            return;
        }
        rv_stack_free(&w->stacks, &seat->stack);
    }
    rv_seat_redeem(w);
}

#endif
