// SPDX-License-Identifier: MIT
/*
 * Purpose: io/kick.h in a simulation: a kick is an interrupt of a virtual thread, taken at its next
 *          point, in the middle of whatever it does there.
 * Threads: virtual ones.
 */
#include "io/kick.h"

#include "core/sim.h"
#include "io/reactor.h"
#include "sched/current.h"

static void on_kick(void)
{
    struct rv_worker *w = rv_current_worker();
    if (w != NULL) {
        rv_reactor_of(w->runtime)->kicked(w);
    }
}

int rv_kick_init(void)
{
    return 0;
}

void rv_kick_allow(void)
{
    rv_sim_allow_interrupts(true);
}

void rv_kick_forbid(void)
{
    rv_sim_allow_interrupts(false);
}

void rv_kick_mask(sigset_t *mask)
{
    sigemptyset(mask);
}

void rv_kick(const struct rv_worker *w)
{
    rv_sim_interrupt((unsigned)w->tid, on_kick);
    rv_sim_point();
}

/* What blocks a virtual thread ends by itself. */
pid_t rv_kick_break_begin(void)
{
    return 0;
}

void rv_kick_break_end(void)
{
}

void rv_kick_break(pid_t tid)
{
    (void)tid;
}
