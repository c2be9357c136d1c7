// SPDX-License-Identifier: MIT
/*
 * Purpose: the reactor on epoll: one set for the runtime, any worker takes any event.
 *
 * Idea: try the call; if it would block, wait in the descriptor's slot for readiness, try again.
 * The kernel is told at every wait (EPOLLONESHOT), for the union of what all waiters want: so a
 * number that the user closed behind our back and got again is registered anew. Busy TCP sockets
 * are registered once, and what is assumed then is checked a little later (io/edge.h).
 *
 *     waiter, slot locked: queue, epoll_ctl(union)     whoever polls, slot locked: take out all
 *     unlock, park                                     that fit, epoll_ctl(rest), unlock, wake
 *
 * Sleep: every idle worker blocks in the set; the kernel wakes one for an event, the last to come.
 * `wake` kicks the worker's thread (io/kick.h). Kicks are blocked but for the wait itself, which
 * lets them in atomically: one that came before ends the wait at once. So whatever some worker
 * computes, the next event finds another one.
 *
 * Threads: slots under their locks; the rest any worker.
 * Rejected: edge-triggered, registered once, and nothing else: after a foreign close(2)
 * it waits for ever. One worker in the set and the others on futexes: when it finds work, nobody
 * waits for events, unless it wakes another each time.
 */
#include "io/epoll.h"

#include "core/check.h"
#include "core/clock.h"
#include "io/attempt.h"
#include "io/edge.h"
#include "io/kick.h"
#include "io/offload.h"
#include "io/plain.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/ready.h"
#include "sched/suspend.h"
#include "sched/timer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 128     /* arbitrary; 1.5 KiB of the scheduler's stack */

static struct rv_epoll *epoll_of(const struct rv_worker *w)
{
    return w->runtime->poll_data;
}

static void unlink_op(struct rv_fd_slot *slot, struct rv_op *op)
{
    *(op->prev != NULL ? &op->prev->next : &slot->first) = op->next;
    *(op->next != NULL ? &op->next->prev : &slot->last) = op->prev;
    op->next = op->prev = NULL;
    op->is_queued = false;
}

static void link_op(struct rv_fd_slot *slot, struct rv_op *op)
{
    op->prev = slot->last;
    op->next = NULL;
    *(slot->last != NULL ? &slot->last->next : &slot->first) = op;
    slot->last = op;
    op->is_queued = true;
}

/* Slot locked: tells the kernel what its waiters want, once. 0 or -errno. */
static RV_NOINLINE int arm_once(struct rv_epoll *e, struct rv_fd_slot *slot, int fd)
{
    struct epoll_event ev = {.events = EPOLLONESHOT, .data.u64 = (uint32_t)fd};
    for (const struct rv_op *op = slot->first; op != NULL; op = op->next) {
        ev.events |= op->events;
    }
    bool is_known = slot->is_registered;
    int rc = epoll_ctl(e->set, is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
    if (rc < 0 && errno == (is_known ? ENOENT : EEXIST)) {
        slot->edge_waits = 0;
        rc = epoll_ctl(e->set, is_known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev);
    }
    slot->is_registered = rc == 0;
    rv_edge_leave(slot);
    return rc < 0 ? -errno : 0;
}

static int arm(struct rv_epoll *e, struct rv_fd_slot *slot, int fd)
{
    return rv_edge_register(e, slot, fd) ? 0 : arm_once(e, slot, fd);
}

/* Slot locked: queues the operation for readiness: 0; 1: it is ready; or a negative errno. */
static int queue_wait(struct rv_epoll *e, struct rv_fd_slot *slot, struct rv_op *op)
{
    if (rv_fd_is_closing(slot)) {
        return -ECANCELED;
    }
    int rc = rv_edge_begin_wait(e, slot, op);
    if (rc > 0) {
        return rc;
    }
    link_op(slot, op);
    rc = rc < 0 ? arm(e, slot, op->fd) : 0;
    if (rc < 0) {
        unlink_op(slot, op);
    }
    return rc;
}

static int begin_wait(struct rv_epoll *e, struct rv_fd_slot *slot, struct rv_op *op)
{
    rv_store_relaxed(&op->done, 0u);
    op->events = rv_op_events(op) | POLLERR | POLLHUP; /* also of who asks for nothing else */
    rv_lock_acquire(&slot->lock);
    int rc = queue_wait(e, slot, op);
    rv_lock_release(&slot->lock);
    return rc;
}

/* True: it waits no more, and nobody else will complete it. */
static bool withdraw(struct rv_fd_slot *slot, struct rv_op *op)
{
    rv_lock_acquire(&slot->lock);
    bool was_queued = op->is_queued;
    if (was_queued) {
        unlink_op(slot, op);
    }
    rv_lock_release(&slot->lock);
    return was_queued;
}

/* 0: ready, try again · -ECANCELED: an end was asked for, or the descriptor is being closed. */
static RV_ALWAYS_INLINE int wait_ready(struct rv_epoll *e, struct rv_fd_slot *slot,
                                       struct rv_op *op, struct rv_task *self)
{
    /* order: relaxed. A hint for needs_poll; the kernel holds what matters. */
    rv_fetch_add_relaxed(&e->waiting, 1);
    int rc = begin_wait(e, slot, op);
    while (rc == 0 && !rv_op_is_done(op)) {
        /* Before the park: the wake of a deadline may have been spent together with that of an
         * event which turned out to be in vain. */
        if (rv_op_wants_end(op) && withdraw(slot, op)) {
            rc = -ECANCELED;
        } else {
            rv_park_inline(self, RV_WAIT_IO, op);
        }
    }
    /* order: relaxed. As above. */
    rv_fetch_sub_relaxed(&e->waiting, 1);
    return rc != 0 ? (rc < 0 ? rc : 0) : (int)op->result;
}

/* One attempt, unless it is known to be in vain. */
static RV_ALWAYS_INLINE ssize_t try_once(struct rv_op *op)
{
    struct rv_fd_slot *slot = op->slot;
    uint32_t seen = RV_LIKELY(slot != NULL) ? rv_edge_look(slot) : 0; /* a path has none */
    if (rv_edge_is_empty(seen, op)) {
        return -EAGAIN;
    }
    ssize_t result = rv_attempt(op);
    rv_edge_note(slot, seen, op, result);
    return result;
}

static RV_NOINLINE int pause_for(struct rv_op *op, unsigned times)
{
    int64_t pause_ns = RV_OP_PAUSE_MIN_NS << (times < 8 ? times : 8);
    return rv_op_pause(op, op->slot, &pause_ns);
}

/* After readiness, which may have been in vain. */
static ssize_t try_again(struct rv_op *op)
{
    ssize_t result = try_once(op);
    return result == -EAGAIN && rv_op_is_to_queue(op) ? RV_ATTEMPT_LATER : result;
}

/* After a first attempt that is not the last word. */
static ssize_t wait_and_retry(struct rv_epoll *e, struct rv_op *op, struct rv_task *self,
                              ssize_t result)
{
    for (unsigned pauses = 0;; result = try_again(op)) {
        int rc;
        if (RV_UNLIKELY(result == RV_ATTEMPT_OFFLOAD)) {
            return rv_offload(op, self);
        }
        if (RV_UNLIKELY(result == RV_ATTEMPT_LATER)) {
            rc = op->end != RV_END_NONE ? -ECANCELED : pause_for(op, pauses++);
        } else if (result != -EAGAIN || rv_op_is_nonblocking(op)) {
            return result;
        } else {
            rc = op->end != RV_END_NONE ? -ECANCELED : wait_ready(e, op->slot, op, self);
        }
        if (rc == -EPERM) { /* not a thing to wait for readiness on */
            return rv_offload(op, self);
        }
        if (rc < 0) {
            return rc;
        }
    }
}

static RV_NOINLINE ssize_t run_on(struct rv_op *op, struct rv_task *self, ssize_t result)
{
    struct rv_worker *w = rv_current_worker();
    uint64_t step = rv_load_relaxed(&w->step);
    result = wait_and_retry(self->runtime->poll_data, op, self, result);
    bool has_moved = w != rv_current_worker();
    w = rv_current_worker();
    rv_count(&w->count.ops_completed, 1);
    if (!has_moved && rv_load_relaxed(&w->step) == step) {
        rv_op_pay_turn(self);
    }
    return result;
}

static ssize_t epoll_run(struct rv_op *op, struct rv_task *self)
{
    struct rv_worker *w = rv_current_worker();
    rv_count(&w->count.ops_submitted, 1);
    ssize_t result = try_once(op);
    if (result == -EAGAIN || result <= RV_ATTEMPT_LATER) {
        return run_on(op, self, result);
    }
    rv_count(&w->count.ops_completed, 1);
    rv_op_pay_turn(self);
    return result;
}

static RV_ALWAYS_INLINE ssize_t run_plain(struct rv_op *op, struct rv_task *self,
                                          enum rv_op_kind kind, struct rv_plain ask)
{
    (void)ask;
    if (kind == RV_OP_RECV) {
        rv_plain_steer(op, self);
    }
    rv_plain_detour(op);
    return rv_plain_finish(op, self, epoll_run(op, self));
}

static RV_NO_STACK_PROTECTOR ssize_t epoll_recv(int fd, void *addr, size_t len,
                                                unsigned flags, struct rv_task *self)
{
    struct rv_plain ask = {.fd = fd, .flags = flags, .addr = addr, .len = len};
    struct rv_op op;
    return rv_plain_call(&op, self, RV_OP_RECV, ask, run_plain);
}

static RV_NO_STACK_PROTECTOR ssize_t epoll_send(int fd, void *addr, size_t len,
                                                unsigned flags, struct rv_task *self)
{
    struct rv_plain ask = {.fd = fd, .flags = flags, .addr = addr, .len = len};
    struct rv_op op;
    return rv_plain_call(&op, self, RV_OP_SEND, ask, run_plain);
}

/* Takes out of a locked slot who wants any of `events`, as a list linked by next. */
static struct rv_op *take_waiters(struct rv_fd_slot *slot, unsigned events)
{
    struct rv_op *taken = NULL;
    struct rv_op **end = &taken;
    for (struct rv_op *op = slot->first; op != NULL;) {
        struct rv_op *next = op->next;
        if ((op->events & events) != 0) {
            unlink_op(slot, op);
            *end = op;
            end = &op->next;
        }
        op = next;
    }
    return taken;
}

/* Two lists, the first may be empty. */
static struct rv_op *join(struct rv_op *first, struct rv_op *second)
{
    struct rv_op **end = &first;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = second;
    return first;
}

unsigned rv_epoll_complete(struct rv_op *op, ssize_t result)
{
    struct rv_worker *here = rv_current_worker();
    unsigned n = 0;
    while (op != NULL) {
        struct rv_op *next = op->next;
        rv_op_complete_on(here, op, result);
        op = next;
        n++;
    }
    return n;
}

/* The file is gone or memory short: nobody would wake them, so they try again. */
struct rv_op *rv_epoll_rearm(struct rv_epoll *e, struct rv_fd_slot *slot, int fd)
{
    bool is_lost = slot->first != NULL && arm_once(e, slot, fd) < 0;
    return is_lost ? take_waiters(slot, UINT32_MAX) : NULL;
}

static unsigned take_event(struct rv_epoll *e, const struct epoll_event *ev)
{
    int fd = (int)ev->data.u64;
    struct rv_fd_slot *slot = rv_fdtab_find(&e->io.fds, fd);
    RV_ASSERT(slot != NULL, "events come for descriptors somebody waited on");
    bool is_broken = (ev->events & (EPOLLERR | EPOLLHUP)) != 0;
    rv_lock_acquire(&slot->lock);
    struct rv_op *ready = take_waiters(slot, is_broken ? UINT32_MAX : ev->events);
    if (!rv_edge_take(slot, ev->events)) {
        ready = join(ready, rv_epoll_rearm(e, slot, fd));
    }
    rv_lock_release(&slot->lock);
    return rv_epoll_complete(ready, 0);
}

static void epoll_end_waits(struct rove_runtime *runtime, struct rv_fd_slot *slot, int fd,
                            struct rv_task *self)
{
    (void)self;
    rv_lock_acquire(&slot->lock);
    struct rv_op *waiters = take_waiters(slot, UINT32_MAX);
    rv_edge_close(runtime->poll_data, slot, fd);
    rv_lock_release(&slot->lock);
    rv_epoll_complete(waiters, -ECANCELED);
}

/* Linux before 5.11 knows milliseconds only: rounded up, a timer is never early. */
static int wait_coarse(struct rv_epoll *e, struct epoll_event *events, int64_t timeout_ns,
                       const sigset_t *mask)
{
    int64_t ms = timeout_ns < 0 ? -1 : (timeout_ns + 999999) / 1000000;
    return epoll_pwait(e->set, events, EVENTS_AT_ONCE, ms > INT32_MAX ? INT32_MAX : (int)ms, mask);
}

/* Takes what is ready, or waits for it (negative: for ever); how many tasks it woke. */
static RV_NOINLINE unsigned take_events(struct rv_epoll *e, int64_t timeout_ns,
                                        const sigset_t *mask)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    struct timespec ts = rv_clock_to_timespec(timeout_ns);
    int n = epoll_pwait2(e->set, events, EVENTS_AT_ONCE, timeout_ns < 0 ? NULL : &ts, mask);
    if (n < 0 && errno == ENOSYS) {
        n = wait_coarse(e, events, timeout_ns, mask);
    }
    unsigned woken = 0;
    for (int i = 0; i < n; i++) {
        woken += take_event(e, &events[i]);
    }
    return woken;
}

static unsigned epoll_poll(struct rv_worker *w)
{
    struct rv_epoll *e = epoll_of(w);
    unsigned woken = rv_edge_sweep(e, w, w->now_ns);
    if (e->edges[w->idx].has_slept) {
        e->edges[w->idx].has_slept = false;
        return woken;
    }
    return woken + take_events(e, 0, NULL);
}

/* Only a system call could tell more. With nothing to run the worker sleeps next, which is one. */
static bool epoll_needs_poll(const struct rv_worker *w)
{
    return rv_load_relaxed(&epoll_of(w)->waiting) != 0 && !rv_ready_is_empty(w);
}

static void epoll_sleep(struct rv_worker *w, int64_t deadline_ns)
{
    struct rv_epoll *e = epoll_of(w);
    bool has_woken = rv_edge_sweep(e, w, w->now_ns) > 0;
    int64_t timeout_ns = has_woken ? 0 : rv_edge_timeout(e, w, deadline_ns);
    if (rv_load_relaxed(&w->pace.is_aside) == 0) {
        take_events(e, timeout_ns, &e->masks[w->idx]);
    } else { /* the events are for those who run */
        struct timespec ts = rv_clock_to_timespec(timeout_ns);
        (void)ppoll(NULL, 0, timeout_ns < 0 ? NULL : &ts, &e->masks[w->idx]);
    }
    e->edges[w->idx].has_slept = true;
}

static void epoll_wake(struct rv_worker *w)
{
    rv_kick(w);
}

/* The wait it has ended is all there is to it. */
static void epoll_kicked(struct rv_worker *w)
{
    (void)w;
}

static void epoll_flush(struct rv_worker *w)
{
    (void)w; /* nothing is ever queued */
}

static unsigned epoll_rescue(struct rv_worker *self, struct rv_worker *victim)
{
    (void)victim; /* its events are everybody's */
    return take_events(epoll_of(self), 0, NULL);
}

static int epoll_worker_start(struct rv_worker *w)
{
    struct rv_epoll *e = epoll_of(w);
    w->poll_data = e;
    rv_kick_mask(&e->masks[w->idx]);
    return 0;
}

static void epoll_worker_stop(struct rv_worker *w)
{
    rv_io_forget_sigpipe(rv_io_of(w->runtime));
}

static void destroy(struct rv_epoll *e)
{
    if (e->set >= 0) {
        close(e->set);
    }
    rv_io_fini(&e->io);
    free(e->masks);
    free(e->edges);
    free(e);
}

static int create(unsigned workers, struct rv_epoll **out)
{
    struct rv_epoll *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return -ENOMEM;
    }
    e->masks = calloc(workers, sizeof(*e->masks));
    e->edges = aligned_alloc(RV_CACHE_LINE, workers * sizeof(*e->edges));
    e->set = epoll_create1(EPOLL_CLOEXEC);
    int rc = e->set < 0 ? -errno : rv_kick_init();
    if (rc == 0) {
        rc = e->masks == NULL || e->edges == NULL ? -ENOMEM : rv_io_init(&e->io, workers);
    }
    if (rc == 0) {
        memset(e->edges, 0, workers * sizeof(*e->edges));
    }
    if (rc < 0) {
        destroy(e);
        return rc;
    }
    *out = e;
    return 0;
}

static int epoll_runtime_start(struct rove_runtime *runtime)
{
    struct rv_epoll *e = NULL;
    int rc = create(runtime->worker_count, &e);
    if (rc < 0) {
        return rc;
    }
    e->io.recv = epoll_recv;
    e->io.send = epoll_send;
    runtime->poll_data = e;
    return 0;
}

static void epoll_runtime_stop(struct rove_runtime *runtime)
{
    destroy(runtime->poll_data);
    runtime->poll_data = NULL;
}

const struct rv_reactor rv_epoll_reactor = {
    .poller = {
        .name = "epoll",
        .runtime_start = epoll_runtime_start,
        .runtime_stop = epoll_runtime_stop,
        .worker_start = epoll_worker_start,
        .worker_stop = epoll_worker_stop,
        .poll = epoll_poll,
        .sleep = epoll_sleep,
        .wake = epoll_wake,
        .needs_poll = epoll_needs_poll,
        .flush = epoll_flush,
        .rescue = epoll_rescue,
    },
    .run = epoll_run,
    .end_waits = epoll_end_waits,
    .kicked = epoll_kicked,
    .wants_nonblocking = true,
};
