// SPDX-License-Identifier: MIT
/* Purpose: the floor of lateness: one thread with the least timer slack sleeps until each deadline
 * in turn; those that passed meanwhile cost only a look at the clock. */
#include "timers/config.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "harness/bench.h"

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    long n = bench_param("TASKS", TASKS), spread_ns = bench_param("SPREAD_MS", SPREAD_MS) * 1000000;
    int64_t *late = bench_alloc((size_t)n, sizeof *late);
    prctl(PR_SET_TIMERSLACK, 1);
    int64_t first = bench_now_ns() + 10000000, now = 0;
    for (long i = 0; i < n; i++) {
        int64_t due = first + i * spread_ns / n;
        if (now < due) {
            struct timespec t = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        }
        now = bench_now_ns();
        late[i] = now - due;
        bench_check(late[i] >= 0, "a timer was early");
    }
    bench_report_spread("late", late, (size_t)n);
    bench_report_each("cpu", "s", bench_cpu_ns(), BENCH_NS_PER_S);
    free(late);
    return EXIT_SUCCESS;
}
