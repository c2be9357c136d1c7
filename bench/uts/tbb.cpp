// SPDX-License-Identifier: MIT
// oneTBB's side of uts: a task for each node.
#include "harness/tbb.hpp"
#include "uts/tree.h"

static long branching, depth;

static long visit(const tree_node &node)
{
    int n = tree_children(&node, branching, depth);
    long parts[TREE_MAX_CHILDREN], nodes = 1;
    if (n == 0) {
        return 1;
    }
    tbb::task_group group;
    for (int i = 0; i < n; i++) {
        group.run([&parts, i, child = tree_child(&node, i)] { parts[i] = visit(child); });
    }
    group.wait();
    for (int i = 0; i < n; i++) {
        nodes += parts[i];
    }
    return nodes;
}

static long pass(long seed, long *nodes)
{
    tree_node root = tree_root(uint32_t(seed));
    long begin = bench::now_ns();
    *nodes = visit(root);
    return bench::now_ns() - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long nodes, deepest = bench::param("DEPTH"), seed = bench::param("SEED");
        branching = bench::param("BRANCHING");
        depth = deepest - 2;
        pass(seed, &nodes);
        depth = deepest;
        long ns = pass(seed, &nodes);
        bench::check(tree_is_right(nodes, branching, depth, seed), "number of nodes");
        bench::report_each("plain", "ms", ns, 1000000);
    });
}
