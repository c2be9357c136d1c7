// SPDX-License-Identifier: MIT
/*
 * Purpose: where a runnable task goes, and which one a worker runs next.
 */
#ifndef RV_SCHED_READY_H
#define RV_SCHED_READY_H

#include "core/base.h"

#include <stdbool.h>

struct rove_runtime;
struct rv_task;
struct rv_worker;

/* Any thread; the caller owns t, which is ACTIVE. On a worker of its runtime: the end of its
 * queue. */
void rv_ready_push(struct rv_task *t);
/* The same, on worker w's own thread. */
void rv_ready_push_local(struct rv_worker *w, struct rv_task *t);
/* Owner: a suspended eager parent, newest first. */
void rv_ready_push_cont(struct rv_worker *w, struct rv_task *t);
/* Owner: the next local task, or NULL: nothing here, or it is time to look around. */
struct rv_task *rv_ready_pick(struct rv_worker *w);
/* Owner, when looking around: as rv_ready_pick, but queued and pinned tasks go before conts. */
struct rv_task *rv_ready_pick_fair(struct rv_worker *w);
/* Owner: none of its own tasks is ready; it may be running one. */
bool rv_ready_is_empty(const struct rv_worker *w);
/* Owner: takes its share of the injection queue. */
void rv_ready_take_injected(struct rv_worker *w);

#endif
