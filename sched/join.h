// SPDX-License-Identifier: MIT
/*
 * Purpose: a task that awaits another which is the next to run: it makes way, and is on nobody's
 * list unless it comes to that.
 *
 * Idea: on a lone worker the one ready task lies in a word. If that is the one awaited, whoever
 * awaits it switches to it, and neither adds a cell nor parks: it stays ACTIVE, in the worker's
 * `after` (switch.h), as long as the child runs. Whichever comes first:
 *     the child ends      its parent is ready, behind what the child made ready
 *     the child stops     only now the parent's cell is added, and it is parked (settle)
 *     somebody here looks at the parent, or cancels it: the same, so that they find what they would
 *                         have found anyway
 * So a task that is created, awaited and ends without a wait costs one locked instruction (DONE and
 * the runtime's reference together) instead of three, and no other trip through a queue.
 * A cancellation from another thread finds the flag's place: it is delivered where the parent goes
 * on, as one that came in the midst of any step.
 *
 * Threads: the lone worker's own. With more workers, or in debug mode, a task is never made way
 * for: another thread could make use of the parent, or reports on it.
 */
#ifndef RV_SCHED_JOIN_H
#define RV_SCHED_JOIN_H

#include "core/base.h"
#include "sched/state.h"
#include "sched/waitq.h"

#include <stdbool.h>

struct rove_future;
struct rv_task;
struct rv_worker;

/* In the frame of who awaits; `future` is filled in by it, `is_listed` false. */
struct rv_join {
    struct rove_future *future;
    struct rv_waiter cell; /* once it is listed */
    bool is_solo;          /* .. the cell is the future's solo one, not in its queue */
    bool is_listed;
};

/* The running task's cell is added to the future it awaits. False: that is done already. */
bool rv_join_list(struct rv_join *j, struct rv_task *self);
/* Tries to make way for the future awaited, a task. False: nothing was done. True: it has run;
 * if j is not listed, to its end. Suspends. */
bool rv_join_make_way(struct rv_join *j, struct rv_task *self);
/* Owner: who made way, or left to park, and has not been parked yet: now. */
void rv_join_settle(struct rv_worker *w);

#endif
