// SPDX-License-Identifier: MIT
/* Purpose: arguments, clocks and answers of the benchmark programs; see bench.h. */
#include "harness/bench.h"

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int arg_count;
static char **arg_values;

void bench_init(int argc, char **argv)
{
    arg_count = argc;
    arg_values = argv;
    bench_check(argc >= 2 && bench_workers() > 0, "usage: PROGRAM WORKERS [NAME=VALUE]...");
}

unsigned bench_workers(void)
{
    return (unsigned)strtoul(arg_values[1], NULL, 10);
}

long bench_param(const char *name, long fallback)
{
    size_t bytes = strlen(name);
    for (int i = 2; i < arg_count; i++) {
        if (strncmp(arg_values[i], name, bytes) == 0 && arg_values[i][bytes] == '=') {
            return strtol(arg_values[i] + bytes + 1, NULL, 10);
        }
    }
    return fallback;
}

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bench_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t bench_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t bench_memory_bytes(void)
{
    char line[256];
    long kib = 0, value;
    FILE *status = fopen("/proc/self/status", "r");
    bench_check(status != NULL, "/proc/self/status");
    while (fgets(line, sizeof line, status)) {
        if (sscanf(line, "VmRSS: %ld", &value) == 1 || sscanf(line, "VmPTE: %ld", &value) == 1) {
            kib += value;
        }
    }
    fclose(status);
    return (int64_t)kib * 1024;
}

void bench_report_each(const char *metric, const char *unit, int64_t total, int64_t n)
{
    fenv_t flags;
    fegetenv(&flags);
    printf("%s %s %.6g\n", metric, unit, (double)total / (double)n);
    fflush(stdout);
    fesetenv(&flags);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void report_one(const char *name, const char *suffix, int64_t ns)
{
    char metric[64];
    snprintf(metric, sizeof metric, "%s_%s", name, suffix);
    bench_report_each(metric, "us", ns, 1000);
}

void bench_report_spread(const char *name, int64_t *samples_ns, size_t n)
{
    bench_check(n > 0, "no samples");
    qsort(samples_ns, n, sizeof *samples_ns, compare);
    report_one(name, "p50", samples_ns[n / 2]);
    report_one(name, "p99", samples_ns[n - 1 - n / 100]);
    report_one(name, "max", samples_ns[n - 1]);
}

void bench_check(int is_right, const char *what)
{
    if (!is_right) {
        fprintf(stderr, "%s: wrong: %s\n", arg_count > 0 ? arg_values[0] : "bench", what);
        exit(EXIT_FAILURE);
    }
}

void *bench_alloc(size_t n, size_t bytes)
{
    void *memory = calloc(n, bytes);
    bench_check(memory != NULL, "out of memory");
    return memory;
}
