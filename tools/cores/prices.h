// SPDX-License-Identifier: MIT
/*
 * Purpose: the prices of the machine that the tables of docs/many-cores.md are for.
 * Source:  rove-cores-probe with real-time priority on the two processors that rove is developed on,
 *          a virtual machine: an interrupt to the other one, so a wake-up or a barrier, costs there
 *          about ten times what it does on a machine of one's own. hit_ps is chosen so that a yield
 *          and a round trip on one simulated core take about as long as on a real one (14 and 106
 *          ns, bench/yield_many and bench/ping_pong with 1 worker); interrupt_ps is a guess.
 */
#ifndef ROVE_TOOLS_CORES_PRICES_H
#define ROVE_TOOLS_CORES_PRICES_H

#include "core/cores.h"

static const struct rv_cores_costs prices_here = {
    .hit_ps = 250,
    .rmw_ps = 5000,
    .fence_ps = 7000,
    .line_ps = 60000,
    .cold_ps = 220000,
    .spin_ps = 11000,
    .clock_ps = 18000,
    .call_ps = 131000,
    .wake_call_ps = 11400000,
    .wake_ps = 15000000,
    .barrier_ps = 14000000,
    .interrupt_ps = 2000000,
};

#endif
