// SPDX-License-Identifier: MIT
/*
 * Purpose: a look at the runtime while nobody can run: is a task runnable that nobody will run?
 */
#ifndef RV_SCHED_SIM_LOOK_H
#define RV_SCHED_SIM_LOOK_H

#include <stdbool.h>

/* core/sim.h: no thread can run and nothing is on its way; is_working: some task computes. */
void rv_sim_look_around(bool is_working);
/* Prints who waits for whom. */
void rv_sim_look_back(void);

#endif
