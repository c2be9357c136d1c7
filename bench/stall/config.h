// SPDX-License-Identifier: MIT
/* Purpose: what the loader and the servers of the stall test agree on. */
#ifndef BENCH_STALL_CONFIG_H
#define BENCH_STALL_CONFIG_H

#include <stdint.h>
#include <time.h>

enum {
    STALL_BYTES = 64,     /* a message; its first four bytes say for how many us to compute */
    STALL_CONNECTIONS = 64,
    STALL_BURNS = 100,    /* messages a second that compute .. */
    STALL_BURN_US = 1000  /* .. for so long */
};

static inline int64_t stall_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What the message asks for. */
static inline void stall_compute(const char *message)
{
    uint32_t us;
    __builtin_memcpy(&us, message, sizeof us);
    int64_t end_ns = us > 0 ? stall_now_ns() + (int64_t)us * 1000 : 0;
    while (us > 0 && stall_now_ns() < end_ns) {
    }
}

#endif
