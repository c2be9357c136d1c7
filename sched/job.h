// SPDX-License-Identifier: MIT
/*
 * Purpose: a function that blocks, between the task that waits for it and the pool's threads.
 */
#ifndef RV_SCHED_JOB_H
#define RV_SCHED_JOB_H

#include "core/list.h"
#include "sched/waitq.h"

#include <rove/task.h>

#include <stdbool.h>

struct rv_pool;
struct rove_runtime;

struct rv_job {
    struct rv_list link;   /* in the pool's line while it waits there; under its lock */
    rove_coro *fn;
    void *arg;
    void (*hurry)(void *arg); /* NULL: it takes its time */
    void *result;          /* fn's, before the cell is fired */
    int rc;
    struct rv_waiter cell; /* in no queue; fired when fn has returned */
};

/* The runtime's, made on first use; NULL: no memory. */
struct rv_pool *rv_pool_of(struct rove_runtime *runtime);
/* Some thread has it or will take it, or it ends with -EAGAIN. */
void rv_job_submit(struct rv_pool *pool, struct rv_job *job);
/* Takes a job that has not begun out of the line: false: too late. */
bool rv_job_withdraw(struct rv_pool *pool, struct rv_job *job);

#endif
