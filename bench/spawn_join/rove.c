// SPDX-License-Identifier: MIT
/* Purpose: the cost of one task's whole life: created, run, awaited, one after the other. */
#include "spawn_join/config.h"

#include "harness/rove_main.h"

static int child(void *arg, void **result)
{
    *result = arg;
    return 0;
}

static int64_t pass(long n, bool is_eager)
{
    const rove_task_options options = {.eager = is_eager};
    uintptr_t sum = 0;
    int64_t begin = bench_now_ns();
    for (long i = 0; i < n; i++) {
        void *value = NULL;
        rove_task *task = is_eager ? rove_create_task_with(&options, child, (void *)(uintptr_t)i)
                                   : rove_create_task(child, (void *)(uintptr_t)i);
        bench_check(rove_join(task, &value) == 0, "a task failed");
        sum += (uintptr_t)value;
    }
    int64_t end = bench_now_ns();
    bench_check(sum == (uintptr_t)n * (uintptr_t)(n - 1) / 2, "sum of results");
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long n = bench_param("TASKS", TASKS);
    pass(n / 10 + 1, false);
    bench_report_each("plain", "ns/task", pass(n, false), n);
    pass(n / 10 + 1, true);
    bench_report_each("eager", "ns/task", pass(n, true), n);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
