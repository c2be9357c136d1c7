// SPDX-License-Identifier: MIT
/*
 * Purpose: cancellation: where a request goes. The word is state.c's, delivery is each wait's.
 */
#ifndef RV_SCHED_CANCEL_H
#define RV_SCHED_CANCEL_H

struct rove_future;
struct rv_task;

/* The task is about to await f, which is not done: a pending cancellation goes to f. Never
 * suspends. */
void rv_cancel_before_await(struct rv_task *self, struct rove_future *f);

#endif
