// SPDX-License-Identifier: MIT
/* Purpose: two floors of the tree on one thread: a context on a stack for each node (the row to
 * compare with), and plain recursion (serial). */
#include "uts/config.h"

#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"
#include "uts/tree.h"

static struct limit_stacks stacks;
static long branching, depth;

struct visited {
    struct tree_node node;
    long nodes;
};

static void visit(struct limit_transfer t)
{
    struct visited *at = t.data, child;
    int n = tree_children(&at->node, branching, depth);
    at->nodes = 1;
    for (int i = 0; i < n; i++) {
        child.node = tree_child(&at->node, i);
        jump_fcontext(limit_context_make(&stacks, (size_t)child.node.depth, visit), &child);
        at->nodes += child.nodes;
    }
    jump_fcontext(t.from, NULL);
}

__attribute__((noinline)) static long serial(const struct tree_node *node)
{
    long nodes = 1;
    int n = tree_children(node, branching, depth);
    for (int i = 0; i < n; i++) {
        struct tree_node child = tree_child(node, i);
        nodes += serial(&child);
    }
    return nodes;
}

static int64_t pass(long seed, long *nodes)
{
    struct visited root = {.node = tree_root((uint32_t)seed)};
    int64_t begin = bench_now_ns();
    jump_fcontext(limit_context_make(&stacks, 0, visit), &root);
    int64_t end = bench_now_ns();
    *nodes = root.nodes;
    return end - begin;
}

int main(int argc, char **argv)
{
    long nodes;
    bench_init(argc, argv);
    long deepest = bench_param("DEPTH", DEPTH), seed = bench_param("SEED", SEED);
    branching = bench_param("BRANCHING", BRANCHING);
    limit_stacks_map(&stacks, (size_t)deepest + 2, LIMIT_STACK_BYTES);
    depth = deepest - 2;
    pass(seed, &nodes);
    depth = deepest;
    int64_t ns = pass(seed, &nodes);
    struct tree_node root = tree_root((uint32_t)seed);
    int64_t begin = bench_now_ns();
    bench_check(serial(&root) == nodes, "number of nodes");
    bench_report_each("serial", "ms", bench_now_ns() - begin, BENCH_NS_PER_MS);
    bench_check(tree_is_right(nodes, branching, depth, seed), "number of nodes");
    bench_report_each("plain", "ms", ns, BENCH_NS_PER_MS);
    limit_stacks_unmap(&stacks);
    return EXIT_SUCCESS;
}
