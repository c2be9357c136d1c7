// SPDX-License-Identifier: MIT
/* Purpose: what a waiting task costs: bytes of memory with page tables, time to make and to wake
 * it, and the processor time of a process whose tasks all wait. */
#include "memory/config.h"

#include "harness/rove_main.h"

#include <stdio.h>

static rove_event go;
static long woken;
static int64_t base_bytes; /* before the first task: a pass uses what the one before it left, too */

static int sleeper(void *arg, void **result)
{
    (void)arg, (void)result;
    if (rove_event_wait(&go) == 0) {
        __atomic_fetch_add(&woken, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

/* Created eagerly, each has run up to its wait when the next is made. */
static void create_all(rove_task **tasks, long n)
{
    const rove_task_options eager = {.eager = true};
    for (long i = 0; i < n; i++) {
        tasks[i] = rove_create_task_with(&eager, sleeper, NULL);
        bench_check(tasks[i] != NULL, "no task");
    }
}

static void report(const char *size, const char *metric, const char *unit, int64_t total, int64_t n)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s", size, metric);
    bench_report_each(name, unit, total, n);
}

static void pass(const char *size, long n)
{
    int64_t before = bench_memory_bytes();
    rove_task **tasks = bench_alloc((size_t)n, sizeof *tasks);
    base_bytes = base_bytes > 0 ? base_bytes : before;
    for (long i = 0; i < n; i++) {
        tasks[i] = NULL; /* the array's own pages are not the tasks' */
    }
    woken = 0;
    int64_t array = bench_memory_bytes() - before, begin = bench_now_ns();
    create_all(tasks, n);
    int64_t created = bench_now_ns(), bytes = bench_memory_bytes() - base_bytes - array;
    int64_t cpu = bench_cpu_ns(), asleep = bench_now_ns();
    rove_sleep(ROVE_MS(bench_param("ASLEEP_MS", ASLEEP_MS)));
    cpu = bench_cpu_ns() - cpu;
    asleep = bench_now_ns() - asleep;
    int64_t wake = bench_now_ns();
    rove_event_set(&go);
    for (long i = 0; i < n; i++) {
        rove_join(tasks[i], NULL);
    }
    wake = bench_now_ns() - wake;
    bench_check(woken == n, "a task was not woken");
    rove_event_clear(&go);
    report(size, "bytes", "B/task", bytes, n);
    report(size, "create", "ns/task", created - begin, n);
    report(size, "wake", "ns/task", wake, n);
    report(size, "cpu", "%", 100 * cpu, asleep);
    free(tasks);
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long few = bench_param("FEW", FEW), many = bench_param("MANY", MANY);
    if (few > 0) {
        pass("few", few);
    }
    if (many > 0) {
        pass("many", many);
    }
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
