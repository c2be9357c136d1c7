// SPDX-License-Identifier: MIT
/* Purpose: two floors of fork and join on one thread: a context on a stack for each call (the row
 * to compare with), and the plain function (serial). */
#include "fib/config.h"

#include <stdint.h>
#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"

static struct limit_stacks stacks;

struct call {
    long n, value;
    size_t level;
};

static void fib(struct limit_transfer t)
{
    struct call *call = t.data;
    call->value = call->n;
    if (call->n >= 2) {
        struct call a = {.n = call->n - 1, .level = call->level + 1};
        struct call b = {.n = call->n - 2, .level = call->level + 1};
        jump_fcontext(limit_context_make(&stacks, a.level, fib), &a);
        jump_fcontext(limit_context_make(&stacks, b.level, fib), &b);
        call->value = a.value + b.value;
    }
    jump_fcontext(t.from, NULL);
}

/* Not inlined into itself: a call is to be a call. */
__attribute__((noinline)) static long serial(long n)
{
    return n < 2 ? n : serial(n - 1) + serial(n - 2);
}

static int64_t pass(long n, long *value)
{
    struct call root = {.n = n};
    int64_t begin = bench_now_ns();
    jump_fcontext(limit_context_make(&stacks, 0, fib), &root);
    int64_t end = bench_now_ns();
    *value = root.value;
    return end - begin;
}

int main(int argc, char **argv)
{
    long value;
    bench_init(argc, argv);
    long n = bench_param("N", N);
    limit_stacks_map(&stacks, (size_t)n + 2, LIMIT_STACK_BYTES);
    pass(n > 20 ? n - 4 : n, &value);
    int64_t ns = pass(n, &value);
    int64_t begin = bench_now_ns();
    bench_check(serial(n) == value, "fib");
    bench_report_each("serial", "ms", bench_now_ns() - begin, BENCH_NS_PER_MS);
    bench_report_each("plain", "ms", ns, BENCH_NS_PER_MS);
    limit_stacks_unmap(&stacks);
    return EXIT_SUCCESS;
}
