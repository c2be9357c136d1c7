// SPDX-License-Identifier: MIT
/*
 * Purpose: shields, rove_shield: what future.c asks of them.
 */
#ifndef RV_SCHED_SHIELD_H
#define RV_SCHED_SHIELD_H

struct rove_future;

/* The last reference is gone: gives the inner future back. The caller frees the memory of f. */
void rv_shield_destroy(struct rove_future *f);

#endif
