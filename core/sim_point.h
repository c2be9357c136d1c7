// SPDX-License-Identifier: MIT
/*
 * Purpose: where the simulation may take the processor away: before every atomic access, at every
 *          turn of a spin loop, in every call of core/os.h.
 * Idea:    the common case is a decrement: how many points pass until the next switch is drawn when
 *          a thread goes on. core/sim.h has the rest.
 */
#ifndef RV_CORE_SIM_POINT_H
#define RV_CORE_SIM_POINT_H

#include <stdint.h>

#include "core/base.h"

extern int32_t rv_sim_countdown;

/* The count is over: another virtual thread may run now. */
void rv_sim_preempt(void);
/* A turn of a spin loop: somebody else runs, if anybody can. */
void rv_sim_spin(void);

static RV_ALWAYS_INLINE void rv_sim_point(void)
{
    if (RV_UNLIKELY(--rv_sim_countdown < 0))
        rv_sim_preempt();
}

#endif
