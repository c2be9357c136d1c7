// SPDX-License-Identifier: MIT
/*
 * Purpose: plain callbacks: what runtime.c asks of them.
 */
#ifndef RV_SCHED_CALL_H
#define RV_SCHED_CALL_H

#include <rove/task.h>

struct rove_runtime;
struct rv_calls; /* a runtime's; may outlive it */

/* When a runtime is made: 0 or -ENOMEM. */
int rv_calls_start(struct rove_runtime *runtime);
/* While workers run: callbacks that have not begun never will; new ones are refused. */
void rv_calls_stop(struct rove_runtime *runtime);
/* While workers run: from now on nobody outside makes hidden tasks by rv_calls_run_hidden. Who is
 * doing so is counted among the visitors. */
void rv_calls_close(struct rove_runtime *runtime);
/* After the workers have ended. Handles may be released later still. NULL calls are allowed. */
void rv_calls_free(struct rove_runtime *runtime);

/* A reference for what is to be called when the runtime may be gone. */
struct rv_calls *rv_calls_retain(struct rv_calls *calls);
void rv_calls_release(struct rv_calls *calls);
/* Any thread: fn(ctx) in a hidden task of the runtime. 0 · -ENOMEM · -ESHUTDOWN: it has ended. */
int rv_calls_run_hidden(struct rv_calls *calls, rove_coro *fn, void *ctx);

#endif
