// SPDX-License-Identifier: MIT
/*
 * Purpose: the walker's side.
 * Threads: see the header, which carries the argument.
 */
#include "core/walk.h"

#include "core/os.h"

#define RV_WALK_SPINS 200u /* then yield: the owner may have been preempted; arbitrary */

void rv_walk_begin(struct rv_walk *walk)
{
    rv_fetch_add_relaxed(&walk->walkers, 1u);
    /* order: heavy J4. walkers before the look at is_inside; with light in rv_walk_enter. */
    rv_fence_heavy();
}

void rv_walk_wait(const struct rv_walk_owner *owner)
{
    uint32_t spins = 0;

    /* order: acquire J5. What the owner stored inside; pairs with rv_walk_leave. */
    while (rv_load_acquire(&owner->is_inside) != 0) {
        if (++spins < RV_WALK_SPINS)
            rv_cpu_relax();
        else
            rv_os_sched_yield();
    }
}

void rv_walk_end(struct rv_walk *walk)
{
    /* order: release J5. The references taken meanwhile; pairs with rv_walk_enter. */
    uint32_t before = rv_fetch_sub_release(&walk->walkers, 1u);

    RV_CHECK(before > 0, "a walk ends once");
}
