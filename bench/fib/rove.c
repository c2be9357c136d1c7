// SPDX-License-Identifier: MIT
/* Purpose: fork and join at the finest grain: a task for each call of fib, created eagerly, so that
 * the child runs at once and what is left of the parent can be stolen. */
#include "fib/config.h"

#include "harness/rove_main.h"

static const rove_task_options eager = {.eager = true};

static int fib(void *arg, void **result)
{
    intptr_t n = (intptr_t)arg;
    void *a = NULL, *b = NULL;
    if (n < 2) {
        *result = arg;
        return 0;
    }
    rove_task *first = rove_create_task_with(&eager, fib, (void *)(n - 1));
    rove_task *second = rove_create_task_with(&eager, fib, (void *)(n - 2));
    bench_check(first != NULL && second != NULL, "no task");
    rove_join(second, &b);
    rove_join(first, &a);
    *result = (void *)((intptr_t)a + (intptr_t)b);
    return 0;
}

static int64_t pass(long n)
{
    void *value = NULL;
    long a = 0, b = 1;
    for (long i = 0; i < n; i++) {
        long next = a + b;
        a = b;
        b = next;
    }
    int64_t begin = bench_now_ns();
    rove_join(rove_create_task(fib, (void *)(intptr_t)n), &value);
    int64_t end = bench_now_ns();
    bench_check((intptr_t)value == a, "fib");
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long n = bench_param("N", N);
    pass(n > 20 ? n - 4 : n);
    bench_report_each("plain", "ms", pass(n), BENCH_NS_PER_MS);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
