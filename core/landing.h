// SPDX-License-Identifier: MIT
/*
 * Purpose: a call that suspends its task, and returns to the task's code without a misprediction.
 * Idea:    a processor predicts each return by a stack of the calls before it. A switch of contexts
 *          does not switch that stack: a task that resumes finds what the task before it called. So
 *          two tasks that waited in the same calls are predicted, up to the first frame in which
 *          they differ, and that return costs some twenty cycles: most often the one to the user's
 *          code, from a call of the library. Hence that return alone is a jump if it differs: an
 *          indirect jump is predicted by what was jumped to before, and partners take turns.
 *
 *              user A    call receive           user B    call receive
 *                 receive .. jmp to rv_landing_call (same frame), which calls
 *                    fn:  switch to B           ------->  return to rv_landing_call: predicted
 *                                                         return to user B: to A is predicted, so
 *                                                         pop and jump
 *
 *          Who calls rv_landing_call does it as its last act, so that the compiler makes it a jump
 *          and there is no frame between. If it does not, what is lost is the prediction.
 * Threads: any.
 */
#ifndef RV_CORE_LANDING_H
#define RV_CORE_LANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"
#include "core/context.h"

/* Both words travel in registers. */
struct rv_landing {
    intptr_t rc;       /* what the caller returns */
    uintptr_t is_jump; /* not 0: the task that left last does not return to where this one does */
};

/* Where the function that says this returns to. */
#define RV_LANDING_RETURN __builtin_extract_return_addr(__builtin_return_address(0))

typedef struct rv_landing rv_landing_fn(void *a, void *b, uintptr_t c, const void *to);

#if defined(__x86_64__) && !RV_CONTEXT_HOOKS
/* fn(a, b, c, to), its rc. */
int rv_landing_call(void *a, void *b, uintptr_t c, const void *to, rv_landing_fn *fn);
#else
static inline int rv_landing_call(void *a, void *b, uintptr_t c, const void *to, rv_landing_fn *fn)
{
    return (int)fn(a, b, c, to).rc;
}
#endif

#endif
