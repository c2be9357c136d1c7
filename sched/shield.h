// SPDX-License-Identifier: MIT
/*
 * Purpose: shields, rove_shield: what future.c asks of them.
 */
#ifndef RV_SCHED_SHIELD_H
#define RV_SCHED_SHIELD_H

#include <stdbool.h>

struct rove_future;
struct rv_doomed;
struct rv_outer;

/* Any thread, with a reference: cancels the shield, not what it shields. False: done already. */
bool rv_shield_cancel(struct rove_future *f);

/* The last reference is gone: gives the inner future back. The caller frees the memory of f. */
void rv_shield_destroy(struct rove_future *f, struct rv_doomed *doomed);

struct rv_outer *rv_shield_outer(struct rove_future *f);
/* With what may be the last handle: is there something to let go? */
bool rv_shield_holds(struct rove_future *f);
/* With the last handle: releases what is not done. */
void rv_shield_let_go(struct rove_future *f, struct rv_doomed *doomed);

#endif
