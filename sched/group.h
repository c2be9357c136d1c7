// SPDX-License-Identifier: MIT
/*
 * Purpose: task groups: what task.c asks of them.
 */
#ifndef RV_SCHED_GROUP_H
#define RV_SCHED_GROUP_H

struct rv_task;

/* A task has ended: frees the error codes that its groups could not keep in place. */
void rv_group_forget_errors(struct rv_task *t);

#endif
