// SPDX-License-Identifier: MIT
/*
 * Purpose: debug mode: which task holds which mutex, and since when, so that one that is held for
 *          long is named while it is held, also if it is never unlocked.
 *
 * Idea: a record for each mutex that a task of a runtime in debug mode holds, with a timer. The
 * timer's callback only marks the record; a hidden task says what there is to say, where the log's
 * receiver may do what it likes. The mutex is known by its address and never followed: its memory
 * may be gone, with a task that forgot to unlock it.
 *
 * Threads: said at each function. The records have a lock of their own, the last to be taken.
 */
#ifndef RV_SCHED_HOLD_H
#define RV_SCHED_HOLD_H

#include <stddef.h>
#include <stdint.h>

struct rove_runtime;
struct rv_task;

#define RV_HOLD_LONG_NS 1000000000 /* held for longer is reported */

/* On its worker: self, of a runtime in debug mode, has `mutex` since since_ns. */
void rv_hold_begin(const void *mutex, const struct rv_task *self, int64_t since_ns);
/* Any thread: who had it, if that was a task of a runtime in debug mode, has it no more. */
void rv_hold_end(const void *mutex);
/* Any thread: of the runtime's armed timers, how many only watch mutexes. */
size_t rv_hold_timers(const struct rove_runtime *runtime);
/* After the last worker has ended: names the mutexes that were never unlocked. */
void rv_hold_report_leaks(struct rove_runtime *runtime);

#endif
