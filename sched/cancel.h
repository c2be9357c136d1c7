// SPDX-License-Identifier: MIT
/*
 * Purpose: cancellation: where a request goes. The word is state.c's, delivery is each wait's.
 */
#ifndef RV_SCHED_CANCEL_H
#define RV_SCHED_CANCEL_H

#include <stdbool.h>

struct rove_future;
struct rv_many;
struct rv_task;

/* The running task took a request, and what it awaits is asked first. False: nobody there accepts,
 * or only itself would, round a circle of awaits. Never suspends. */
bool rv_cancel_pass_on(struct rv_task *self, struct rove_future *f);
bool rv_cancel_pass_on_many(struct rv_task *self, struct rv_many *m);

/* The task is about to await f, which is not done: a pending cancellation goes to f. Never
 * suspends. */
void rv_cancel_before_await(struct rv_task *self, struct rove_future *f);

#endif
