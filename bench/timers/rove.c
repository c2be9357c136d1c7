// SPDX-License-Identifier: MIT
/* Purpose: how late many sleepers wake, and what it costs the processor. */
#include "timers/config.h"

#include "harness/rove_main.h"

static int64_t *late;
static rove_time first;
static long count, spread_ns;

static int sleeper(void *arg, void **result)
{
    long i = (long)(intptr_t)arg;
    rove_time due = first + i * spread_ns / count;
    (void)result;
    rove_sleep_until(due);
    late[i] = rove_now() - due;
    return 0;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    count = bench_param("TASKS", TASKS);
    spread_ns = bench_param("SPREAD_MS", SPREAD_MS) * 1000000;
    late = bench_alloc((size_t)count, sizeof *late);
    rove_task **tasks = bench_alloc((size_t)count, sizeof *tasks);
    first = rove_now() + ROVE_MS(bench_param("LEAD_MS", LEAD_MS));
    const rove_task_options eager = {.eager = true};
    for (long i = 0; i < count; i++) {
        late[i] = -1;
        tasks[i] = rove_create_task_with(&eager, sleeper, (void *)(intptr_t)i);
        bench_check(tasks[i] != NULL, "no task");
    }
    bench_check(rove_now() < first, "LEAD_MS is too short to make them all");
    for (long i = 0; i < count; i++) {
        rove_join(tasks[i], NULL);
    }
    int64_t cpu = bench_cpu_ns();
    for (long i = 0; i < count; i++) {
        bench_check(late[i] >= 0, "a timer was early");
    }
    bench_report_spread("late", late, (size_t)count);
    bench_report_each("cpu", "s", cpu, BENCH_NS_PER_S);
    free(tasks);
    free(late);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
