// SPDX-License-Identifier: MIT
/*
 * Purpose: a spin lock that costs no locked instruction as long as one thread uses it.
 * Idea:    the first thread that has entered often in succession has the lock as its home. There it
 *          raises a flag and looks whether it is still at home; anybody else takes a plain spin
 *          lock and makes sure that it is not. It may come home again; no other thread ever does.
 *
 *              at home                     visitor (holds `lock`)
 *              busy = 1                    home = none
 *              rv_fence_light   H1         rv_fence_heavy   H1
 *              home == me ?                busy == 0 ?      (waits for it)
 *
 *          Store buffering with an asymmetric fence pair, as in core/bias.h: they cannot both miss
 *          the other. The heavy fence is a system call; so a home is given only after
 *          RV_HOME_STREAK entries in succession, over which its price is spread.
 *          A user with a word of its own that others change without `lock` (the mutex) calls
 *          rv_home_settle and rv_home_evict itself.
 * Threads: any; a home is a thread that has a name of its own, an address that no other living
 *          thread has. No suspension inside.
 * Rejected: core/bias.h, whose owner is fixed and whose helpers may give up.
 */
#ifndef RV_CORE_HOME_H
#define RV_CORE_HOME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/atomic.h"
#include "core/base.h"
#include "core/lock.h"

#ifndef RV_HOME_STREAK
#define RV_HOME_STREAK 1000 /* a heavy fence costs as much as some hundred entries */
#endif
#define RV_HOME_CANDIDATE 1u /* in `home`: that thread is not at home, but may come to be */

/* All-zero is free, and nobody's home. */
struct rv_home {
    struct rv_lock lock;
    RV_ATOMIC(uint8_t) busy;   /* written by the one thread that may be at home */
    bool is_closed;            /* the user's, guarded as all else; here for want of room */
    uint16_t streak;           /* the candidate's entries in succession; holder of lock */
    RV_ATOMIC(uintptr_t) home; /* a name, with the bits of home.c; holder of lock */
};

/* The lock is held; true: at home, to be told to rv_home_leave. */
bool rv_home_enter_slow(struct rv_home *h, const void *me);

/* `lock` is held. True: `me` is at home from now on. False: another was once, so nobody is. */
bool rv_home_settle(struct rv_home *h, const void *me);
/* `lock` is held, by thread `me` (NULL: no name). Whoever is at home is so no more, and not inside.
 */
void rv_home_evict(struct rv_home *h, const void *me);

/* `me`: the calling thread's name, even, not NULL. False: not at home, and not inside. */
RV_NO_LOCK_ANALYSIS static RV_ALWAYS_INLINE bool rv_home_try_enter(struct rv_home *h,
                                                                   const void *me)
{
    if (RV_UNLIKELY(rv_load_relaxed(&h->home) != (uintptr_t)me)) {
        return false;
    }
    rv_store_relaxed(&h->busy, 1);
    /* order: light H1. busy before the look at home; with heavy in rv_home_enter_slow. */
    rv_fence_light();
    if (RV_UNLIKELY(rv_load_relaxed(&h->home) != (uintptr_t)me)) {
        /* order: release H2. Earlier sections, as in rv_home_leave. */
        rv_store_release(&h->busy, 0);
        return false;
    }
    return true;
}

/* `me`: as above; NULL: the calling thread has no name. */
RV_NO_LOCK_ANALYSIS static RV_ALWAYS_INLINE bool rv_home_enter(struct rv_home *h, const void *me)
{
    return RV_LIKELY(me != NULL && rv_home_try_enter(h, me)) || rv_home_enter_slow(h, me);
}

RV_NO_LOCK_ANALYSIS static RV_ALWAYS_INLINE void rv_home_leave(struct rv_home *h, bool is_at_home)
{
    if (RV_LIKELY(is_at_home)) {
        /* order: release H2. The section before the flag; pairs with rv_home_enter_slow. */
        rv_store_release(&h->busy, 0);
    } else {
        rv_lock_release(&h->lock);
    }
}

#endif
