// SPDX-License-Identifier: MIT
/*
 * Purpose: the floor of ticking beside a hog: a thread that ticks and a thread that computes, each
 *          with a processor of its own, as if somebody had known before who would compute.
 * Idea:    all tick at the same pace, so who has just ticked is the last to tick again: the next
 *          deadlines are a ring. What is left is the kernel's timer and its wake-up. Unpinned, the
 *          kernel puts both on one processor at times, for a slice of 3 ms each.
 */
#include "mixed/config.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "harness/bench.h"

static atomic_bool must_end;

/* The first or the last of the processors that we may use. */
static void pin(bool is_first)
{
    cpu_set_t all, one;
    CPU_ZERO(&one);
    bench_check(sched_getaffinity(0, sizeof all, &all) == 0, "no processors");
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &all) && !(is_first && CPU_COUNT(&one) > 0)) {
            CPU_ZERO(&one);
            CPU_SET(i, &one);
        }
    }
    bench_check(sched_setaffinity(0, sizeof one, &one) == 0, "no processor");
}

static void *hog(void *arg)
{
    pin(true);
    while (!atomic_load_explicit(&must_end, memory_order_relaxed)) {
    }
    return arg;
}

static void tick(int64_t *late, long n, int64_t *due, long tickers)
{
    int64_t tick_ns = bench_param("TICK_US", TICK_US) * 1000;
    prctl(PR_SET_TIMERSLACK, 1);
    for (long i = 0; i < tickers; i++) {
        due[i] = bench_now_ns() + tick_ns;
    }
    for (long i = 0; i < n; i++) {
        int64_t *next = &due[i % tickers];
        struct timespec t = {.tv_sec = *next / 1000000000, .tv_nsec = *next % 1000000000};
        if (bench_now_ns() < *next) {
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        }
        late[i] = bench_now_ns() - *next;
        *next = bench_now_ns() + tick_ns;
    }
}

int main(int argc, char **argv)
{
    pthread_t thread;
    bench_init(argc, argv);
    long tickers = bench_param("TICKERS", TICKERS), n = tickers * bench_param("TICKS", TICKS);
    int64_t *late = bench_alloc((size_t)n, sizeof *late);
    int64_t *due = bench_alloc((size_t)tickers, sizeof *due);
    bench_check(pthread_create(&thread, NULL, hog, NULL) == 0, "no thread");
    pin(false); /* not before: the hog would inherit it */
    tick(late, n, due, tickers);
    atomic_store_explicit(&must_end, true, memory_order_relaxed);
    pthread_join(thread, NULL);
    bench_report_spread("late", late, (size_t)n);
    free(due);
    free(late);
    return EXIT_SUCCESS;
}
