// SPDX-License-Identifier: MIT
/*
 * Purpose: shields, rove_shield: what future.c asks of them.
 */
#ifndef RV_SCHED_SHIELD_H
#define RV_SCHED_SHIELD_H

#include <stdbool.h>

struct rove_future;

/* Any thread, with a reference: cancels the shield, not what it shields. False: done already. */
bool rv_shield_cancel(struct rove_future *f);

/* The last reference is gone: gives the inner future back. The caller frees the memory of f. */
void rv_shield_destroy(struct rove_future *f, struct rove_future **doomed);

#endif
