// SPDX-License-Identifier: MIT
/*
 * Purpose: operations on blocking threads, io/offload.h.
 *
 * Idea: most of them end by themselves, soon: a disk is slow, not silent. But an open of a FIFO
 * waits for the other side, for ever if need be. So its thread steps aside: that side's open may
 * want a thread, too. (A device may wait for its line the same way.) And a cancellation sends the
 * thread a signal that ends its system call (io/kick.h). The thread's number stands in the job only
 * while it is in the call, under a lock, so the signal never hits the next job; one that comes when
 * the call is over stays pending, and what it ends next, of our own, is begun again.
 *
 * Threads: a job is its task's; the lock guards `tid`.
 */
#include "io/offload.h"

#include "core/lock.h"
#include "io/attempt.h"
#include "io/kick.h"
#include "sched/pool.h"
#include "sched/task.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct offload {
    struct rv_op *op;
    struct rove_runtime *runtime;
    ssize_t result;
    bool has_run;
    RV_ATOMIC(uint32_t) is_hurried;
    struct rv_lock lock;
    pid_t tid; /* 0: not in its system call */
};

static void set_thread(struct offload *job, pid_t tid)
{
    rv_lock_acquire(&job->lock);
    job->tid = tid;
    rv_lock_release(&job->lock);
}

/* A look before, so what is renamed meanwhile is taken for what it was: rare, and a thread less. */
static bool may_wait_for_others(const struct rv_op *op)
{
    struct stat st;
    return op->kind == RV_OP_OPEN && (op->flags & (O_NONBLOCK | O_PATH | O_DIRECTORY)) == 0 &&
           fstatat(op->fd, op->addr, &st, 0) == 0 &&
           (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
}

static int run(void *arg, RV_UNUSED void **result)
{
    struct offload *job = arg;
    pid_t tid = rv_kick_break_begin();
    bool is_aside = may_wait_for_others(job->op);
    if (is_aside) {
        rv_pool_step_aside(job->runtime);
    }
    do {
        set_thread(job, tid);
        job->result = rv_attempt_blocking(job->op);
        set_thread(job, 0);
    } while (job->result == -EINTR && rv_load_relaxed(&job->is_hurried) == 0);
    job->has_run = true;
    if (is_aside) {
        rv_pool_step_back(job->runtime);
    }
    if (tid != 0) {
        rv_kick_break_end();
    }
    return 0;
}

static void hurry(void *arg)
{
    struct offload *job = arg;
    rv_store_relaxed(&job->is_hurried, 1u);
    rv_lock_acquire(&job->lock);
    if (job->tid != 0) {
        rv_kick_break(job->tid);
    }
    rv_lock_release(&job->lock);
}

ssize_t rv_offload(struct rv_op *op, struct rv_task *self)
{
    struct offload job = {.op = op, .runtime = self->runtime};
    int rc = rv_pool_run_hurried(self->runtime, run, &job, hurry);
    if (rc == -ECANCELED) {
        op->end = RV_END_CANCEL;
    }
    return job.has_run ? job.result : rc;
}
