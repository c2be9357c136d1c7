// SPDX-License-Identifier: MIT
/*
 * Purpose: task-local values: what task.c asks of them.
 */
#ifndef RV_SCHED_LOCAL_H
#define RV_SCHED_LOCAL_H

struct rv_task;

/* A new task, not yet started, inherits the values its parent has now. 0 or -ENOMEM. */
int rv_locals_copy(struct rv_task *child, const struct rv_task *parent);
void rv_locals_free(struct rv_task *t);

#endif
