// SPDX-License-Identifier: MIT
/*
 * Purpose: what task.c asks of timeout blocks.
 */
#ifndef RV_SCHED_TIMEOUT_H
#define RV_SCHED_TIMEOUT_H

struct rv_task;

/* A task that returns is in no timeout block any more: its frame, where the timer is, goes away. */
void rv_timeout_check_left(const struct rv_task *t);

#endif
