// SPDX-License-Identifier: MIT
/* Purpose: the floor of the tree: depth first on one thread, a context on a stack for each node,
 * a stack for each level and sibling; with more threads each takes its share of the root's
 * children. */
#include "skynet/config.h"

#include <stdint.h>
#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"

struct node {
    const struct limit_stacks *stacks;
    long first, leaves, sum;
    size_t level;
};

static long fanout;

static void sky(struct limit_transfer t)
{
    struct node *node = t.data;
    if (node->leaves == 1) {
        node->sum = node->first;
    } else {
        struct node child = {.stacks = node->stacks, .level = node->level + 1};
        child.leaves = node->leaves / fanout;
        for (long i = 0; i < fanout; i++) {
            child.first = node->first + i * child.leaves;
            jump_fcontext(limit_context_make(child.stacks, child.level, sky), &child);
            node->sum += child.sum;
            child.sum = 0;
        }
    }
    jump_fcontext(t.from, NULL);
}

static long leaves, sums[64];

/* Whole children of the root: worker i has those from i * fanout / workers on. */
static void part(void *arg, unsigned i)
{
    struct limit_stacks stacks;
    long workers = (long)bench_workers();
    (void)arg;
    limit_stacks_map(&stacks, 32, LIMIT_STACK_BYTES);
    for (long c = i * fanout / workers; c < (i + 1) * fanout / workers; c++) {
        struct node child = {.stacks = &stacks, .leaves = leaves / fanout};
        child.first = c * child.leaves;
        jump_fcontext(limit_context_make(&stacks, 0, sky), &child);
        sums[i] += child.sum;
    }
    limit_stacks_unmap(&stacks);
}

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    fanout = bench_param("FANOUT", FANOUT);
    leaves = 1;
    for (long i = bench_param("DEPTH", DEPTH); i > 0; i--) {
        leaves *= fanout;
    }
    limit_threads_run(part, NULL);
    int64_t ns = limit_threads_run(part, NULL);
    long sum = 0;
    for (unsigned i = 0; i < bench_workers(); i++) {
        sum += sums[i];
    }
    bench_check(sum == leaves * (leaves - 1), "sum of the leaves, twice");
    bench_report_each("plain", "ms", ns, BENCH_NS_PER_MS);
    bench_report_each("eager", "ms", ns, BENCH_NS_PER_MS);
    return EXIT_SUCCESS;
}
