// SPDX-License-Identifier: MIT
/*
 * Purpose: a lock biased to one owner thread, which enters and leaves with no locked instruction.
 * Idea:    two flags, one for each side; each raises its own, then looks at the other's.
 *
 *              owner                       helper (at most one: it won the CAS on `helper`)
 *              busy = 1                    helper: 0 -> 1
 *              rv_fence_light   B1         rv_fence_heavy   B1
 *              helper == 0 ?               busy == 0 ?       (spins a bounded time)
 *
 *          Store buffering with an asymmetric fence pair (core/atomic.h): they cannot both read
 *          zero, so they cannot both be inside. On conflict the owner steps back (busy = 0) and
 *          waits, which makes the helper's wait short unless the owner is stopped *inside*; then
 *          the helper gives up. The owner never waits longer than one helper section.
 *          Leaving is a release store of one's flag, read with acquire by the other side: what one
 *          side wrote inside, the next one inside sees.
 * Threads: owner_* by one thread (hand-over of the owner role needs its own happens-before);
 *          try_enter and leave by any other. No suspension inside.
 * Rejected: a plain rv_lock: 5 ns of locked instruction on every pop of every task.
 */
#ifndef RV_CORE_BIAS_H
#define RV_CORE_BIAS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/atomic.h"
#include "core/base.h"
#include "core/check.h"

/* All-zero is free. */
struct rv_bias {
    RV_ATOMIC(uint32_t) busy;   /* written by the owner only */
    RV_ATOMIC(uint32_t) helper; /* 0 -> 1 by CAS, back by the same thread */
};

void rv_bias_owner_enter_slow(struct rv_bias *b);

static inline void rv_bias_init(struct rv_bias *b)
{
    rv_store_relaxed(&b->busy, 0u);
    rv_store_relaxed(&b->helper, 0u);
}

static RV_ALWAYS_INLINE void rv_bias_owner_enter(struct rv_bias *b)
{
    RV_ASSERT(rv_load_relaxed(&b->busy) == 0, "the bias lock is not recursive");
    rv_store_relaxed(&b->busy, 1u);
    /* order: light B1. busy before the look at helper; with heavy in rv_bias_try_enter. */
    rv_fence_light();
    /* order: acquire B2. What the last helper did inside; pairs with rv_bias_leave. */
    if (RV_UNLIKELY(rv_load_acquire(&b->helper) != 0))
        rv_bias_owner_enter_slow(b);
}

static RV_ALWAYS_INLINE void rv_bias_owner_leave(struct rv_bias *b)
{
    RV_ASSERT(rv_load_relaxed(&b->busy) == 1, "the owner leaves what it entered");
    /* order: release B2. What the owner did inside; pairs with the acquire in rv_bias_try_enter. */
    rv_store_release(&b->busy, 0u);
}

/* Any thread but the owner. False when another helper is inside, or the owner stayed inside for the
 * whole bounded spin. Costs one heavy fence. */
RV_WARN_UNUSED bool rv_bias_try_enter(struct rv_bias *b);

static inline void rv_bias_leave(struct rv_bias *b)
{
    RV_ASSERT(rv_load_relaxed(&b->helper) == 1, "a helper leaves what it entered");
    /* order: release B2. What the helper did inside; pairs with rv_bias_owner_enter. */
    rv_store_release(&b->helper, 0u);
}

#endif
