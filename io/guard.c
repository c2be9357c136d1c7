// SPDX-License-Identifier: MIT
/*
 * Purpose: completions of a worker that computes are served by one that sleeps.
 *
 * Idea: the kernel posts completions of a ring only inside its owner's system calls
 * (DEFER_TASKRUN). But it signals an eventfd when one is due. So:
 *
 *     worker that runs tasks              sleeper that guards (one at a time)
 *     alarm on while a guard sleeps       its own ring polls the eventfd
 *     .. a completion is due ........ ->  awake: notes all step counts, sleeps 15 us more
 *     same step still, kicked        <-   kick: the handler enters the kernel, completions appear
 *     goes on computing                   takes them, runs their tasks
 *
 * A short step costs nothing but the guard's idle time: it never leaves its sleep for it. The
 * entries that the computing worker had queued are handed over by the same kick.
 *
 * Threads: the guard's own; rings of others under their cq_lock (try-lock only).
 * Rejected: rings without DEFER_TASKRUN (the kernel interrupts at each completion: 5-9 % slower).
 */
#include "core/check.h"
#include "core/clock.h"
#include "io/kick.h"
#include "io/uring.h"

#include <poll.h>
#include <unistd.h>

#define REAP_SPIN_NS 30000 /* arbitrary: a kick bears fruit in 12 us if the owner has a core */

/* A victim's ring is there and has something that only its owner's system call brings out. */
static bool is_due(const struct rv_uring *victim)
{
    return rv_ring_must_enter(&victim->ring) || rv_ring_unsent(&victim->ring) != 0;
}

/* Keeps a poll of the alarm in flight in the guard's ring. */
static void listen_for_alarms(struct rv_uring *u, int alarm_fd)
{
    if (rv_load_relaxed(&u->is_guard) != 0) {
        return;
    }
    struct io_uring_sqe *sqe = rv_uring_take_sqe(u);
    if (sqe != NULL) {
        io_uring_prep_poll_add(sqe, alarm_fd, POLLIN);
        sqe->user_data = RV_URING_DATA_ALARM;
        rv_store_relaxed(&u->is_guard, 1u);
        rv_ring_push(&u->ring);
    }
}

/* Switches the alarms of running workers on; one that is due already counts as an alarm. */
static void alert_running(struct rv_uring_io *all, struct rv_uring *u)
{
    for (unsigned i = 0; i < all->count; i++) {
        struct rv_uring *other = &all->rings[i];
        if (other == u || !rv_load_relaxed(&other->worker->is_running) ||
            !rv_lock_try(&other->cq_lock)) {
            continue;
        }
        rv_ring_set_alarm(&other->ring, true);
        if (is_due(other) || !rv_inbox_is_empty(&other->posts)) {
            rv_store_relaxed(&u->is_alarmed, 1u);
        }
        rv_lock_release(&other->cq_lock);
    }
}

bool rv_guard_enter(struct rv_uring *u)
{
    struct rv_uring_io *all = rv_uring_io_of(u->worker->runtime);
    uint32_t nobody = 0;
    if (all->count == 1 || !all->may_kick || rv_load_relaxed(&all->guard) != 0 ||
        /* order: acquire V1. The last guard's notes; pairs with rv_guard_leave. */
        !rv_cas_acquire(&all->guard, &nobody, (uint32_t)u->worker->idx + 1)) {
        return false;
    }
    listen_for_alarms(u, all->alarm_fd);
    alert_running(all, u);
    return true;
}

void rv_guard_leave(struct rv_uring *u)
{
    struct rv_uring_io *all = rv_uring_io_of(u->worker->runtime);
    RV_ASSERT(rv_load_relaxed(&all->guard) == u->worker->idx + 1, "the guard leaves its own post");
    rv_store_relaxed(&u->is_alarmed, 0u);
    /* order: release V1. Its notes before the next guard's; pairs with rv_guard_enter. */
    rv_store_release(&all->guard, 0u);
}

bool rv_guard_note(struct rv_uring *u)
{
    struct rv_uring_io *all = rv_uring_io_of(u->worker->runtime);
    bool is_anyone_running = false;
    rv_store_relaxed(&u->is_alarmed, 0u);
    if (rv_load_relaxed(&u->is_guard) == 0) { /* it fired: empty the counter, then listen again */
        uint64_t count;
        ssize_t rc = read(all->alarm_fd, &count, sizeof(count));
        (void)rc;
        listen_for_alarms(u, all->alarm_fd);
    }
    for (unsigned i = 0; i < all->count; i++) {
        const struct rv_worker *w = all->rings[i].worker;
        all->steps[i] = rv_load_relaxed(&w->step);
        is_anyone_running |= w != u->worker && rv_load_relaxed(&w->is_running) != 0;
    }
    return is_anyone_running;
}

unsigned rv_guard_help(struct rv_uring *u)
{
    struct rv_uring_io *all = rv_uring_io_of(u->worker->runtime);
    unsigned woken = 0;
    for (unsigned i = 0; i < all->count; i++) {
        const struct rv_worker *w = all->rings[i].worker;
        if (w != u->worker && rv_load_relaxed(&w->is_running) != 0 &&
            rv_load_relaxed(&w->step) == all->steps[i]) {
            woken += rv_guard_reap(u->worker, &all->rings[i]);
        }
    }
    return woken;
}

/*
 * Lock held. Makes the owner enter the kernel; waits until that shows, but not for long, and not
 * again for a kick that found no core to run on yet.
 */
static void kick(struct rv_uring *victim)
{
    if (rv_exchange_relaxed(&victim->is_kicked, 1u) != 0) {
        return;
    }
    rv_kick(victim->worker);
    int64_t end_ns = rv_clock_now() + REAP_SPIN_NS;
    while (!rv_ring_has_completions(&victim->ring) && is_due(victim) && rv_clock_now() < end_ns) {
        rv_cpu_relax();
    }
}

unsigned rv_guard_reap(struct rv_worker *self, struct rv_uring *victim)
{
    if (!rv_lock_try(&victim->cq_lock)) {
        return 0;
    }
    if (rv_uring_io_of(self->runtime)->may_kick && is_due(victim) &&
        !rv_ring_has_completions(&victim->ring)) {
        kick(victim);
    }
    unsigned woken = rv_uring_reap_locked(victim, self);
    rv_lock_release(&victim->cq_lock);
    return woken + rv_post_take(victim, rv_uring_of(self));
}
