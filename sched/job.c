// SPDX-License-Identifier: MIT
/*
 * Purpose: the task that has a function called on a pool thread and waits for it: sched/pool.h,
 *          rove_to_thread.
 * Threads: the task; the job is in its frame.
 */
#include "sched/job.h"

#include "core/check.h"
#include "core/clock.h"
#include "sched/current.h"
#include "sched/pool.h"
#include "sched/suspend.h"
#include "sched/task.h"
#include "sched/timer.h"

#include <rove/thread.h>

#include <errno.h>

#define RV_POOL_HURRY_MIN_NS 100000 /* arbitrary */
#define RV_POOL_HURRY_MAX_NS 20000000

struct reminder {
    struct rv_timer timer;
    struct rv_task *task;
};

static void remind(struct rv_timer *timer)
{
    rv_wake(rv_container_of(timer, struct reminder, timer)->task);
}

/* It has begun, and may not be where it can be hurried yet: so again, less and less often. */
static void hurry(struct rv_job *job, struct rv_task *self)
{
    struct reminder reminder = {.task = self};
    int64_t pause_ns = RV_POOL_HURRY_MIN_NS;
    rv_heap_node_init(&reminder.timer.node);
    while (!rv_waiter_is_fired(&job->cell)) {
        int64_t next_ns = rv_clock_now() + pause_ns;
        job->hurry(job->arg);
        int rc = rv_timer_arm(&reminder.timer, next_ns, remind);
        while (rc == 0 && !rv_waiter_is_fired(&job->cell) && rv_clock_now() < next_ns) {
            rv_park(self, RV_WAIT_THREAD, job);
            (void)rv_take_cancel(self); /* one more request merges into the first */
        }
        rv_timer_disarm(&reminder.timer);
        if (rc < 0) {
            rv_yield(self);
        }
        pause_ns = pause_ns < RV_POOL_HURRY_MAX_NS ? pause_ns * 2 : pause_ns;
    }
}

/*
 * Runs fn. 0: it ran, with its outcome in job; else it did not. *is_cancelled: a request was taken
 * after it had begun.
 */
static int run(struct rove_runtime *runtime, struct rv_job *job, bool *is_cancelled)
{
    struct rv_task *self = job->cell.task;
    *is_cancelled = false;
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    struct rv_pool *pool = rv_pool_of(runtime);
    if (pool == NULL) {
        return -EAGAIN;
    }
    int rc = 0;
    rv_job_submit(pool, job);
    while (rc == 0 && !rv_waiter_is_fired(&job->cell)) {
        if (!rv_take_cancel(self)) {
            rv_park(self, RV_WAIT_THREAD, job);
        } else if (rv_job_withdraw(pool, job)) {
            rc = -ECANCELED;
        } else {
            *is_cancelled = true;
            if (job->hurry != NULL) {
                hurry(job, self);
            }
        }
    }
    return rc;
}

static void init_job(struct rv_job *job, struct rv_task *self, rove_coro *fn, void *arg)
{
    *job = (struct rv_job){.fn = fn, .arg = arg};
    rv_list_init(&job->link);
    rv_waiter_init(&job->cell, self);
}

static int run_and_report(struct rove_runtime *runtime, struct rv_job *job, void **result)
{
    bool is_cancelled;
    int rc = run(runtime, job, &is_cancelled);
    if (rc < 0) {
        return rc;
    }
    if (is_cancelled) {
        rv_put_back_cancel(job->cell.task);
    }
    if (job->rc >= 0 && result != NULL) {
        *result = job->result;
    }
    return job->rc;
}

int rv_pool_run(struct rove_runtime *runtime, rove_coro *fn, void *arg, void **result)
{
    struct rv_task *self = rv_current_task();
    struct rv_job job;
    RV_CHECK(self != NULL, "only a task waits for a pool thread");
    init_job(&job, self, fn, arg);
    return run_and_report(runtime, &job, result);
}

int rv_pool_run_hurried(struct rove_runtime *runtime, rove_coro *fn, void *arg,
                        void (*hurry_up)(void *arg))
{
    struct rv_task *self = rv_current_task();
    struct rv_job job;
    RV_CHECK(self != NULL, "only a task waits for a pool thread");
    init_job(&job, self, fn, arg);
    job.hurry = hurry_up;
    return run_and_report(runtime, &job, NULL);
}

int rove_to_thread(rove_coro *fn, void *arg, void **result)
{
    struct rv_task *self = rv_current_task();
    struct rv_job job;
    bool is_cancelled;
    if (self == NULL) {
        return -EPERM;
    }
    if (fn == NULL) {
        return -EINVAL;
    }
    init_job(&job, self, fn, arg);
    int rc = run(self->runtime, &job, &is_cancelled);
    if (rc < 0) {
        return rc;
    }
    if (is_cancelled || rv_take_cancel(self)) {
        return -ECANCELED;
    }
    if (job.rc >= 0 && result != NULL) {
        *result = job.result;
    }
    return job.rc;
}
