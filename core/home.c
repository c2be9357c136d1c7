// SPDX-License-Identifier: MIT
/*
 * Purpose: the lock with a home: visits, and who comes to be at home.
 * Threads: see the header, which carries the argument.
 */
#include "core/home.h"

#include "core/os.h"

#define RV_HOME_SPINS 200u /* then yield: who is at home may have been preempted; arbitrary */

/*
 * In `home`, with CANDIDATE: it was at home once, so nobody else may ever be. A thread that was
 * stopped after it had seen that it is at home raises the flag whenever it goes on, and lowers it
 * again: were the flag another's by then, that one would be inside without a flag.
 */
#define RV_HOME_BOUND 2u

#define RV_HOME_BITS ((uintptr_t)(RV_HOME_CANDIDATE | RV_HOME_BOUND))

RV_COLD void rv_home_evict(struct rv_home *h, const void *me)
{
    uintptr_t name = rv_load_relaxed(&h->home) & ~RV_HOME_BITS;
    rv_store_relaxed(&h->home, name | RV_HOME_BITS);
    if (name == (uintptr_t)me) {
        return; /* it is here, so not inside */
    }
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

RV_COLD bool rv_home_settle(struct rv_home *h, const void *me)
{
    uintptr_t home = rv_load_relaxed(&h->home);
    if ((home & RV_HOME_BOUND) != 0 && (home & ~RV_HOME_BITS) != (uintptr_t)me) {
        return false;
    }
    rv_store_relaxed(&h->home, (uintptr_t)me);
    return true;
}

RV_NO_LOCK_ANALYSIS bool rv_home_enter_slow(struct rv_home *h, const void *me)
{
    rv_lock_acquire(&h->lock);
    uintptr_t home = rv_load_relaxed(&h->home);
    uintptr_t name = home & ~RV_HOME_BITS;
    if (home == name && name != 0) {
        rv_home_evict(h, me);
        h->streak = 0;
    } else if (name != (uintptr_t)me || me == NULL) {
        h->streak = 0;
        if ((home & RV_HOME_BOUND) == 0) {
            rv_store_relaxed(&h->home, (uintptr_t)me | RV_HOME_CANDIDATE);
        }
    } else if (++h->streak >= RV_HOME_STREAK) {
        rv_store_relaxed(&h->home, name); /* from the next time on */
    }
    return false;
}
