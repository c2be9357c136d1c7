// SPDX-License-Identifier: MIT
/*
 * Purpose: what the simulated kernel draws can be written down beforehand.
 * Idea:    a tape is a row of bytes. As long as it lasts, a draw in the simulated kernel (which
 *          completion comes next, how late, how short, with which error) is its next byte and not
 *          the seed's number. A fuzzer that changes one byte changes one decision of the kernel.
 *          Who runs when still follows from the seed.
 * Threads: the simulation's.
 */
#ifndef RV_CORE_SIM_TAPE_H
#define RV_CORE_SIM_TAPE_H

#include <stddef.h>
#include <stdint.h>

#include "core/rand.h"

/* From now on; the bytes stay the caller's and must outlive the run. n 0: no tape. */
void rv_sim_tape_set(const uint8_t *bytes, size_t n);
/* In [0, n); n > 0. From the tape, or from rand when that is at its end. */
uint32_t rv_sim_tape_draw(struct rv_rand *rand, uint32_t n);

#endif
