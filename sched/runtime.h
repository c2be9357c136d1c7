// SPDX-License-Identifier: MIT
/*
 * Purpose: a runtime: workers, injection queue, stack pools, options, life.
 *
 * Owner: rove_runtime_start allocates, rove_runtime_stop frees after the last worker has ended.
 * Task blocks may outlive it (handles): their pool then lives on until the last is released.
 */
#ifndef RV_SCHED_RUNTIME_H
#define RV_SCHED_RUNTIME_H

#include "core/fifo.h"
#include "core/lock.h"
#include "core/park.h"
#include "core/stack.h"
#include "sched/active.h"
#include "sched/deadlock.h"
#include "sched/idle.h"
#include "sched/poller.h"
#include "sched/watch.h"
#include "sched/worker.h"

#include <rove/runtime.h>

#define RV_RUNTIME_STACK_CLASSES 20 /* powers of two from 16 KiB */
#ifndef RV_RUNTIME_PATIENCE_NS
#define RV_RUNTIME_PATIENCE_NS (INT64_C(10) * 1000000000) /* for tasks that ignore cancellation */
#endif

struct rv_calls; /* sched/call.c: plain callbacks */
struct rv_pool;  /* sched/pool.c: threads for blocking work */

struct rove_runtime {
    /* constant after start */
    rove_options options;               /* with defaults filled in */
    const struct rv_poller_ops *poller;
    void *poll_data;                    /* the back-end's own */
    struct rv_worker *workers;
    unsigned worker_count;
    struct rv_block_pool *blocks;       /* of tasks */
    struct rv_stack_pool *stacks;       /* of options.stack_size */
    struct rv_calls *calls;
    unsigned fork_count;                /* fork.c */
    struct rv_walk walk;                /* of who looks at all tasks; seldom written */
    uint64_t float_mode;                /* tasks begin with it: that of who started the runtime */

    /* under class_lock */
    struct rv_lock class_lock;
    struct rv_stack_pool *stack_classes[RV_RUNTIME_STACK_CLASSES];

    struct rv_idle idle;                /* idle.c */
    struct rv_watch watch;              /* watch.c */
    struct rv_deadlock deadlock;        /* deadlock.c */
    struct rv_active active;            /* active.c */

    /* under inject_lock; count also read without */
    RV_ALIGNED_LINE struct rv_lock inject_lock;
    struct rv_fifo injected;
    RV_ATOMIC(uint32_t) injected_count;

    /* any thread */
    RV_ALIGNED_LINE RV_ATOMIC(uint32_t) is_stopping; /* 1: no new submissions; 2: workers end */
    RV_ATOMIC(uint32_t) launch;         /* 0: workers wait; 1: they run; 2: they end; a futex */
    RV_ATOMIC(uint32_t) ready_count;    /* workers that have started or failed to; a futex */
    RV_ATOMIC(uint32_t) failed_count;
    RV_ATOMIC(int) launch_error;        /* of one that failed, before ready_count */
    RV_ATOMIC(uint64_t) created_outside, finished_outside;
    RV_ATOMIC(uint64_t) hidden_outside; /* callback tasks among those created outside */
    RV_ATOMIC(uint64_t) outside_pending; /* foreign handles, pool jobs: may yet wake a task */
    RV_ATOMIC(uint32_t) starved;        /* counts tasks without a stack, seat.h */
    RV_ATOMIC(uint32_t) visitors;       /* others in the middle of a wake-up or a count */
    struct rv_park stopper;             /* rove_runtime_stop waits here for the last task */

    RV_ATOMIC(struct rv_pool *) pool;   /* made on first use */

    struct rv_high_water *high_water;      /* high_water.c's; NULL: not in debug mode */
    struct rv_debug_record *debug_records; /* debug.c's: futures that have not been freed */

    /* any thread that creates tasks: a line that nobody reads who only runs them */
    RV_ALIGNED_LINE RV_ATOMIC(uint64_t) next_task_id; /* handed out to workers in blocks */
};

/* A worker has started, or failed to (rc < 0): true if it is to run. */
bool rv_runtime_worker_ready(struct rove_runtime *runtime, int rc);
/* A worker found nothing to do: whoever waits for the last task looks again. */
void rv_runtime_note_idle(struct rove_runtime *runtime);

/* rove_runtime_stop without its questions. */
int rv_runtime_end(struct rove_runtime *runtime, int64_t grace_ns);

/* Tasks created and not yet ended; exact when nobody creates. */
uint64_t rv_runtime_live(struct rove_runtime *runtime);

/* Logs through options.log: syslog levels. Never suspends; 512 bytes of the caller's stack. */
void rv_runtime_log(struct rove_runtime *runtime, int level, const char *format, ...)
    RV_PRINTF(3, 4);

/* Every block that was ever in use: a struct rv_task, whatever became of it. */
void rv_runtime_for_each_block(struct rove_runtime *runtime,
                               void (*visit)(void *block, void *ctx), void *ctx);
/* Every task of it that lives, callback tasks left out; visit is given a reference. */
void rv_runtime_for_each_task(struct rove_runtime *runtime,
                              void (*visit)(struct rv_task *t, void *ctx), void *ctx);
/* Every live task of it, retained; *n of them, to be given to free(). NULL: none, or no memory for
 * all of them. */
struct rv_task **rv_runtime_tasks(struct rove_runtime *runtime, size_t *n);

/* From any thread that is not a worker of it, or for overflow: t is ready. */
void rv_runtime_inject(struct rove_runtime *runtime, struct rv_task *t);

/* The pool of stacks for this size (rounded up to a power of two), made on first use. NULL: no
 * memory. */
struct rv_stack_pool *rv_runtime_stack_class(struct rove_runtime *runtime, size_t stack_bytes);

#endif
