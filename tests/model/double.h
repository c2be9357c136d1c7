// SPDX-License-Identifier: MIT
/*
 * Purpose: tasks for models: one a thread, in place of switch.c, ready.c, worker.c, runtime.c.
 *
 * Idea: everything above the switch is the library's own: state word, park, wake, cancel, futures.
 * A task that parks blocks its thread; whoever makes it ready unblocks it, which orders the two as
 * a run queue does. A task that is created runs on a thread of its own. context.sp stands for the
 * saved registers: written before the park, read by who resumes, both plain.
 */
#ifndef RV_MODEL_DOUBLE_H
#define RV_MODEL_DOUBLE_H

#include "model.h"

#include "sched/runtime.h"
#include "sched/task.h"

/* In setup: threads 1 .. n are tasks, the others plain threads. */
void rv_double_begin(unsigned n);
/* In finish: what the workers hold is given back. */
void rv_double_end(void);
/* The task of that thread. */
struct rv_task *rv_double_task(unsigned thread);
struct rv_worker *rv_double_worker(unsigned thread);
struct rove_runtime *rv_double_runtime(void);
/* The calling thread is that worker's, of this runtime or of another. */
void rv_double_be_worker(struct rv_worker *w);
/* In setup: what becomes of tasks that are made ready, by worker w or by no worker (NULL). */
void rv_double_set_push(void (*push)(struct rv_worker *w, struct rv_task *t));
/* What becomes of them otherwise. */
void rv_double_push(struct rv_task *t);
/* In setup: what a task does instead of parking; it returns when the task goes on. */
void rv_double_set_leave(void (*leave)(struct rv_task *self));
/* In setup: what was mapped before is not. */
void rv_double_map_afresh(void);
/* In setup or a thread: who is no worker of a runtime gets no block for a task there. */
void rv_double_run_out(void);
/* The pool of that task's block is gone: nobody uses it any more, nor did at the same time. */
void rv_double_unmap(struct rv_task *t);
/* For a walk over blocks: *ctx, an unsigned, counts them. */
void rv_double_count_block(void *block, void *ctx);
/* In a thread: all timers that thread `of` has armed are due. */
void rv_double_fire(unsigned of);

#endif
