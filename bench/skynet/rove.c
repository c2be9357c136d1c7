// SPDX-License-Identifier: MIT
/* Purpose: a tree of tasks, a million leaves, each task waits for its ten children. */
#include "skynet/config.h"

#include "harness/rove_main.h"

enum { MAX_FANOUT = 16 };

static long fanout;
static rove_task_options options;

struct node {
    long first, leaves;
};

static int sky(void *arg, void **result)
{
    struct node *node = arg, children[MAX_FANOUT];
    rove_task *tasks[MAX_FANOUT];
    intptr_t sum = 0;
    if (node->leaves == 1) {
        *result = (void *)(intptr_t)node->first;
        return 0;
    }
    for (long i = 0; i < fanout; i++) {
        long leaves = node->leaves / fanout;
        children[i] = (struct node){.first = node->first + i * leaves, .leaves = leaves};
        tasks[i] = rove_create_task_with(&options, sky, &children[i]);
        bench_check(tasks[i] != NULL, "no task");
    }
    for (long i = 0; i < fanout; i++) {
        void *part = NULL;
        rove_join(tasks[i], &part);
        sum += (intptr_t)part;
    }
    *result = (void *)sum;
    return 0;
}

static int64_t pass(long leaves, bool is_eager)
{
    struct node root = {.leaves = leaves};
    void *sum = NULL;
    options.eager = is_eager;
    int64_t begin = bench_now_ns();
    rove_join(rove_create_task(sky, &root), &sum);
    int64_t end = bench_now_ns();
    bench_check((intptr_t)sum == leaves * (leaves - 1) / 2, "sum of the leaves");
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long leaves = 1;
    fanout = bench_param("FANOUT", FANOUT);
    bench_check(fanout <= MAX_FANOUT, "fanout");
    for (long i = bench_param("DEPTH", DEPTH); i > 0; i--) {
        leaves *= fanout;
    }
    pass(leaves, false);
    bench_report_each("plain", "ms", pass(leaves, false), BENCH_NS_PER_MS);
    pass(leaves, true);
    bench_report_each("eager", "ms", pass(leaves, true), BENCH_NS_PER_MS);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
