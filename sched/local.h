// SPDX-License-Identifier: MIT
/*
 * Purpose: task-local values: what task.c asks of them.
 */
#ifndef RV_SCHED_LOCAL_H
#define RV_SCHED_LOCAL_H

#include "core/atomic.h"

struct rv_local_map;
struct rv_task;

/* The last number given to a key of the program. Not static, so that models start anew. */
extern RV_ATOMIC(uint32_t) rv_local_last_key;

/* A new task, not yet started, inherits the values its parent has now. 0 or -ENOMEM. */
int rv_locals_copy(struct rv_task *child, const struct rv_task *parent);
void rv_locals_free(struct rv_task *t);

/* What the calling task, or callback, has now, for a callback that is to run later: a copy in *map,
 * NULL: nothing. 0 or -ENOMEM. */
int rv_locals_keep(struct rv_local_map **map);
/* The calling callback has these from now on; they are its turn's to free. */
void rv_locals_assume(struct rv_local_map *map);
void rv_locals_drop(struct rv_local_map *map);

#endif
