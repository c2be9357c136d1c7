// SPDX-License-Identifier: MIT
/*
 * Purpose: LD_PRELOAD for a server that steps.c slows down: its clock runs as much slower.
 * Idea:    a scheduler that looks round every so many microseconds would do so at every task, and
 *          what is counted would not be what is executed. A step takes some ten
 *          microseconds instead of a third of a nanosecond.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLOWER = 32768 };

#define NS_PER_S 1000000000LL

int clock_gettime(clockid_t id, struct timespec *t)
{
    static long long began[2];
    long rc = syscall(SYS_clock_gettime, id, t);
    if (rc == 0 && id <= CLOCK_MONOTONIC) {
        long long ns = t->tv_sec * NS_PER_S + t->tv_nsec;
        if (began[id] == 0) {
            began[id] = ns;
        }
        ns = began[id] + (ns - began[id]) / SLOWER;
        t->tv_sec = ns / NS_PER_S;
        t->tv_nsec = ns % NS_PER_S;
    }
    return (int)rc;
}
