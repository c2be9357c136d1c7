// SPDX-License-Identifier: MIT
/*
 * Purpose: plain callbacks: what runtime.c asks of them.
 */
#ifndef RV_SCHED_CALL_H
#define RV_SCHED_CALL_H

struct rove_runtime;

/* When a runtime is made: 0 or -ENOMEM. */
int rv_calls_start(struct rove_runtime *runtime);
/* While workers run: callbacks that have not begun never will; new ones are refused. */
void rv_calls_stop(struct rove_runtime *runtime);
/* After the workers have ended. Handles may be released later still. NULL calls are allowed. */
void rv_calls_free(struct rove_runtime *runtime);

#endif
