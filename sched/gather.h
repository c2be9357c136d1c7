// SPDX-License-Identifier: MIT
/*
 * Purpose: the future that gathers others: what future.c and cancel.c ask of it.
 */
#ifndef RV_SCHED_GATHER_H
#define RV_SCHED_GATHER_H

#include <stdbool.h>

struct rove_future;

/* Any thread, with a reference: cancels every child. False: done, or no child accepted. */
bool rv_gather_cancel(struct rove_future *f, unsigned depth);

/* The last reference is gone: gives the children back. The caller frees the memory of f. */
void rv_gather_destroy(struct rove_future *f, struct rove_future **doomed);

#endif
