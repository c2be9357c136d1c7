// SPDX-License-Identifier: MIT
/* Purpose: the cost of many short tasks alive at once: all created, then all awaited. */
#include "spawn_many/config.h"

#include "harness/rove_main.h"

static int child(void *arg, void **result)
{
    *result = arg;
    return 0;
}

static int64_t pass(rove_task **tasks, long n)
{
    uintptr_t sum = 0;
    int64_t begin = bench_now_ns();
    for (long i = 0; i < n; i++) {
        tasks[i] = rove_create_task(child, (void *)(uintptr_t)i);
        bench_check(tasks[i] != NULL, "no task");
    }
    for (long i = 0; i < n; i++) {
        void *value = NULL;
        rove_join(tasks[i], &value);
        sum += (uintptr_t)value;
    }
    int64_t end = bench_now_ns();
    bench_check(sum == (uintptr_t)n * (uintptr_t)(n - 1) / 2, "sum of results");
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long n = bench_param("TASKS", TASKS), rounds = bench_param("ROUNDS", ROUNDS);
    rove_task **tasks = bench_alloc((size_t)n, sizeof *tasks);
    int64_t ns = 0;
    pass(tasks, n);
    for (long i = 0; i < rounds; i++) {
        ns += pass(tasks, n);
    }
    bench_report_each("plain", "ns/task", ns, n * rounds);
    free(tasks);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
