// SPDX-License-Identifier: MIT
/*
 * Purpose: looking at tasks that others run: what one waits for, where it stands.
 *
 * Idea: a parked task is pinned (state.h) while it is read: a few instructions for its wait, some
 * microseconds for its stack. A wake that comes meanwhile is passed on by the unpin.
 *
 * Threads: any, with a reference to the task, unless said otherwise.
 */
#ifndef RV_SCHED_INSPECT_H
#define RV_SCHED_INSPECT_H

#include "sched/waitq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rove_runtime;
struct rv_symbols;
struct rv_task;

enum rv_activity { RV_TASK_READY, RV_TASK_RUNNING, RV_TASK_WAITING, RV_TASK_OVER };

/* What was true of a task at some moment of the call. */
struct rv_inspection {
    enum rv_activity activity;
    enum rv_wait_kind kind;    /* the rest: WAITING only */
    const void *object;        /* to compare, not to follow */
    const void *holder;        /* of the mutex it waits for: rv_sync_identity; to compare */
    int64_t held_since_ns;     /* with a holder; 0 while it changes hands */
    size_t missing;            /* GATHER: of how many tasks; 0: not only tasks are missing */
    int64_t since_ns;
};

void rv_inspect(struct rv_task *t, struct rv_inspection *seen);
/* Is every live task parked until another of them ends, or unlocks a mutex that it holds? Then no
 * event from outside but a cancellation could change that. False also without memory. */
bool rv_call_graph_is_closed(struct rove_runtime *runtime);
/* "a future", "a mutex", .. */
const char *rv_inspect_wait_name(enum rv_wait_kind kind);
/* "is running", "has waited for a mutex for 1.234 s, held for 2.345 s", .. */
void rv_inspect_describe(const struct rv_inspection *seen, char *line, size_t bytes);

#define RV_INSPECT_NAME_BYTES 64
/* Its name, cut if need be. */
void rv_inspect_name(struct rv_task *t, char name[RV_INSPECT_NAME_BYTES]);

/*
 * The return addresses on its stack. 0: it runs elsewhere, or might at any moment, or never ran.
 * Threads: workers, without a lock held.
 */
size_t rv_inspect_stack(struct rv_task *t, void *pcs[], size_t capacity);
/* The first of n return addresses that lies outside of what the library calls; 0 if none. */
size_t rv_inspect_skip_library(struct rv_symbols *symbols, void *const pcs[], size_t n);

#endif
