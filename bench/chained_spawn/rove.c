// SPDX-License-Identifier: MIT
/* Purpose: the cost of a task that nobody awaits, created by one that ends right after. */
#include "chained_spawn/config.h"

#include "harness/rove_main.h"

static rove_event ended;
static long ran; /* one link runs at a time, each after the one before */

static int chain_link(void *arg, void **result)
{
    intptr_t left = (intptr_t)arg;
    (void)result;
    ran++;
    if (left == 0) {
        rove_event_set(&ended);
        return 0;
    }
    rove_task *next = rove_create_task(chain_link, (void *)(left - 1));
    bench_check(next != NULL, "no task");
    rove_release(next);
    return 0;
}

static int64_t pass(long n)
{
    ran = 0;
    rove_event_clear(&ended);
    int64_t begin = bench_now_ns();
    rove_task *first = rove_create_task(chain_link, (void *)(intptr_t)(n - 1));
    bench_check(first != NULL, "no task");
    rove_release(first);
    bench_check(rove_event_wait(&ended) == 0, "the wait failed");
    int64_t end = bench_now_ns();
    bench_check(ran == n, "a link is missing");
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long n = bench_param("CHAIN", CHAIN);
    pass(n / 10 + 1);
    bench_report_each("plain", "ns/task", pass(n), n);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
