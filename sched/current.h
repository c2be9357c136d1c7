// SPDX-License-Identifier: MIT
/*
 * Purpose: the only thread-locals of the library, behind functions that compilers cannot fold.
 *
 * Idea: a task may wake on another thread, and compilers keep a thread-local's address over a
 * call. So every read is a call into current.c that loads the value (HAZARDS 1).
 */
#ifndef RV_SCHED_CURRENT_H
#define RV_SCHED_CURRENT_H

struct rv_task;
struct rv_worker;

/* The worker whose thread this is, or NULL. Stale after anything that may suspend. */
struct rv_worker *rv_current_worker(void);
void rv_current_set_worker(struct rv_worker *w);

/* The task that runs here, or NULL: outside a runtime, in a scheduler context, in a callback
 * task. */
struct rv_task *rv_current_task(void);

#endif
