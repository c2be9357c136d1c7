// SPDX-License-Identifier: MIT
/*
 * Purpose: makes errno right in code that suspends. Include it (after or before <errno.h>, it does
 *          not matter) in translation units whose coroutines read errno after C library calls.
 * Idea:    the C library declares the function behind errno as const, so a compiler may fetch
 *          its address once and use it again after a suspension, when the task runs on another
 *          thread and the address is another thread's. A function that is not const is called
 *          each time. Calls of rove never report through errno; this is for everybody else's.
 * Threads: any thread.
 */
#ifndef ROVE_ERRNO_H
#define ROVE_ERRNO_H

#include <rove/base.h>

ROVE_BEGIN_DECLS

/**
 * The address of the calling thread's errno, computed anew at each call.
 *
 * Returns the address; it is right until the next suspension.
 * Threads: any thread. Suspends: no. Cost: one function call.
 * Man: errno(3).
 */
ROVE_API int *rove_errno_location(void);

ROVE_END_DECLS

#undef errno
#define errno (*rove_errno_location())

#endif
