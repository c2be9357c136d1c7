// SPDX-License-Identifier: MIT
/*
 * Purpose: the error codes of a group's children: a few in place, the rest in the parent's care.
 *
 * Idea: a group has no end of life of its own: it is read after the exit and then just goes away.
 * So what does not fit into it is allocated and listed at the parent task, under the group's
 * address; it is freed when the same storage becomes a group again, or when the parent ends.
 *
 * Threads: add under the group's lock; the rest by the parent.
 */
#ifndef RV_SCHED_GROUP_ERRORS_H
#define RV_SCHED_GROUP_ERRORS_H

#include <stddef.h>
#include <stdint.h>

struct rv_task;

#define RV_GROUP_ERRORS_IN_PLACE 16

struct rv_group_spill {
    struct rv_group_spill *next; /* at the parent */
    const void *group;
    size_t capacity;
    int codes[];
};

struct rv_group_errors {
    struct rv_group_spill *spill; /* NULL: all are in place */
    uint32_t count;               /* how many there were */
    uint32_t kept;                /* fewer when memory was exhausted */
    int codes[RV_GROUP_ERRORS_IN_PLACE];
};

void rv_group_errors_add(struct rv_group_errors *errors, int code);
size_t rv_group_errors_copy(const struct rv_group_errors *errors, int codes[], size_t capacity);
/* The parent has left the group: the spill, if any, is the task's now. */
void rv_group_errors_keep(struct rv_group_errors *errors, struct rv_task *parent,
                          const void *group);
/* Storage becomes a group: frees what an earlier one there left. */
void rv_group_errors_forget(struct rv_task *parent, const void *group);

#endif
