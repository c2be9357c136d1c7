// SPDX-License-Identifier: MIT
/*
 * Purpose: event count: operating-system threads sleep until a condition of the caller's may hold.
 * Idea:    announce, look again, then sleep only if nothing was notified since the announcement.
 *
 *              sleeper                            notifier
 *              key = rv_park_prepare              make the condition true
 *              ---- full fence P1 ----            ---- full fence P1 ----
 *              condition true? rv_park_cancel     waiters == 0? done
 *              else rv_park_commit(key)           epoch += 1, futex wake
 *
 *          Store buffering with a full fence on both sides: either the sleeper sees the condition,
 *          or the notifier sees the waiter; then the epoch differs from key and the futex refuses
 *          to sleep, or the sleeper is already in the futex and is woken. So no wake-up is lost.
 *          A sleeper that was not meant may also return 0: callers look at the condition again.
 * Threads: any. The struct outlives all sleepers and notifiers.
 * Rejected: counting the sleepers inside the epoch word (one read-modify-write less, but every
 *          cancel would then look like a notification to the others).
 */
#ifndef RV_CORE_PARK_H
#define RV_CORE_PARK_H

#include <stdint.h>

#include "core/atomic.h"
#include "core/base.h"

/* All-zero is ready for use. */
struct rv_park {
    RV_ATOMIC(uint32_t) epoch;   /* futex word: grows with each notify that found a waiter */
    RV_ATOMIC(uint32_t) waiters; /* threads between prepare and the end of cancel or commit */
};

void rv_park_init(struct rv_park *p);

/* Each prepare is followed by exactly one cancel or commit of the same thread. */
RV_WARN_UNUSED uint32_t rv_park_prepare(struct rv_park *p);
void rv_park_cancel(struct rv_park *p);
/* Sleeps until a notification after prepare, or for timeout_ns (relative; negative: for ever).
 * Returns 0 or -ETIMEDOUT; signals do not end it. */
int rv_park_commit(struct rv_park *p, uint32_t key, int64_t timeout_ns);

void rv_park_notify_slow(struct rv_park *p, int count);

/* At least one of the threads now between prepare and commit's return will return 0. */
static inline void rv_park_notify_one(struct rv_park *p)
{
    /* order: full P1. The caller's condition before the look at waiters; with rv_park_prepare. */
    rv_fence_full();
    if (RV_UNLIKELY(rv_load_relaxed(&p->waiters) != 0))
        rv_park_notify_slow(p, 1);
}

static inline void rv_park_notify_all(struct rv_park *p)
{
    /* order: full P1. The caller's condition before the look at waiters; with rv_park_prepare. */
    rv_fence_full();
    if (RV_UNLIKELY(rv_load_relaxed(&p->waiters) != 0))
        rv_park_notify_slow(p, INT32_MAX);
}

#endif
