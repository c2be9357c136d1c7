// SPDX-License-Identifier: MIT
/*
 * Purpose: the barrier: as many as it has parties meet, then all go on.
 *
 * Idea: the last to come takes all the others out of the queue, numbers them in order of arrival
 * and fires them; the next round may fill at once, so there is no draining phase to wait for. A
 * waiter that gives up leaves the queue and nothing else: `count` is only an upper bound of the
 * queue's length, made exact when it says that the round might be complete.
 *
 * Threads: any.
 */
#include "sched/sync.h"

#include <limits.h>
#include <rove/blocking.h>
#include <rove/sync.h>

#define RV_BARRIER_BROKEN UINT32_MAX /* a cell's tag; otherwise its number */

struct RV_SYNC_OVERLAY rv_barrier {
    struct rv_lock lock; /* guards everything */
    uint32_t is_broken;
    uint64_t parties; /* constant */
    uint64_t count;   /* at least as many as are in waiters */
    uint64_t generation;
    struct rv_waitq waiters;
};

_Static_assert(sizeof(struct rv_barrier) == sizeof(rove_barrier),
               "rove_barrier holds a struct rv_barrier");

static struct rv_barrier *barrier_of(rove_barrier *b)
{
    return (struct rv_barrier *)b;
}

void rove_barrier_init(rove_barrier *public, size_t parties)
{
    if (public != NULL) {
        *public = (rove_barrier){0};
        barrier_of(public)->parties = parties;
    }
}

/* Lock held. Those who wait. */
static uint64_t count_waiters(const struct rv_barrier *b)
{
    uint64_t count = 0;
    for (const struct rv_waiter *w = b->waiters.first; w != NULL; w = w->next) {
        count++;
    }
    return count;
}

/* Lock held. Is the caller the last one of the round? */
static bool is_complete(struct rv_barrier *b)
{
    if (b->count + 1 >= b->parties) {
        b->count = count_waiters(b);
    }
    return b->count + 1 == b->parties;
}

/* Lock held. The round is over: its cells, numbered in order, or all BROKEN. */
static struct rv_waiter *take_round(struct rv_barrier *b, bool is_broken)
{
    struct rv_waiter *waiters = rv_waitq_take_all(&b->waiters);
    uint32_t number = 0;
    for (struct rv_waiter *w = waiters; w != NULL; w = w->next) {
        w->tag = is_broken ? RV_BARRIER_BROKEN : number++;
    }
    b->count = 0;
    b->generation++;
    return waiters;
}

static int wait(rove_barrier *public, const struct rv_caller *caller)
{
    if (public == NULL) {
        return -EINVAL;
    }
    struct rv_barrier *b = barrier_of(public);
    if (b->parties == 0 || b->parties > INT_MAX) {
        return -EINVAL;
    }
    struct rv_waiter *waiters = NULL;
    struct rv_waiter w;
    rv_waiter_init(&w, caller->task);
    rv_lock_acquire(&b->lock);
    bool is_broken = b->is_broken != 0;
    bool is_last = !is_broken && is_complete(b);
    if (is_last) {
        waiters = take_round(b, false);
    } else if (!is_broken) {
        rv_waitq_push(&b->waiters, &w);
        b->count++;
    }
    int last_number = (int)b->parties - 1;
    rv_lock_release(&b->lock);
    if (is_broken) {
        return -EPIPE;
    }
    if (is_last) {
        rv_waiter_fire_list(waiters);
        return last_number;
    }
    int rc = rv_sync_wait(&b->waiters, &b->lock, &w, caller, RV_WAIT_BARRIER, b);
    if (rc != 0) {
        return rc;
    }
    return w.tag == RV_BARRIER_BROKEN ? -EPIPE : (int)w.tag;
}

int rove_barrier_wait(rove_barrier *b)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? wait(b, &caller) : -EPERM;
}

int rove_barrier_wait_blocking(rove_barrier *b, rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? wait(b, &caller) : -EPERM;
}

static void break_round(struct rv_barrier *b, bool stays_broken)
{
    rv_lock_acquire(&b->lock);
    b->is_broken = stays_broken;
    struct rv_waiter *waiters = take_round(b, true);
    rv_lock_release(&b->lock);
    rv_waiter_fire_list(waiters);
}

void rove_barrier_reset(rove_barrier *b)
{
    if (b != NULL) {
        break_round(barrier_of(b), false);
    }
}

void rove_barrier_abort(rove_barrier *b)
{
    if (b != NULL) {
        break_round(barrier_of(b), true);
    }
}
