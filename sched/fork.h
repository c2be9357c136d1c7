// SPDX-License-Identifier: MIT
/*
 * Purpose: what is left of a runtime in a child of fork: nothing that may be used.
 *
 * Idea: of the threads only the one that forked is there, the rings and descriptors are the
 * parent's. So a runtime remembers how many forks lay behind it when it started, and is dead where
 * there is one more. A child that was forked in a task can only exec or _exit: its thread is the
 * worker's, but rv_current_worker says NULL there, so calls for tasks return -EPERM.
 *
 * Threads: any. The count is written in the child's only thread.
 */
#ifndef RV_SCHED_FORK_H
#define RV_SCHED_FORK_H

#include "sched/runtime.h"

#include <stdbool.h>

/* Forks in a running runtime's process, from its first ancestor to this process. */
extern unsigned rv_fork_count;
/* In a child that was forked by a task. */
extern bool rv_fork_in_task;

/* Before the first runtime starts: 0, -ENOMEM; -EPERM in a child forked by a task. */
int rv_fork_start(struct rove_runtime *runtime);

/* True: it is the parent's; nothing of it may be touched. */
static inline bool rv_fork_is_dead(const struct rove_runtime *runtime)
{
    return RV_UNLIKELY(runtime->fork_count != rv_fork_count);
}

/* A task returned in the child: there is nobody to return to. */
RV_COLD RV_NORETURN void rv_fork_end_child(const struct rv_task *t);

#endif
