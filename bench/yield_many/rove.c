// SPDX-License-Identifier: MIT
/* Purpose: the cost of a yield among many ready tasks. */
#include "yield_many/config.h"

#include "harness/rove_main.h"

static long yields;

static int yielder(void *arg, void **result)
{
    (void)arg, (void)result;
    for (long i = 0; i < yields; i++) {
        rove_yield();
    }
    return 0;
}

static int64_t pass(rove_task **tasks, long n, long each)
{
    yields = each;
    int64_t begin = bench_now_ns();
    for (long i = 0; i < n; i++) {
        tasks[i] = rove_create_task(yielder, NULL);
        bench_check(tasks[i] != NULL, "no task");
    }
    for (long i = 0; i < n; i++) {
        rove_join(tasks[i], NULL);
    }
    return bench_now_ns() - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long n = bench_param("TASKS", TASKS), each = bench_param("YIELDS", YIELDS);
    rove_task **tasks = bench_alloc((size_t)n, sizeof *tasks);
    pass(tasks, n, each / 10 + 1);
    bench_report_each("plain", "ns/yield", pass(tasks, n, each), n * each);
    free(tasks);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
