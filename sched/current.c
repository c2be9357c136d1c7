// SPDX-License-Identifier: MIT
/*
 * Purpose: the library's one thread-local. current.h says how it is read.
 *
 * Idea: the empty asm with a memory clobber keeps compilers from merging two calls.
 */
#include "sched/current.h"

/* Not static: the asm in current.h names it. Its own model, so that the shared library finds it at
 * a fixed distance from the thread pointer too. */
#ifdef RV_SIM
#include "core/sim.h"
#define rv_current_slot (*(struct rv_worker **)rv_sim_thread_word())
#elif defined(__x86_64__)
extern _Thread_local struct rv_worker *rv_current_slot;
__attribute__((visibility("hidden"), used, tls_model("initial-exec")))
_Thread_local struct rv_worker *rv_current_slot;
#else
static _Thread_local struct rv_worker *rv_current_slot;
#endif

#if defined(RV_SIM) || !defined(__x86_64__)
RV_NOINLINE struct rv_worker *rv_current_worker(void)
{
    __asm__ volatile("" ::: "memory");
    return rv_current_slot;
}
#endif

RV_NOINLINE void rv_current_set_worker(struct rv_worker *w)
{
    __asm__ volatile("" ::: "memory");
    rv_current_slot = w;
}
