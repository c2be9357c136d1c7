// SPDX-License-Identifier: MIT
/* Purpose: the floor of a task's life: make a context on a hot stack, jump in, jump out. With more
 * threads each does its share: tasks in turn depend on nothing but their creator. */
#include "spawn_join/config.h"

#include <stdint.h>
#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"

static void child(struct limit_transfer t)
{
    ++*(uintptr_t *)t.data;
    jump_fcontext(t.from, NULL);
}

static void part(void *arg, unsigned i)
{
    struct limit_stacks stacks;
    uintptr_t sum = 0;
    long n = *(long *)arg;
    (void)i;
    limit_stacks_map(&stacks, 1, LIMIT_STACK_BYTES);
    for (long k = 0; k < n; k++) {
        jump_fcontext(limit_context_make(&stacks, 0, child), &sum);
    }
    bench_check(sum == (uintptr_t)n, "calls");
    limit_stacks_unmap(&stacks);
}

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    long n = bench_param("TASKS", TASKS) / (long)bench_workers(), warm = n / 10 + 1;
    limit_threads_run(part, &warm);
    int64_t ns = limit_threads_run(part, &n);
    bench_report_each("plain", "ns/task", ns, n * (long)bench_workers());
    bench_report_each("eager", "ns/task", ns, n * (long)bench_workers());
    return EXIT_SUCCESS;
}
