// SPDX-License-Identifier: MIT
/*
 * Purpose: a worker: one OS thread, its queues, timers, caches and counters.
 *
 * Idea: the sum of parts, each owned by one file. What a worker runs next, in this order:
 *     conts   parents whose eager child stopped or ended, newest first   (thieves: oldest first)
 *     runq    ready tasks, first in first out: private batch, then public  (thieves take half)
 *     overflow  ready tasks for which runq had no room; refills it   (rescue only)
 *     pinned  ready tasks that may not leave this worker                 (never stolen)
 * Every RV_WORKER_TICK switches the scheduler context looks at the reactor, timers, injection
 * queue.
 *
 * Threads: groups below.
 */
#ifndef RV_SCHED_WORKER_H
#define RV_SCHED_WORKER_H

#include "core/backlog.h"
#include "core/bias.h"
#include "core/block.h"
#include "core/context.h"
#include "core/deque.h"
#include "core/fifo.h"
#include "core/inbox.h"
#include "core/rand.h"
#include "core/runq.h"
#include "core/stack.h"
#include "core/walk.h"
#include "sched/active.h"
#include "sched/debug.h"
#include "sched/steal.h"
#include "sched/timer.h"

#include <pthread.h>

struct rv_join;
struct rv_task;
struct rove_runtime;

#define RV_WORKER_TICK 61 /* prime, as Go's; arbitrary otherwise */

/* What the next context does for the task that just left, registers saved (suspend.c). */
enum rv_after {
    RV_AFTER_NOTHING,
    RV_AFTER_PARK,   /* ACTIVE -> PARKED, or ready again if a wake came */
    RV_AFTER_JOIN,   /* a lone worker's: made way for the task it awaits (join.h) */
    RV_AFTER_READY,  /* a yield: to the end of the ready queue */
    RV_AFTER_CONT,   /* an eager parent: onto conts */
    RV_AFTER_FINISH  /* ended: publish if not yet done, drop the runtime's reference */
};

struct rv_worker_counters { /* written by the owner, read by anyone, relaxed */
    RV_ATOMIC(uint64_t) created, finished, steals, parks, wakeups, polls;
    RV_ATOMIC(uint64_t) ops_submitted, ops_completed, rescues, injected;
    RV_ATOMIC(uint64_t) hidden_created, hidden_finished; /* callback tasks, counted above too */
};

struct rv_worker {
    /* owner only */
    struct rove_runtime *runtime;         /* constant */
    RV_ATOMIC(struct rv_task *) current; /* who runs; NULL in the scheduler context */
    struct rv_task *after_task;
    enum rv_after after;
    union {
        uint32_t is_odd;                /* any of these: a switch has more to look at */
        struct {
            bool is_debug;              /* steps are looked at (debug.c); constant */
            bool is_pinned_first;       /* an eager parent that is pinned runs next */
            bool has_conts;             /* false: conts is empty */
            bool is_nothing;            /* false: the rest of the word */
        };
    };
    bool is_alone;                      /* the runtime has no other worker; constant */
    bool parks_late;                    /* switch.h: alone, and not in debug mode; constant */
    uint32_t tick;                      /* switches left until the next look around */
    uint32_t tick_budget;               /* what tick starts from, by how long steps last */
    struct rv_task *only;               /* a lone worker's: ready, before all of runq, or NULL */
    struct rv_join *join;               /* with RV_AFTER_JOIN: of after_task, in its frame */
    const void *left_to;                /* where the last landing wait returns to (suspend.h) */
    struct rv_fifo pinned;
    int64_t now_ns;                     /* clock at the last look around */
    uint64_t next_id, last_id;          /* task ids it may still hand out */
    struct rv_context scheduler;        /* the thread's own stack */
    struct rv_rand rand;
    void *poll_data;                    /* the back-end's */
    int64_t trim_at_ns;                 /* when free stacks go back to the kernel; 0: no need */
    uint64_t trim_created;              /* tasks it had created when that was set */
    struct rv_debug_step debug_step;    /* with is_debug */
    unsigned idx;                       /* constant */
    bool is_searching;                  /* counted in idle.searching */
    bool is_watching;                   /* the one of idle.watching */
    bool is_listed;                     /* in idle.sleepers; under idle.lock */

    /* owner; others inside rv_bias_try_enter only */
    RV_ALIGNED_LINE struct rv_bias bias;
    struct rv_walk_owner burial;        /* of tasks that nobody knows; others wait for its end */
    struct rv_backlog overflow;         /* ready tasks behind a full runq, oldest first */

    RV_ALIGNED_LINE struct rv_runq runq; /* owner and thieves */
    struct rv_deque conts;               /* owner and thieves */
    struct rv_timers timers;             /* its own lock */

    /* any thread */
    RV_ALIGNED_LINE struct rv_inbox inbox; /* pinned tasks woken elsewhere; requests */
    RV_ATOMIC(uint64_t) step;              /* counts switches, for who watches for stuck workers */
    RV_ATOMIC(uint32_t) is_running;        /* 1: not asleep */
    RV_ATOMIC(uint32_t) cpu;               /* where it ran last; io/steer.c; the owner writes */
    RV_ATOMIC(uint32_t) is_wanted;         /* a watcher asks it to look around at its next switch */
    RV_ALIGNED_LINE struct rv_worker_counters count;

    pthread_t thread;                      /* runtime.c */
    int32_t tid;                           /* constant once started */

    uint32_t promises;                     /* of stacks, in stock; owner only, as what follows */
    uint32_t starved_seen;                 /* of runtime->starved */
    const struct rove_future *passing;     /* the task that passes a cancellation on; cancel.c */
    bool has_come_round;                   /* it met that task again */
    struct rv_thief thief;
    struct rv_pace pace;
    struct rv_block_cache blocks;          /* of tasks */
    struct rv_stack_cache stacks;
};

/*
 * What other threads post to a worker's inbox: a pinned task that is ready, a request to its
 * reactor. The sender's memory; received once, on the worker, when it looks around; it may be gone
 * when `receive` returns.
 */
struct rv_message {
    struct rv_inbox_node node;
    void (*receive)(struct rv_worker *w, struct rv_message *message);
};

/* Any thread: posts and makes sure that the worker looks. */
void rv_worker_post(struct rv_worker *w, struct rv_message *message);

/* Counters have one writer: a plain add. */
static inline void rv_count(RV_ATOMIC(uint64_t) *counter, uint64_t n)
{
    rv_bump_relaxed(counter, n);
}

/* The thread's main function: runs tasks until the runtime stops. */
void *rv_worker_main(void *worker);

int rv_worker_init(struct rv_worker *w, struct rove_runtime *runtime, unsigned idx);
void rv_worker_fini(struct rv_worker *w);

#endif
