// SPDX-License-Identifier: MIT
/*
 * Purpose: a task: a future that a coroutine completes, on a stack that it has while it lives.
 *
 * Idea: the control block is small and lies densely among others (core/block.h); the stack, with a
 * struct rv_seat on top, is taken at the first run and left at the end (sched/seat.h).
 *
 *     block  | struct rv_task |---seat--+                 slot high
 *     slot low                          v
 *     | guard | ..... stack, grows down | struct rv_seat | colour shift |
 *
 * Life: rv_task_create (ACTIVE, 2 references: handle, runtime) -> a queue -> run -> park/wake ..
 * -> its function returns, on its own stack -> rv_task_bury drops the runtime's reference, from the
 * next context (rv_switch_arrive), which also frees the stack -> last rove_release frees the block
 * to the worker's cache.
 *
 * Threads: groups below. `owner` means: who owns the task by its phase (state.h).
 */
#ifndef RV_SCHED_TASK_H
#define RV_SCHED_TASK_H

#include "core/block.h"
#include "core/context.h"
#include "core/fifo.h"
#include "sched/future.h"
#include "sched/worker.h"

#include <rove/task.h>

struct rv_worker;
struct rove_runtime;
struct rv_local_map;
struct rv_group_spill;
struct rv_seat;

enum { /* future.flags of a task, constant after create */
    RV_TASK_PINNED = 1,   /* stays on the worker that first runs it */
    RV_TASK_HIDDEN = 2,   /* runs callbacks: not listed, not current, may not suspend */
    RV_TASK_EAGER = 4,
    RV_TASK_DEBUG = 8,   /* report an error that nobody read */
    RV_TASK_SURE = 16    /* its fn is called even if it is cancelled before it began */
};

#define RV_TASK_NAME_BYTES 24

/*
 * Cache lines: 0 the future; 1 what create, switch and free touch besides; the rest only on waits
 * and reports. A million tasks are a million cold blocks, so a line less is a miss less for each.
 *
 * A free block is at rest: all but runtime, context and what is said to be constant is as in a
 * fresh one, zero. So creation writes little; whoever leaves a trace in a field takes it back.
 */
struct rv_task {
    struct rove_future future;

    /* owner only */
    struct rv_context context;      /* of a task that has begun */
    struct rv_worker *worker;       /* who runs it, or ran it last */
    struct rove_runtime *runtime;   /* constant */
    rove_coro *fn;                  /* constant */
    void *arg;                      /* constant */
    struct rv_local_map *locals;    /* the task's own; copied at create */
    uint64_t id;                    /* constant */
    struct rv_seat *seat;           /* its stack; NULL before its first run and after its last */

    struct rv_fifo_node queue_link; /* in a fifo that owns the task */
    char *name;                     /* NULL: "task-<id>"; own allocation, or short_name */

    /* the task's own; NULL at its end (is_laden) */
    void *timeouts;                 /* innermost timeout scope (sched/timeout.c) */
    struct rv_group_spill *group_spills; /* error codes of groups it left (sched/group_errors.h) */

    /* written by the task itself before it parks, read by who pins it; NULL between waits */
    struct rove_future *awaiting;   /* with RV_WAIT_FUTURE: where a cancellation goes first */
    const void *wait_object;        /* what it waits for, for reports; not followed otherwise */
    int64_t wait_since;             /* worker's loop time when it parked */
    uint8_t wait_kind;              /* enum rv_wait_kind */

    struct rv_message ready_message; /* in the inbox of its worker, if pinned */
    const void *site;               /* RV_TASK_DEBUG only: where it was created, an address */
    char short_name[RV_TASK_NAME_BYTES];
};

static inline struct rv_task *rv_task_of(struct rove_future *f)
{
    return rv_container_of(f, struct rv_task, future);
}

/* Creates a task of `runtime`, on a worker of it or (worker == NULL) from any other thread. Not
 * queued. */
struct rv_task *rv_task_create(struct rove_runtime *runtime, struct rv_worker *worker,
                               const rove_task_options *options, rove_coro *fn, void *arg,
                               unsigned flags);
/* Starts a created task: queues it, or runs it at once if eager (then the caller may change
 * worker). On a worker. */
void rv_task_start(struct rv_task *t, bool is_eager);
/* For the library's own: a started task whose fn is called whatever comes, as it has something to
 * give back: a cancellation waits at its first suspension. The handle's reference; NULL: no
 * memory. */
rove_task *rv_task_start_sure(rove_coro *fn, void *arg);
/* Runs `fn(ctx)` soon in a hidden task on some worker of `runtime`; any thread. 0 or -ENOMEM. */
int rv_task_run_hidden(struct rove_runtime *runtime, rove_coro *fn, void *ctx);
/*
 * Runs `fn(ctx)` as asyncio does a done callback: on the only worker of a runtime in a hidden task,
 * after what is ready now. False: elsewhere, where no order is promised, or without memory: the
 * caller does it at once.
 */
bool rv_task_run_in_turn(rove_coro *fn, void *ctx);
/* On a seat that has none yet: the context that starts it. */
void rv_task_make_context(struct rv_task *t);
/* After its last switch, on its last worker: publishes the outcome if that is left, drops the
 * reference. */
void rv_task_bury(struct rv_worker *w, struct rv_task *t);
/* Any thread but a worker: t was created and counted but its runtime stops, so it never runs. */
void rv_task_refuse(struct rv_task *t);
/* NULL: the default one, made up when asked for. 0 or -ENOMEM; the old name stays on failure. */
int rv_task_rename(struct rv_task *t, const char *name);
/* Its name, made up at first use; valid while a reference is held and nobody renames it. */
const char *rv_task_name(struct rv_task *t);
/* In debug mode: an error that nobody read is logged, once. */
void rv_task_report_unread(struct rv_task *t);
/* The same for who stops the runtime, which still lives, and in any mode: t was left and is done;
 * its handles may be in use. */
void rv_task_report_leftover(struct rv_task *t);
/* The last reference is gone: gives name, locals, block back. */
void rv_task_destroy(struct rv_task *t);
/* Takes a creation back: it was never started. */
void rv_task_discard(struct rv_task *t);

#endif
