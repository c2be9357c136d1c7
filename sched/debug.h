// SPDX-License-Identifier: MIT
/*
 * Purpose: what debug mode watches: long steps, changed signal masks, errors nobody read, handles
 *          nobody released. (ROVE_DEBUG=1, options.debug.)
 *
 * Idea: everything hangs on flags that are constant while a runtime runs: `is_debug` of a worker,
 * RV_TASK_DEBUG of a future. Without debug mode each costs one predicted branch where it is looked
 * at.
 *
 * Threads: said at each function. Reports go through options.log, which must not suspend.
 */
#ifndef RV_SCHED_DEBUG_H
#define RV_SCHED_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rove_future;
struct rove_runtime;
struct rv_task;
struct rv_worker;

/* A worker's present step, from a switch to the next. Its owner's. */
struct rv_debug_step {
    int64_t began_ns;
    uint64_t mask;       /* signals blocked on this thread; 0: not looked at yet */
    uint64_t float_mode; /* the last odd one that was reported; 0: none */
    unsigned locks;      /* held by this thread, if anybody counts them */
};

/* When a runtime is made: reads the options; names worker and task in failed checks. */
void rv_debug_start(struct rove_runtime *runtime);
/* After the last worker has ended: names the handles that are still held. */
void rv_debug_report_leaks(struct rove_runtime *runtime);
/* Gives back what rv_debug_start took, if it was called. */
void rv_debug_stop(struct rove_runtime *runtime);

/* debug_step.c. Owner, is_debug: a task is about to run; it is about to stop running (is_last: for
 * good). */
void rv_debug_step_begin(struct rv_worker *w);
void rv_debug_step_end(struct rv_worker *w, struct rv_task *self, bool is_last);

/* debug_step.c. Another worker, in debug mode: w has not switched since `since_ns`. */
void rv_debug_report_stuck(struct rv_worker *w, int64_t stuck_ns);

/*
 * Futures without a stack, in debug mode: memory with a record in front, zeroed; free. The record
 * is in a list of the runtime until then, so that what is never freed can be named.
 */
void *rv_debug_future_alloc(struct rove_runtime *runtime, size_t bytes);
void rv_debug_future_free(struct rove_future *f);
/* Where it was created, a return address: a future with RV_TASK_DEBUG, not yet seen by others. */
void rv_debug_set_site(struct rove_future *f, const void *site);
/* The last reference is gone: an error that nobody read is logged. Not for tasks. */
void rv_debug_report_unread(struct rove_future *f);

#endif
