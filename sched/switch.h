// SPDX-License-Identifier: MIT
/*
 * Purpose: the switch itself: from a task to the next, and what the next does for the one that
 * left.
 *
 * Idea: a task that stops names an after-switch action, picks the next task of its worker and jumps
 * straight to it, or to the scheduler context when there is none or it is time to look around. The
 * first thing on arrival, wherever that is, is rv_switch_arrive: it carries out the action for the
 * task that left, whose registers are saved by then.
 *
 * Threads: a worker's own.
 */
#ifndef RV_SCHED_SWITCH_H
#define RV_SCHED_SWITCH_H

#include "sched/worker.h"

struct rv_task;

/* A task leaves its worker; returns when it runs again, perhaps on another. Not for the finish. */
void rv_switch_away(struct rv_task *self, enum rv_after after);
/* An eager child runs at once; self becomes a continuation that may be stolen. */
void rv_switch_to_child(struct rv_task *self, struct rv_task *child);
/* The task has ended: where to go, with *next as argument, by rv_context_exit_switch. */
struct rv_context *rv_switch_before_exit(struct rv_task *self, struct rv_task **next);
/* The scheduler context runs t until something comes back to it. */
void rv_switch_from_scheduler(struct rv_worker *w, struct rv_task *t);
/* First act of a task that starts. */
void rv_switch_arrive(struct rv_worker *w);

#endif
