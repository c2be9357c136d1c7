// SPDX-License-Identifier: MIT
/*
 * Purpose: plain threads that sleep in the library, for who wants to know whether any thread of
 *          the process could still do something.
 *
 * Idea: a thread that sleeps without a limit until a cell is fired does nothing before that. It is
 * listed, if anybody cares, with the cell; listed and not fired, it is as good as not there.
 *
 * Threads: any.
 */
#ifndef RV_SCHED_OUTSIDE_H
#define RV_SCHED_OUTSIDE_H

#include "core/list.h"
#include "sched/waitq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* In the frame of the thread that sleeps. */
struct rv_outsider {
    struct rv_list link;
    const struct rv_waiter *cell;
    pid_t tid;
};

/* Some runtime looks for deadlocks from here on; no more. */
void rv_outside_watch(void);
void rv_outside_unwatch(void);

/* The calling thread is about to sleep until the cell is fired; true: owes rv_outside_leave. */
bool rv_outside_enter(struct rv_outsider *o, const struct rv_waiter *cell);
void rv_outside_leave(struct rv_outsider *o);
/* How many have entered or left so far. */
uint64_t rv_outside_changes(void);

/* Sets those of n numbers to 0 that stand for a listed thread whose cell has not been fired. */
void rv_outside_strike(pid_t tids[], size_t n);

#endif
