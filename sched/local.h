// SPDX-License-Identifier: MIT
/*
 * Purpose: task-local values: what task.c asks of them.
 */
#ifndef RV_SCHED_LOCAL_H
#define RV_SCHED_LOCAL_H

#include "core/atomic.h"

struct rv_task;

/* The last number given to a key of the program. Not static, so that models start anew. */
extern RV_ATOMIC(uint32_t) rv_local_last_key;

/* A new task, not yet started, inherits the values its parent has now. 0 or -ENOMEM. */
int rv_locals_copy(struct rv_task *child, const struct rv_task *parent);
void rv_locals_free(struct rv_task *t);

#endif
