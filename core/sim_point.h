// SPDX-License-Identifier: MIT
/*
 * Purpose: where the simulation may take the processor away: before every atomic access, at every
 *          turn of a spin loop, in every call of core/os.h.
 * Idea:    the common case is a decrement: how many points pass until the next switch is drawn when
 *          a thread goes on. Most runs also lie in wait at one line of the source: whoever comes
 *          there may lose the processor for long, each time. A window of one instruction is then as
 *          likely as any. It is the n-th line that a run comes to for the first time, n drawn, so
 *          that a line where few ever come is as likely as one where all come always, and none is
 *          drawn that does not exist. core/sim.h has the rest.
 */
#ifndef RV_CORE_SIM_POINT_H
#define RV_CORE_SIM_POINT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"

#define RV_SIM_SITES 4096u /* numbers of lines of sources; few of the thousand share one */
/* This line's number: constant once compiled. */
#define RV_SIM_SITE                                                                       \
    ((__LINE__ + sizeof __FILE__ * 131u + (uint8_t)__FILE__[sizeof __FILE__ - 4] * 257u + \
      (uint8_t)__FILE__[sizeof __FILE__ - 5] * 1031u) % RV_SIM_SITES)

extern int32_t rv_sim_countdown;
extern uint32_t rv_sim_ambush_site; /* where a run lies in wait; RV_SIM_SITES: nowhere */
extern bool rv_sim_met[RV_SIM_SITES]; /* has anybody come there in this run? */

/* The count is over: another virtual thread may run now. */
void rv_sim_preempt(void);
/* Somebody is there for the first time. */
void rv_sim_meet(uint32_t site);
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
    if (RV_UNLIKELY(!rv_sim_met[site]))
        rv_sim_meet(site);
    if (RV_UNLIKELY(site == rv_sim_ambush_site))
        rv_sim_ambush();
}

#endif
