// SPDX-License-Identifier: MIT
/*
 * Purpose: Ctrl-C ends rove_run in good order: the first SIGINT cancels main, the second kills.
 */
#ifndef RV_SCHED_INTERRUPT_H
#define RV_SCHED_INTERRUPT_H

#include <rove/task.h>

#include <stdbool.h>

struct rove_runtime;

/* rove_run's thread, before main. True: SIGINT is caught, and the other two must follow. */
bool rv_interrupt_begin(struct rove_runtime *runtime);
/* The same thread: SIGINT cancels this task, borrowed until the end. NULL: nothing happens. */
void rv_interrupt_aim(rove_task *main);
/* The same thread, main has ended with rc and the runtime has not. What rove_run returns: -EINTR if
 * a SIGINT came and main let itself be cancelled. */
int rv_interrupt_end(int rc);
/* Any thread: a task waits for SIGINT itself from now on. */
void rv_interrupt_give_up(void);

#endif
