// SPDX-License-Identifier: MIT
/*
 * Purpose: the future that gathers others: what future.c and cancel.c ask of it.
 */
#ifndef RV_SCHED_GATHER_H
#define RV_SCHED_GATHER_H

#include <stdbool.h>

struct rove_future;
struct rv_doomed;
struct rv_outer;

/* Any thread, with a reference: cancels every child. False: done, or no child accepted. */
bool rv_gather_cancel(struct rove_future *f, unsigned depth);

/* The last reference is gone: gives the children back. The caller frees the memory of f. */
void rv_gather_destroy(struct rove_future *f, struct rv_doomed *doomed);

struct rv_outer *rv_gather_outer(struct rove_future *f);
/* With what may be the last handle: is there something to let go? */
bool rv_gather_holds(struct rove_future *f);
/* With the last handle: releases what is not done. */
void rv_gather_let_go(struct rove_future *f, struct rv_doomed *doomed);
/* A child that was let go has ended undone. True: the last; the caller drops the reference. */
bool rv_gather_give_up(struct rove_future *f);

#endif
