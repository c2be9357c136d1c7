// SPDX-License-Identifier: MIT
/* Purpose: the floor of a waiting task with a stack: one touched page in a mapping of 128 KiB
 * strides, and the page tables for it; a context made on it and entered once. */
#include "memory/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "harness/bench.h"
#include "harness/limit.h"

enum { STRIDE_BYTES = 128 * 1024 };

static void sleeper(struct limit_transfer t)
{
    t = jump_fcontext(t.from, NULL);
    jump_fcontext(t.from, NULL);
}

static void report(const char *size, const char *metric, const char *unit, int64_t total, int64_t n)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s", size, metric);
    bench_report_each(name, unit, total, n);
}

static void pass(const char *size, long n)
{
    struct limit_stacks stacks;
    void **contexts = bench_alloc((size_t)n, sizeof *contexts);
    for (long i = 0; i < n; i++) {
        contexts[i] = &stacks; /* the array's own pages are not the tasks' */
    }
    limit_stacks_map(&stacks, (size_t)n, STRIDE_BYTES);
    int64_t before = bench_memory_bytes(), begin = bench_now_ns();
    for (long i = 0; i < n; i++) {
        void *fresh = limit_context_make(&stacks, (size_t)i, sleeper);
        contexts[i] = jump_fcontext(fresh, NULL).from;
    }
    int64_t created = bench_now_ns(), bytes = bench_memory_bytes() - before;
    int64_t wake = bench_now_ns();
    for (long i = 0; i < n; i++) {
        jump_fcontext(contexts[i], NULL);
    }
    wake = bench_now_ns() - wake;
    report(size, "bytes", "B/task", bytes, n);
    report(size, "create", "ns/task", created - begin, n);
    report(size, "wake", "ns/task", wake, n);
    limit_stacks_unmap(&stacks);
    free(contexts);
}

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    long few = bench_param("FEW", FEW), many = bench_param("MANY", MANY);
    if (few > 0) {
        pass("few", few);
    }
    if (many > 0) {
        pass("many", many);
    }
    return EXIT_SUCCESS;
}
