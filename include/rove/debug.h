// SPDX-License-Identifier: MIT
/*
 * Purpose: look into a running program: its tasks, their stacks, who waits for whom, counters.
 * Idea:    reading never stops the workers; what is printed was true at some moment of the call.
 * Threads: said at each call.
 */
#ifndef ROVE_DEBUG_H
#define ROVE_DEBUG_H

#include <rove/base.h>
#include <rove/runtime.h>
#include <rove/task.h>

#include <stdio.h>

ROVE_BEGIN_DECLS

/**
 * The calling task.
 *
 * Returns it, borrowed: valid while the task runs; NULL outside a task.
 * Threads: any thread. Suspends: no. Cost: one load.
 * asyncio: current_task.
 */
ROVE_API rove_task *rove_current_task(void);

/**
 * The tasks of a runtime that have not ended.
 *
 * runtime   running.
 * tasks     receives up to capacity references, each to be released; may be NULL when it is 0.
 * capacity  how many fit.
 *
 * Returns how many live, which may exceed capacity; 0 for NULL.
 * Threads: any thread. Suspends: no. Cost: a walk over all stacks that were ever in use; no lock.
 * asyncio: all_tasks.
 */
ROVE_API size_t rove_all_tasks(rove_runtime *runtime, rove_task *tasks[], size_t capacity);

/**
 * The return addresses on a task's stack, innermost first.
 *
 * t         borrowed; the caller itself or suspended.
 * pcs       receives up to capacity addresses.
 * capacity  how many fit.
 *
 * Returns how many were stored; 0 when t runs, is done, or is no task, and outside a task. With
 * several workers a task that is ready may run at any moment: 0 too.
 * Threads: task. Suspends: no. Cost: a walk over the frames.
 * asyncio: Task.get_stack.
 */
ROVE_API size_t rove_task_stack(rove_task *t, void *pcs[], size_t capacity);

/**
 * Print a task's name, state and stack, with symbol names where they can be had.
 *
 * t    borrowed.
 * out  where to.
 *
 * Returns 0 · -EINVAL · -EIO · -EPERM.
 * Threads: task. Suspends: no. Cost: a walk over the frames, symbol look-up.
 * asyncio: Task.print_stack.
 */
ROVE_API int rove_print_stack(rove_task *t, FILE *out);

/**
 * Print who awaits whom as a tree: names, states, what each waits for and for how long. Printed by
 * another thread while the one worker of a runtime without debug mode computes, the task that has
 * begun to wait last may be shown as ready.
 *
 * runtime  running.
 * out      where to.
 *
 * Returns 0 · -EINVAL · -ENOMEM · -EIO.
 * Threads: any thread. Suspends: no. Cost: a walk over all tasks, n log n; allocates.
 * asyncio: print_call_graph.
 */
ROVE_API int rove_print_call_graph(rove_runtime *runtime, FILE *out);

#define ROVE_METRICS_WORKERS_MAX 256

/* Counters of one worker since the start of its runtime. */
typedef struct rove_worker_metrics {
    uint64_t tasks_created; /* by tasks that ran here */
    uint64_t tasks_done;    /* ended here */
    uint64_t switches;      /* into a task */
    uint64_t steals;        /* tasks taken from other workers */
    uint64_t parks;         /* times it went to sleep */
    uint64_t wakeups;       /* times another thread woke it */
    uint64_t injected;      /* tasks taken from the global queue */
    uint64_t ops_submitted; /* I/O operations handed to the kernel */
    uint64_t ops_completed;
    uint64_t timers_armed;
    uint64_t timers_fired;
} rove_worker_metrics;

/* Counters of a runtime since its start; those of the workers are sums unless said otherwise. */
typedef struct rove_metrics {
    uint64_t tasks_created;
    uint64_t tasks_done;
    uint64_t tasks_live; /* now */
    uint64_t switches;
    uint64_t steals;
    uint64_t parks;
    uint64_t wakeups;
    uint64_t injected;
    uint64_t ops_submitted;
    uint64_t ops_completed;
    uint64_t timers_armed;
    uint64_t timers_fired;
    uint64_t threads;              /* pool threads alive now, workers not among them */
    uint64_t stack_bytes_resident; /* touched stack memory, now, live and cached; 0: not known */
    unsigned workers;              /* how many entries of worker are filled */
    rove_worker_metrics worker[ROVE_METRICS_WORKERS_MAX];
} rove_metrics;

/**
 * Read the counters.
 *
 * runtime  running.
 * m        receives them; about 22 KiB, so mind small stacks.
 *
 * Returns 0 · -EINVAL.
 * Threads: any thread. Suspends: no. Cost: a read of each worker's counters, not one snapshot; and
 * the kernel is asked about the pages of all stacks.
 * asyncio: none; Tokio's RuntimeMetrics comes closest.
 */
ROVE_API int rove_metrics_read(rove_runtime *runtime, rove_metrics *m);

ROVE_END_DECLS

#endif
