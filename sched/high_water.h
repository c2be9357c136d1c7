// SPDX-License-Identifier: MIT
/*
 * Purpose: in debug mode, how much stack the tasks of a name have needed at most.
 *
 * Idea: a stack is zero where nobody ever wrote. When a task ends, the first byte that is not zero
 * says how deep it went; then the stack is wiped for the next. A row for each name; tasks without
 * one share that of their function. At the end of the runtime each row is a line of the log.
 *
 * Threads: any worker; a lock.
 */
#ifndef RV_SCHED_HIGH_WATER_H
#define RV_SCHED_HIGH_WATER_H

struct rove_runtime;
struct rv_high_water;
struct rv_task;

/* NULL: no memory. */
struct rv_high_water *rv_high_water_create(void);
void rv_high_water_destroy(struct rv_high_water *table);
/* A task is about to end, the caller is on its stack. NULL: nothing. */
void rv_high_water_note(struct rv_high_water *table, const struct rv_task *t);
/* When no task is left. */
void rv_high_water_report(struct rove_runtime *runtime);

#endif
