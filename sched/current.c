// SPDX-License-Identifier: MIT
/*
 * Purpose: the library's one thread-local, behind noinline functions that load its value.
 *
 * Idea: the empty asm with a memory clobber keeps compilers from merging two calls (HAZARDS 1).
 */
#include "sched/current.h"

#include "core/base.h"
#include "sched/task.h"
#include "sched/worker.h"

#ifdef RV_SIM
#include "core/sim.h"
#define current_worker (*(struct rv_worker **)rv_sim_thread_word())
#else
static _Thread_local struct rv_worker *current_worker;
#endif

static inline struct rv_worker *load_worker(void)
{
    __asm__ volatile("" ::: "memory");
    return current_worker;
}

RV_NOINLINE struct rv_worker *rv_current_worker(void)
{
    return load_worker();
}

RV_NOINLINE void rv_current_set_worker(struct rv_worker *w)
{
    __asm__ volatile("" ::: "memory");
    current_worker = w;
}

RV_NOINLINE struct rv_task *rv_current_task(void)
{
    struct rv_worker *w = load_worker();
    struct rv_task *t = w == NULL ? NULL : rv_load_relaxed(&w->current);
    return t == NULL || (t->future.flags & RV_TASK_HIDDEN) != 0 ? NULL : t;
}
