// SPDX-License-Identifier: MIT
/*
 * Purpose: the lock with a home: visits, and who comes to be at home.
 * Threads: see the header, which carries the argument.
 */
#include "core/home.h"

#include "core/os.h"

#define RV_HOME_SPINS 200u /* then yield: who is at home may have been preempted; arbitrary */

/* Lock held. Whoever was at home is so no more, and not inside. */
static RV_COLD void evict(struct rv_home *h)
{
    rv_store_relaxed(&h->home, (uintptr_t)0);
    /* order: heavy H1. home before the look at busy; with light in rv_home_enter. */
    rv_fence_heavy();
    /* order: acquire H2. What was done at home; pairs with rv_home_leave. */
    for (unsigned spins = 0; rv_load_acquire(&h->busy) != 0; spins++) {
        if (spins < RV_HOME_SPINS) {
            rv_cpu_relax();
        } else {
            rv_os_sched_yield();
        }
    }
}

RV_NO_LOCK_ANALYSIS bool rv_home_enter_slow(struct rv_home *h, const void *me)
{
    const uintptr_t candidate = (uintptr_t)me | RV_HOME_CANDIDATE;
    rv_lock_acquire(&h->lock);
    uintptr_t home = rv_load_relaxed(&h->home);
    if (home != 0 && (home & RV_HOME_CANDIDATE) == 0) {
        evict(h);
    }
    if (home != candidate) {
        rv_store_relaxed(&h->home, candidate);
        h->streak = 0;
    } else if (me != NULL && ++h->streak >= RV_HOME_STREAK) {
        rv_store_relaxed(&h->home, (uintptr_t)me); /* from the next time on */
    }
    return false;
}
