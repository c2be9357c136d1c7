// SPDX-License-Identifier: MIT
/*
 * Purpose: completions of a worker that computes are served by one that sleeps.
 *
 * Idea: the kernel posts completions of a ring only inside its owner's system calls
 * (DEFER_TASKRUN). But it signals an eventfd when one is due. So:
 *
 *     worker that runs tasks              sleeper that guards (RV_GUARDS at a time)
 *     alarm on while a guard sleeps       its own ring polls the eventfd
 *     .. a completion is due ........ ->  awake: notes all step counts, sleeps 15 us more
 *     same step still, kicked        <-   kick: the handler enters the kernel, completions appear
 *     goes on computing                   takes them, runs their tasks
 *     another step, and still due ... ->  sleeps 30 us more, then 60 us .., and looks again
 *
 * A short step costs nothing but the guard's idle time: it never leaves its sleep for it. The
 * entries that the computing worker had queued are handed over by the same kick.
 *
 * Two guard at a time: one may wake for work of its own and compute, and the other still listens.
 * When the last one leaves and others sleep, it wakes one of them for the post.
 *
 * Threads: the guard's own; rings of others under their cq_lock (try-lock only).
 * Rejected: rings without DEFER_TASKRUN (the kernel interrupts at each completion: 5-9 % slower).
 */
#include "core/check.h"
#include "core/clock.h"
#include "io/kick.h"
#include "io/uring.h"
#include "sched/idle.h"

#include <poll.h>
#include <unistd.h>

#define PATIENCE_MIN_NS 15000 /* REACTOR 4.4: steps of 10 us are everyday */
#define PATIENCE_MAX_NS 960000 /* arbitrary: a thousand looks a second at most */
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

/* Gives the lock back. True: its owner wanted it meanwhile, and relies on us. */
static bool release(struct rv_uring *other)
{
    rv_lock_release(&other->cq_lock);
    /* order: full V3. The lock free before the look at the note; pairs with reap in uring.c. */
    rv_fence_full();
    return rv_load_relaxed(&other->is_missed) != 0;
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
        bool is_waiting = is_due(other) || !rv_inbox_is_empty(&other->posts);
        if (release(other) || is_waiting) {
            rv_store_relaxed(&u->is_alarmed, 1u);
        }
    }
}

/* Takes a free post: its number, or -1. */
static int take_post(struct rv_uring_io *all, uint32_t me)
{
    for (int i = 0; i < RV_GUARDS; i++) {
        uint32_t nobody = 0;
        if (rv_load_relaxed(&all->guards[i]) == 0 &&
            /* order: acquire V1. The last guard's notes; pairs with rv_guard_leave. */
            rv_cas_acquire(&all->guards[i], &nobody, me)) {
            return i;
        }
    }
    return -1;
}

RV_HOT bool rv_guard_enter(struct rv_uring *u)
{
    struct rv_uring_io *all = rv_uring_io_of(u->worker->runtime);
    int post = -1;
    if (all->count > 1 && all->may_kick) {
        post = take_post(all, (uint32_t)u->worker->idx + 1);
    }
    if (post < 0) {
        return false;
    }
    u->steps = all->steps + (size_t)post * all->count;
    u->guard_post = &all->guards[post];
    listen_for_alarms(u, all->alarm_fd);
    alert_running(all, u);
    return true;
}

void rv_guard_leave(struct rv_uring *u)
{
    struct rove_runtime *runtime = u->worker->runtime;
    struct rv_uring_io *all = rv_uring_io_of(runtime);
    RV_ASSERT(rv_load_relaxed(u->guard_post) == u->worker->idx + 1, "a guard leaves its own post");
    rv_store_relaxed(&u->is_alarmed, 0u);
    /* order: release V1. Its notes before the next guard's; pairs with take_post. */
    rv_store_release(u->guard_post, 0u);
    if (!rv_guard_exists(all) && rv_load_relaxed(&runtime->idle.sleeping) > 1) {
        rv_idle_notify(runtime);
    }
}

/* A kick that has not borne fruit yet. The kernel takes back that something is due before it posts
 * the completion, so only the end of the handler tells. */
static bool is_under_way(const struct rv_uring *victim)
{
    /* order: acquire V4. Pairs with uring_kicked. */
    return rv_load_acquire(&victim->is_kicked) != 0;
}

/*
 * Lock held. Makes the owner enter the kernel; waits until that shows, but not for long, and not
 * again for a kick that found no core to run on yet.
 */
static void kick(struct rv_uring *victim)
{
    /* TSan keeps a signal for the fibre that it met, which may not run again soon: repeat there. */
    if (rv_exchange_relaxed(&victim->is_kicked, 1u) != 0 && !RV_TSAN) {
        return;
    }
    rv_kick(victim->worker);
    int64_t end_ns = rv_clock_now() + REAP_SPIN_NS;
    while (is_under_way(victim) && rv_clock_now() < end_ns) {
        rv_cpu_relax();
    }
}

unsigned rv_guard_reap(struct rv_worker *self, struct rv_uring *victim)
{
    bool may_kick = rv_uring_io_of(self->runtime)->may_kick;
    unsigned woken = 0;
    bool must_repeat = true;
    while (must_repeat && rv_lock_try(&victim->cq_lock)) {
        /* order: acquire V3. The completions that a note tells of which is taken back; pairs with
         * reap in uring.c. */
        (void)rv_exchange_acquire(&victim->is_missed, 0u);
        woken += rv_uring_reap_locked(victim, self);
        if (woken == 0 && is_due(victim) && may_kick) {
            kick(victim);
            woken += rv_uring_reap_locked(victim, self);
        }
        must_repeat = release(victim);
    }
    return woken + rv_post_take(victim, rv_uring_of(self));
}

/* The alarm has fired: empties the counter, and listens again. */
static void answer_alarm(struct rv_uring *u)
{
    struct rv_uring_io *all = rv_uring_io_of(u->worker->runtime);
    rv_store_relaxed(&u->is_alarmed, 0u);
    if (rv_load_relaxed(&u->is_guard) == 0) {
        uint64_t count;
        ssize_t rc = read(all->alarm_fd, &count, sizeof(count));
        (void)rc;
        listen_for_alarms(u, all->alarm_fd);
    }
}

/* True: somebody runs. */
static bool note_steps(struct rv_uring *u)
{
    const struct rv_uring_io *all = rv_uring_io_of(u->worker->runtime);
    bool is_anyone_running = false;
    for (unsigned i = 0; i < all->count; i++) {
        const struct rv_worker *w = all->rings[i].worker;
        u->steps[i] = rv_load_relaxed(&w->step);
        is_anyone_running |= w != u->worker && rv_load_relaxed(&w->is_running) != 0;
    }
    return is_anyone_running;
}

/* Lock held: a completion is there to be taken by whoever comes. */
static bool has_completed(const struct rv_uring *other)
{
    uint32_t tail = rv_ring_cq_tail(&other->ring);
    for (uint32_t at = rv_ring_cq_head(&other->ring); at != tail; at++) {
        if (rv_ring_cqe(&other->ring, at)->user_data > RV_URING_DATA_ALARM) {
            return true;
        }
    }
    return false;
}

/* Something waits there, to be looked at again: the owner may have gone from step to step and not
 * yet to the kernel, or have answered a kick only now. */
static bool is_still_due(struct rv_uring *other)
{
    if (!rv_lock_try(&other->cq_lock)) {
        return true; /* somebody is at it; or the ring is gone, and the runtime will be soon */
    }
    bool is = is_under_way(other) || is_due(other) || has_completed(other) ||
              !rv_inbox_is_empty(&other->posts);
    return release(other) || is;
}

static unsigned look(struct rv_uring *u, bool *must_look_again)
{
    struct rv_uring_io *all = rv_uring_io_of(u->worker->runtime);
    unsigned woken = 0;
    *must_look_again = false;
    for (unsigned i = 0; i < all->count; i++) {
        struct rv_uring *other = &all->rings[i];
        if (other == u || rv_load_relaxed(&other->worker->is_running) == 0) {
            continue;
        }
        if (rv_load_relaxed(&other->worker->step) == u->steps[i]) {
            woken += rv_guard_reap(u->worker, other);
        }
        *must_look_again |= is_still_due(other);
    }
    return woken;
}

unsigned rv_guard_stand(struct rv_uring *u, struct rv_vigil *vigil)
{
    bool must_look = false;
    unsigned woken = 0;
    if (rv_load_relaxed(&u->is_alarmed) != 0) {
        answer_alarm(u);
        vigil->patience_ns = PATIENCE_MIN_NS;
        must_look = true;
    } else if (vigil->look_ns != INT64_MAX && rv_clock_now() >= vigil->look_ns) {
        woken = look(u, &must_look);
        vigil->patience_ns *= vigil->patience_ns < PATIENCE_MAX_NS ? 2 : 1;
    } else {
        return 0;
    }
    bool is_anyone_running = note_steps(u);
    vigil->look_ns = INT64_MAX;
    if (must_look && is_anyone_running) {
        vigil->look_ns = rv_clock_now() + vigil->patience_ns;
    }
    return woken;
}
