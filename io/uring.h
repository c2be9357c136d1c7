// SPDX-License-Identifier: MIT
/*
 * Purpose: what the workers keep for io_uring.
 *
 * Owner: the runtime's array, made before the workers start and freed after they have ended, so
 * that `wake` and requests may come at any time in between.
 */
#ifndef RV_IO_URING_H
#define RV_IO_URING_H

#include "core/inbox.h"
#include "core/lock.h"
#include "io/buffers.h"
#include "io/reactor.h"
#include "io/ring.h"
#include "io/sqe.h"

/* user_data: the address of an operation or of a multi, or one of these. */
#define RV_URING_DATA_IGNORE UINT64_C(1)
#define RV_URING_DATA_WAKE UINT64_C(2)
#define RV_URING_DATA_ALARM UINT64_C(3)
#define RV_URING_DATA_TIMER UINT64_C(5) /* no multiple of 4: that is an operation */

#define RV_URING_DATA_CANCEL UINT64_C(1) /* in an operation's address: the request to end it */

#define RV_URING_DATA_MULTI UINT64_C(2)  /* in an address: it is that of a struct rv_multi */
#define RV_URING_DATA_TAGS UINT64_C(3)

#define RV_URING_NO_TIMERS INT64_MIN /* the kernel refused one */

#define RV_GUARDS 2

struct rv_uring {
    /* owner */
    struct rv_ring ring RV_ALIGNED_LINE;
    struct rv_worker *worker; /* constant */
    struct rv_uring *posted;  /* the ring it posted to last, or NULL; post.c */
    struct __kernel_timespec timer_ts; /* the kernel's until it has taken the entry */
    RV_ATOMIC(uint32_t) *guard_post; /* while it guards: its place in `guards` */
    uint64_t *steps;          /* and its part of `steps` */
    int wake_fd;              /* constant; any thread writes to it */

    /* under cq_lock */
    RV_ATOMIC(uint32_t) is_armed;   /* wake_fd is polled; the owner sets it */
    RV_ATOMIC(uint32_t) is_woken;   /* a wake came in: the next sleep returns at once */
    RV_ATOMIC(uint32_t) is_guard;   /* a poll of alarm_fd is in flight; the owner sets it */
    RV_ATOMIC(uint32_t) is_alarmed; /* it has fired */
    RV_ATOMIC(int64_t) timer_ns;    /* when the timeout in flight ends; 0: none; set by the owner */
    RV_ATOMIC(uint32_t) multis;     /* armed here; the owner adds */

    /* any thread */
    struct rv_lock cq_lock RV_ALIGNED_LINE; /* held for ever once the ring is gone */
    struct rv_inbox requests;
    struct rv_inbox posts;          /* operations to be queued here; the owner or a rescuer takes */
    RV_ATOMIC(uint32_t) is_missed;  /* the owner found cq_lock taken: look again for it */
    RV_ATOMIC(uint32_t) is_kicked;  /* a kick is on its way to the owner */
    struct rv_buffers buffers;
};

struct rv_uring_io {
    struct rv_io io;         /* first: rv_io_of */
    struct rv_uring *rings;
    unsigned count;
    int alarm_fd;            /* constant; every ring signals it while its alarm is on */
    bool may_kick;           /* constant */
    RV_ATOMIC(uint32_t) guards[RV_GUARDS]; /* 1 + idx of a sleeper that listens; 0: none */
    uint64_t *steps;         /* by guard: each worker's step when the alarm came */
};

static inline struct rv_uring_io *rv_uring_io_of(const struct rove_runtime *runtime)
{
    return runtime->poll_data;
}

static inline struct rv_uring *rv_uring_of(const struct rv_worker *w)
{
    return &rv_uring_io_of(w->runtime)->rings[w->idx];
}

/* The calling worker's own. */
static inline struct rv_uring *rv_uring_mine(const struct rv_worker *w)
{
    return w->poll_data;
}

/* uring_create.c: rv_ring_probe, with patience where memory is short. */
int rv_uring_probe(void);
/* uring_create.c: all rings of a runtime, not yet enabled: 0 or -errno. */
int rv_uring_create(struct rove_runtime *runtime, struct rv_uring_io **out);
void rv_uring_destroy(struct rv_uring_io *all);
/* The worker itself: its ring begins (0 or -errno), and ends. */
int rv_uring_worker_start(struct rv_worker *w);
void rv_uring_worker_stop(struct rv_worker *w);

/* The owner: a free entry; NULL only when the kernel takes nothing at the moment. */
struct io_uring_sqe *rv_uring_take_sqe(struct rv_uring *u);
/* The owner: wakes the tasks of completed operations, unless somebody else is at it; how many. */
unsigned rv_uring_reap(struct rv_uring *u);
/* The owner, done with its own reaping: the alarm goes on again. What came in between is taken now,
 * with the alarm on: the worker may be about to compute. How many tasks were woken. */
unsigned rv_uring_resume(struct rv_uring *u);
/* Any thread: the owner handles it soon. */
void rv_uring_post_request(struct rv_uring *u, struct rv_ring_request *request);
/* The owner: true: there were some, and they may have made tasks ready. */
bool rv_uring_drain_requests(struct rv_uring *u);
/* The handler: the asker may return now, so its request may be gone: nothing of it is touched
 * afterwards. */
static inline void rv_uring_finish_request(struct rv_ring_request *request, struct rv_task *asker)
{
    /* order: release U1. Our last use of the request; pairs with the next. */
    rv_store_release(&request->is_handled, 1u);
    rv_wake(asker);
}
static inline bool rv_uring_request_is_handled(const struct rv_ring_request *request)
{
    /* order: acquire U1. The handler's last use; pairs with the one before. */
    return rv_load_acquire(&request->is_handled) != 0;
}
/* The owner: asks the kernel to end what `target` or, NULL, descriptor `fd` names. False: the queue
 * is full. */
bool rv_uring_queue_cancel(struct rv_uring *u, const struct rv_op *target, int fd);
/* Wakes the tasks of completed operations; 0 also when somebody else is at it. cq_lock held. */
unsigned rv_uring_reap_locked(struct rv_uring *u, struct rv_worker *reaper);

/* The owner w: the entry at `tail`, which has been filled, is this operation's. */
static RV_ALWAYS_INLINE void rv_uring_push(struct rv_uring *u, struct rv_worker *w, uint32_t tail,
                                           struct io_uring_sqe *sqe, struct rv_op *op)
{
    /* order: release U2. As documentation; the ring itself orders it. See find_ring. */
    rv_store_release(&op->uring, u);
    sqe->user_data = (uint64_t)(uintptr_t)op;
    rv_ring_push_at(&u->ring, tail);
    rv_count(&w->count.ops_submitted, 1);
}

/* The owner: an entry of its ring becomes this operation. */
static RV_ALWAYS_INLINE void rv_uring_queue(struct rv_uring *u, struct io_uring_sqe *sqe,
                                            struct rv_op *op)
{
    rv_sqe_fill(sqe, op);
    rv_uring_push(u, u->worker, rv_ring_tail(&u->ring), sqe, op);
}

/* uring_close.c: as in struct rv_reactor. */
void rv_uring_end_waits(struct rove_runtime *runtime, struct rv_fd_slot *slot, int fd,
                        struct rv_task *self);

/* uring_sleep.c: the poller's sleep and wake. */
void rv_uring_sleep(struct rv_worker *w, int64_t deadline_ns);
void rv_uring_wake(struct rv_worker *w);

/* post.c: receives that wait on the ring of their flow's worker (io/steer.h). */

/* False: rv_post_at_home would only say so. */
static inline bool rv_post_has_home(const struct rv_op *op)
{
    return op->kind == RV_OP_RECV && rv_load_relaxed(&op->slot->home) != 0;
}
/* The task, before it parks: gives the operation to its home ring. False: queue it here. */
bool rv_post_at_home(struct rv_op *op);
/* u's owner: queues on u what was posted to `from`, its own or that of a worker that computes. How
 * many tasks it woke. */
unsigned rv_post_take(struct rv_uring *from, struct rv_uring *u);
/* u's owner, before it sleeps without being the guard: what it posted must not be forgotten. */
void rv_post_remind(struct rv_uring *u);

/* direct.c: sends without the ring if that is cheaper. False: it goes its usual way, as it would if
 * nobody asked. */
static inline bool rv_direct_may_send(const struct rv_uring *mine, const struct rv_op *op)
{
    return (op->kind == RV_OP_SEND || op->kind == RV_OP_SENDMSG) &&
           rv_ring_unsent(&mine->ring) == 0;
}
bool rv_direct_send(struct rv_op *op, struct rv_task *self); /* the result in op->result */

/* cursor.c: files at the descriptor's own position, and terminals, without the ring. False: it goes
 * its way. The result may be -EAGAIN: it is to be ready first. */
static inline bool rv_cursor_has(const struct rv_op *op)
{
    return op->kind <= RV_OP_WRITEV && op->offset < 0 &&
           rv_load_relaxed(&op->slot->type) != RV_FD_OTHER;
}
bool rv_cursor_run(struct rv_op *op, struct rv_task *self); /* the result in op->result */

/* guard.c: sleepers that look after workers that compute. */

/* The owner goes to sleep: listens for alarms unless another sleeper does. True: it does. */
bool rv_guard_enter(struct rv_uring *u);
void rv_guard_leave(struct rv_uring *u);
/* A guard's watch over the others in one sleep of its own. */
struct rv_vigil {
    int64_t look_ns;     /* when to look at them again; INT64_MAX: at the next alarm */
    int64_t patience_ns; /* how long after the last look that is */
};
/* The guard is awake, with nothing of its own to do: how many tasks it got by helping others. */
unsigned rv_guard_stand(struct rv_uring *u, struct rv_vigil *vigil);
/* Reaps for a worker that computes, which has to enter the kernel for it: how many tasks. */
unsigned rv_guard_reap(struct rv_worker *self, struct rv_uring *victim);
/* The owner, around its own reaping: the alarm is off meanwhile. */
static inline void rv_guard_pause(struct rv_uring *u)
{
    rv_ring_set_alarm(&u->ring, false);
}
static inline bool rv_guard_exists(const struct rv_uring_io *all)
{
    return rv_load_relaxed(&all->guards[0]) != 0 || rv_load_relaxed(&all->guards[1]) != 0;
}
/* True: something became due while the alarm was off: nobody was told. */
static inline bool rv_guard_resume(struct rv_uring *u)
{
    if (!rv_guard_exists(rv_uring_io_of(u->worker->runtime))) {
        return false;
    }
    rv_ring_set_alarm(&u->ring, true);
    /* order: full V2. The alarm before the look; the kernel raises the flag, then looks at it. */
    rv_fence_full();
    return rv_ring_must_enter(&u->ring);
}

#endif
