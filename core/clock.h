// SPDX-License-Identifier: MIT
/*
 * Purpose: the library's only notion of time: monotonic nanoseconds in an int64_t.
 * Idea:    tests replace the source by a virtual clock; the normal path costs one branch that is
 *          always predicted. Deadlines saturate, so "never" (INT64_MAX) survives all arithmetic.
 * Threads: any. The source is changed only while no other thread reads the clock.
 */
#ifndef RV_CORE_CLOCK_H
#define RV_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "core/atomic.h"
#include "core/os.h"

#define RV_CLOCK_NEVER INT64_MAX

extern RV_ATOMIC(uintptr_t) rv_clock_source; /* int64_t (*)(void), or 0 for the kernel's clock */

/* NULL brings the kernel's clock back. */
void rv_clock_set_source(int64_t (*source)(void));

static inline int64_t rv_clock_now(void)
{
    uintptr_t source = rv_load_relaxed(&rv_clock_source);

    if (RV_LIKELY(source == 0))
        return rv_os_clock_ns();
    return ((int64_t (*)(void))source)();
}

/* now + duration; a negative duration means never; never overflows. now must not be negative. */
static inline int64_t rv_clock_add(int64_t now_ns, int64_t duration_ns)
{
    if (duration_ns < 0 || duration_ns > INT64_MAX - now_ns)
        return RV_CLOCK_NEVER;
    return now_ns + duration_ns;
}

/* Negative times, which no kernel interface takes, become zero. */
static inline struct timespec rv_clock_to_timespec(int64_t ns)
{
    struct timespec ts = {0, 0};

    if (ns > 0) {
        ts.tv_sec = (time_t)(ns / 1000000000);
        ts.tv_nsec = (long)(ns % 1000000000);
    }
    return ts;
}

#endif
