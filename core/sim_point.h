// SPDX-License-Identifier: MIT
/*
 * Purpose: where the simulation may take the processor away: before every atomic access, at every
 *          turn of a spin loop, in every call of core/os.h.
 * Idea:    the common case is a decrement: how many points pass until the next switch is drawn when
 *          a thread goes on. Half of the runs also lie in wait at one line of the source: whoever
 *          comes there may lose the processor for long, each time. A window of one instruction is
 *          then as likely as any. core/sim.h has the rest.
 */
#ifndef RV_CORE_SIM_POINT_H
#define RV_CORE_SIM_POINT_H

#include <stdint.h>

#include "core/base.h"

#define RV_SIM_SITES 256 /* lines of a source, remainder: few share a number where it matters */

extern int32_t rv_sim_countdown;
extern uint32_t rv_sim_ambush_site; /* where a run lies in wait; RV_SIM_SITES: nowhere */

/* The count is over: another virtual thread may run now. */
void rv_sim_preempt(void);
/* The site of the ambush has been reached. */
void rv_sim_ambush(void);
/* A turn of a spin loop: somebody else runs, if anybody can. */
void rv_sim_spin(void);

static RV_ALWAYS_INLINE void rv_sim_point(void)
{
    if (RV_UNLIKELY(--rv_sim_countdown < 0))
        rv_sim_preempt();
}

static RV_ALWAYS_INLINE void rv_sim_point_at(uint32_t site)
{
    rv_sim_point();
    if (RV_UNLIKELY(site == rv_sim_ambush_site))
        rv_sim_ambush();
}

#endif
