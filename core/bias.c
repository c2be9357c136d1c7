// SPDX-License-Identifier: MIT
/*
 * Purpose: the two contended paths of the biased lock.
 * Threads: see the header, which carries the argument.
 */
#include "core/bias.h"

#include "core/os.h"

#ifndef RV_BIAS_HELPER_SPINS      /* a model has few */
#define RV_BIAS_HELPER_SPINS 200u /* about 5 us, many times an owner section; arbitrary */
#endif
#define RV_BIAS_OWNER_SPINS 200u  /* then yield: the helper may have been preempted; arbitrary */

RV_COLD void rv_bias_owner_enter_slow(struct rv_bias *b)
{
    uint32_t spins = 0;

    do {
        /* order: release B2. Nothing of ours is inside; pairs with rv_bias_try_enter. */
        rv_store_release(&b->busy, 0u);
        while (rv_load_relaxed(&b->helper) != 0) {
            if (++spins < RV_BIAS_OWNER_SPINS)
                rv_cpu_relax();
            else
                rv_os_sched_yield();
        }
        rv_store_relaxed(&b->busy, 1u);
        /* order: light B1. busy before the look at helper; with heavy in rv_bias_try_enter. */
        rv_fence_light();
        /* order: acquire B2. What the last helper did inside; pairs with rv_bias_leave. */
    } while (rv_load_acquire(&b->helper) != 0);
}

bool rv_bias_try_enter(struct rv_bias *b)
{
    uint32_t none = 0;

    if (rv_load_relaxed(&b->helper) != 0)
        return false;
    /* order: acquire B2. What the last helper did inside; pairs with rv_bias_leave. */
    if (!rv_cas_acquire(&b->helper, &none, 1u))
        return false;
    /* order: heavy B1. helper before the look at busy; with light in rv_bias_owner_enter. */
    rv_fence_heavy();
    for (uint32_t spins = 0; spins < RV_BIAS_HELPER_SPINS; spins++) {
        /* order: acquire B2. What the owner did inside; pairs with rv_bias_owner_leave. */
        if (rv_load_acquire(&b->busy) == 0)
            return true;
        rv_cpu_relax();
    }
    rv_bias_leave(b);
    return false;
}
