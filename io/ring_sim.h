// SPDX-License-Identifier: MIT
/*
 * Purpose: what a simulation asks of its rings beside io/ring.h.
 */
#ifndef RV_IO_RING_SIM_H
#define RV_IO_RING_SIM_H

#include <stdbool.h>
#include <stddef.h>

/* There are no rings. Before each run. */
void rv_ring_sim_reset(void);
/* Is a byte of [addr, addr + n) in the buffer of an operation that the kernel has not ended? */
bool rv_ring_sim_owns(const void *addr, size_t n);

#endif
