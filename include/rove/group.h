// SPDX-License-Identifier: MIT
/*
 * Purpose: task groups: children that never outlive the block that started them.
 * Idea:    enter · create_task … · exit. The exit waits for all; the first child to fail cancels
 *          its siblings and the parent's block.
 * Threads: tasks only; enter and exit in the same task, create_task in it or in any child.
 */
#ifndef ROVE_GROUP_H
#define ROVE_GROUP_H

#include <rove/base.h>
#include <rove/task.h>

ROVE_BEGIN_DECLS

/* In place: lives in the frame of the task that entered it, until the exit returns. */
typedef struct rove_task_group {
    void *opaque[16];
} rove_task_group;

/**
 * Begin a group; the calling task is its parent.
 *
 * g  the caller's storage; rove_task_group_exit must follow in the same task. NULL: no group.
 *
 * Returns nothing.
 * Threads: task. Suspends: no. Cost: none.
 * asyncio: async with TaskGroup().
 */
ROVE_API void rove_task_group_enter(rove_task_group *g);

/**
 * Start a child.
 *
 * g        entered.
 * fn, arg  as in rove_create_task.
 *
 * Returns a borrowed handle, valid until the exit returns; NULL after the group was shut (a child
 * failed, it was cancelled, it ended) or was none, when memory is exhausted, or outside a task.
 * Threads: task. Suspends: no. Cost: as rove_create_task.
 * asyncio: TaskGroup.create_task.
 */
ROVE_API rove_task *rove_task_group_create_task(rove_task_group *g, rove_coro *fn, void *arg);

/**
 * Cancel the children; the parent's block goes on and no more children can be started.
 *
 * g  entered.
 *
 * Returns 0, also when it was shut already · -EINVAL (not entered, or left; NULL) · -EPERM.
 * Threads: task. Suspends: no. Cost: one request per child.
 * asyncio: TaskGroup.cancel. Differs: the block itself is not cancelled.
 */
ROVE_API int rove_task_group_cancel(rove_task_group *g);

/**
 * Wait until every child has ended, then end the group.
 *
 * g   entered by the calling task.
 * rc  what the block came to; < 0 cancels the children first.
 *
 * Returns rc's own error, else the error of the first child that failed (-ECANCELED of a child
 * is no failure), else 0. Cancelled meanwhile: the children are cancelled, and -ECANCELED. -EPERM
 * when the caller has not entered it, or has left it; -EINVAL for NULL.
 * Threads: task. Suspends: until every child ended. Cost: one release per child.
 * asyncio: TaskGroup.__aexit__.
 */
ROVE_API int rove_task_group_exit(rove_task_group *g, int rc);

/**
 * The errors of the children that failed, in the order in which they did.
 *
 * g         left by rove_task_group_exit.
 * errors    receives up to capacity codes; may be NULL when capacity is 0.
 * capacity  how many fit; a group short of memory remembers the first 16 and the count.
 *
 * Returns how many children failed, which may exceed capacity; 0 for NULL.
 * Threads: task. Suspends: no. Cost: one copy.
 * asyncio: ExceptionGroup.exceptions.
 */
ROVE_API size_t rove_task_group_errors(const rove_task_group *g, int errors[], size_t capacity);

ROVE_END_DECLS

#endif
