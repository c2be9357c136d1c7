// SPDX-License-Identifier: MIT
/*
 * Purpose: what every benchmark program in C shares: its arguments, a clock, its answer.
 * Idea:    a program is called as  PROGRAM WORKERS NAME=VALUE...  and prints one line a metric,
 *          "metric unit value". bench/run takes NAME=VALUE from the workload's config.h, so that
 *          programs in all languages get the same numbers, and a smoke run gets small ones.
 * Threads: bench_init before any thread; the rest from any thread, bench_report from one at a time.
 */
#ifndef BENCH_HARNESS_BENCH_H
#define BENCH_HARNESS_BENCH_H

#include <stddef.h>
#include <stdint.h>

void bench_init(int argc, char **argv);
unsigned bench_workers(void);
/* The value of NAME=VALUE, or fallback where it was not given (a program run by hand). */
long bench_param(const char *name, long fallback);

int64_t bench_now_ns(void);
/* User and system time of the whole process. */
int64_t bench_cpu_ns(void);
/* Resident memory and the page tables that map it. */
int64_t bench_memory_bytes(void);

#define BENCH_NS_PER_MS 1000000
#define BENCH_NS_PER_S  1000000000

/* Reports total / n, and leaves no trace of floating point: its sticky flags are part of a context,
 * and loading others than the processor has costs some Intel processors 50 ns a switch. Whoever
 * measures switches keeps to integers for the same reason. */
void bench_report_each(const char *metric, const char *unit, int64_t total, int64_t n);
/* Reports NAME_p50, NAME_p99 and NAME_max in microseconds; sorts the samples. */
void bench_report_spread(const char *name, int64_t *samples_ns, size_t n);

/* A wrong result ends the program with status 1: a fast wrong answer is not a measurement. */
void bench_check(int is_right, const char *what);
/* calloc that ends the program when there is no memory. */
void *bench_alloc(size_t n, size_t bytes);

#endif
