// SPDX-License-Identifier: MIT
/*
 * Purpose: the floor of ticking beside a hog: two threads, and the kernel shares the processors.
 * Idea:    all tick at the same pace, so who has just ticked is the last to tick again: the next
 *          deadlines are a ring.
 */
#include "mixed/config.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "harness/bench.h"

static atomic_bool must_end;

static void *hog(void *arg)
{
    while (!atomic_load_explicit(&must_end, memory_order_relaxed)) {
    }
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    bench_init(argc, argv);
    long tickers = bench_param("TICKERS", TICKERS), n = tickers * bench_param("TICKS", TICKS);
    int64_t tick_ns = bench_param("TICK_US", TICK_US) * 1000;
    int64_t *late = bench_alloc((size_t)n, sizeof *late);
    int64_t *due = bench_alloc((size_t)tickers, sizeof *due);
    prctl(PR_SET_TIMERSLACK, 1);
    bench_check(pthread_create(&thread, NULL, hog, NULL) == 0, "no thread");
    for (long i = 0; i < tickers; i++) {
        due[i] = bench_now_ns() + tick_ns;
    }
    for (long i = 0; i < n; i++) {
        int64_t *next = &due[i % tickers];
        struct timespec t = {.tv_sec = *next / 1000000000, .tv_nsec = *next % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        late[i] = bench_now_ns() - *next;
        *next = bench_now_ns() + tick_ns;
    }
    atomic_store_explicit(&must_end, true, memory_order_relaxed);
    pthread_join(thread, NULL);
    bench_report_spread("late", late, (size_t)n);
    free(due);
    free(late);
    return EXIT_SUCCESS;
}
