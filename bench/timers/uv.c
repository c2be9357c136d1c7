// SPDX-License-Identifier: MIT
/* Purpose: libuv's side of timers: a handle each, no task. Its clock counts milliseconds, so a
 * timer is told to wait for the first one at or after its deadline. */
#include "timers/config.h"

#include <stdlib.h>
#include <uv.h>

#include "harness/bench.h"

static uv_timer_t *timers;
static int64_t *late, first;
static long count, spread_ns;

static void on_timer(uv_timer_t *timer)
{
    long i = timer - timers;
    late[i] = bench_now_ns() - (first + i * spread_ns / count);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    bench_init(argc, argv);
    count = bench_param("TASKS", TASKS);
    spread_ns = bench_param("SPREAD_MS", SPREAD_MS) * BENCH_NS_PER_MS;
    timers = bench_alloc((size_t)count, sizeof *timers);
    late = bench_alloc((size_t)count, sizeof *late);
    first = bench_now_ns() + bench_param("LEAD_MS", LEAD_MS) * BENCH_NS_PER_MS;
    for (long i = 0; i < count; i++) {
        int64_t due = first + i * spread_ns / count;
        int64_t due_ms = (due + BENCH_NS_PER_MS - 1) / BENCH_NS_PER_MS;
        late[i] = -1;
        uv_timer_init(loop, &timers[i]);
        uv_timer_start(&timers[i], on_timer, (uint64_t)due_ms - uv_now(loop), 0);
    }
    bench_check(bench_now_ns() < first, "LEAD_MS is too short to make them all");
    uv_run(loop, UV_RUN_DEFAULT);
    int64_t cpu = bench_cpu_ns();
    for (long i = 0; i < count; i++) {
        bench_check(late[i] >= 0, "a timer was early");
    }
    bench_report_spread("late", late, (size_t)count);
    bench_report_each("cpu", "s", cpu, BENCH_NS_PER_S);
    free(timers);
    free(late);
    return EXIT_SUCCESS;
}
