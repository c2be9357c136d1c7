// SPDX-License-Identifier: MIT
/*
 * Purpose: a task that overflows its stack is named before the process dies of it.
 */
#ifndef RV_SCHED_OVERFLOW_H
#define RV_SCHED_OVERFLOW_H

/* Before the first runtime starts, once a process in effect; any thread. */
void rv_overflow_start(void);

#endif
