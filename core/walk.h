// SPDX-License-Identifier: MIT
/*
 * Purpose: who walks over all objects and takes references by exchanges, beside owners who change
 * an object that nobody else can know by plain stores.
 * Idea:    an owner is inside for a few instructions, and only while nobody walks.
 *
 *              owner                       walker (any number)
 *              is_inside = 1               walkers += 1
 *              rv_fence_light   J4         rv_fence_heavy   J4
 *              walkers == 0 ?              each owner: wait until is_inside == 0
 *
 *          Store buffering with an asymmetric fence pair: if the owner found no walker, the walker
 *          finds the owner inside, and waits until its store is done. So the exchange of a walker
 *          never falls between an owner's look at the word and its store (J5).
 * Threads: enter and leave by the owner; the rest by any thread but an owner that is inside.
 * Rejected: a biased lock (core/bias.h): an owner would wait for a walk over a million tasks.
 */
#ifndef RV_CORE_WALK_H
#define RV_CORE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/atomic.h"
#include "core/base.h"
#include "core/check.h"

/* Both all-zero at first. */
struct rv_walk {
    RV_ATOMIC(uint32_t) walkers;
};

struct rv_walk_owner {
    RV_ATOMIC(uint32_t) is_inside; /* written by the owner only */
};

/* True: nobody walks until rv_walk_leave. To be left in any case, and soon. */
RV_WARN_UNUSED static RV_ALWAYS_INLINE bool rv_walk_enter(struct rv_walk_owner *owner,
                                                          const struct rv_walk *walk)
{
    RV_ASSERT(rv_load_relaxed(&owner->is_inside) == 0, "an owner enters once");
    rv_store_relaxed(&owner->is_inside, 1u);
    /* order: light J4. is_inside before the look at walkers; with heavy in rv_walk_begin. */
    rv_fence_light();
    /* order: acquire J5. The references that walkers have taken; pairs with rv_walk_end. */
    return RV_LIKELY(rv_load_acquire(&walk->walkers) == 0);
}

static RV_ALWAYS_INLINE void rv_walk_leave(struct rv_walk_owner *owner)
{
    /* order: release J5. What was stored inside; pairs with rv_walk_wait. */
    rv_store_release(&owner->is_inside, 0u);
}

/* Then rv_walk_wait for each owner; then the walk; then rv_walk_end. */
void rv_walk_begin(struct rv_walk *walk);
void rv_walk_wait(const struct rv_walk_owner *owner);
void rv_walk_end(struct rv_walk *walk);

#endif
