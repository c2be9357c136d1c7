// SPDX-License-Identifier: MIT
/*
 * Purpose: threads for work that blocks: rove_to_thread, and what has no other way in io/.
 */
#ifndef RV_SCHED_POOL_H
#define RV_SCHED_POOL_H

#include <rove/task.h>

#include <stddef.h>
#include <sys/types.h>

#include <stdint.h>

struct rove_runtime;

/*
 * The calling task has fn(arg, result) called on a pool thread and waits. 0 or fn's error, with the
 * outcome delivered even if the task is cancelled meanwhile (the request then stays pending);
 * -ECANCELED: delivered, and fn was not called; -EAGAIN: no thread could be started.
 */
int rv_pool_run(struct rove_runtime *runtime, rove_coro *fn, void *arg, void **result);
/* The same, for an fn that can be hurried. Once the task is cancelled, hurry(arg) is called on its
 * worker, now and then until fn has returned. */
int rv_pool_run_hurried(struct rove_runtime *runtime, rove_coro *fn, void *arg,
                        void (*hurry)(void *arg));

/*
 * A job, on its pool thread, around what may wait for somebody else without end: the thread is
 * beyond the limit in between. The thread that comes in its place may fail to start: those in line
 * then fail with -EAGAIN if there is no other.
 */
void rv_pool_step_aside(struct rove_runtime *runtime);
void rv_pool_step_back(struct rove_runtime *runtime);

/* Sets those of n numbers to 0 that stand for a thread of the pool; any thread. */
void rv_pool_strike(struct rove_runtime *runtime, pid_t tids[], size_t n);
/* Threads that exist now; any thread. */
unsigned rv_pool_thread_count(struct rove_runtime *runtime);

/* For tests: how long threads stay that have nothing to do, in all pools, from their next wait
 * on. */
void rv_pool_set_idle_ns(int64_t ns);

/* When no task is left: ends and joins all threads, frees the pool. */
void rv_pool_stop(struct rove_runtime *runtime);

#endif
