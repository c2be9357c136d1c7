// SPDX-License-Identifier: MIT
/*
 * Purpose: what a thread does while a spin lock is not free.
 * Idea:    spin by reading, with pauses of 1, 2, 4 ... 64 turns, about 2 microseconds in all; then
 *          give the processor away after every look: the holder may need it.
 * Threads: any.
 */
#include "core/lock.h"

#include "core/os.h"

#define RV_LOCK_MAX_PAUSE 64u /* arbitrary */

RV_COLD RV_NO_LOCK_ANALYSIS void rv_lock_acquire_slow(struct rv_lock *l)
{
    uint32_t pause = 1;

    for (;;) {
        uint32_t free = 0;

        if (rv_load_relaxed(&l->word) == 0) {
            /* order: acquire L1. What the last holder wrote; pairs with rv_lock_release. */
            if (rv_cas_weak_acquire(&l->word, &free, 1u))
                return;
        }
        if (pause > RV_LOCK_MAX_PAUSE) {
            rv_os_sched_yield();
            continue;
        }
        for (uint32_t i = 0; i < pause; i++)
            rv_cpu_relax();
        pause *= 2;
    }
}
