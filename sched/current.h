// SPDX-License-Identifier: MIT
/*
 * Purpose: the only thread-local of the library, read so that compilers cannot remember it.
 *
 * Idea: a task may wake on another thread, and compilers keep a thread-local's address over a
 * call (HAZARDS 1). On x86-64 every read is two instructions of a volatile asm, which is neither
 * merged with another nor kept; the linker makes them one constant and one load in an executable.
 * Elsewhere every read is a call into current.c.
 */
#ifndef RV_SCHED_CURRENT_H
#define RV_SCHED_CURRENT_H

#include "core/base.h"
#include "sched/task.h"
#include "sched/worker.h"

void rv_current_set_worker(struct rv_worker *w);

/* The worker whose thread this is, or NULL. Stale after anything that may suspend. */
#if defined(__x86_64__) && !defined(RV_SIM) && !defined(RV_MODEL_TASKS)
static RV_ALWAYS_INLINE struct rv_worker *rv_current_worker(void)
{
    struct rv_worker *w;
    __asm__ volatile("movq rv_current_slot@gottpoff(%%rip), %0\n\t"
                     "movq %%fs:(%0), %0"
                     : "=r"(w));
    return w;
}
#else
struct rv_worker *rv_current_worker(void);
#endif

/* The task that runs here, or NULL: outside a runtime, in a scheduler context, in a callback
 * task. */
static inline struct rv_task *rv_current_task(void)
{
    struct rv_worker *w = rv_current_worker();
    if (RV_UNLIKELY(w == NULL)) {
        return NULL;
    }
    struct rv_task *t = rv_load_relaxed(&w->current);
    return RV_UNLIKELY(t == NULL || (t->future.flags & RV_TASK_HIDDEN) != 0) ? NULL : t;
}

#endif
