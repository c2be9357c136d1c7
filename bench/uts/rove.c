// SPDX-License-Identifier: MIT
/* Purpose: fork and join where nobody can know where the work is: an eager task for each node of an
 * unbalanced tree. */
#include "uts/config.h"

#include "harness/rove_main.h"
#include "uts/tree.h"

static const rove_task_options eager = {.eager = true};
static long branching, depth;

static int visit(void *arg, void **result)
{
    const struct tree_node *node = arg;
    int n = tree_children(node, branching, depth);
    intptr_t nodes = 1;
    struct tree_node children[n + 1]; /* at most 101; a frame of that many would take two pages */
    rove_task *tasks[n + 1];
    for (int i = 0; i < n; i++) {
        children[i] = tree_child(node, i);
        tasks[i] = rove_create_task_with(&eager, visit, &children[i]);
        bench_check(tasks[i] != NULL, "no task");
    }
    for (int i = n - 1; i >= 0; i--) {
        void *part = NULL;
        rove_join(tasks[i], &part);
        nodes += (intptr_t)part;
    }
    *result = (void *)nodes;
    return 0;
}

static int64_t pass(long seed, long *nodes)
{
    struct tree_node root = tree_root((uint32_t)seed);
    void *value = NULL;
    int64_t begin = bench_now_ns();
    rove_join(rove_create_task(visit, &root), &value);
    int64_t end = bench_now_ns();
    *nodes = (long)(intptr_t)value;
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long nodes, deepest = bench_param("DEPTH", DEPTH), seed = bench_param("SEED", SEED);
    branching = bench_param("BRANCHING", BRANCHING);
    depth = deepest - 2;
    pass(seed, &nodes);
    depth = deepest;
    int64_t ns = pass(seed, &nodes);
    bench_check(tree_is_right(nodes, branching, depth, seed), "number of nodes");
    bench_report_each("plain", "ms", ns, BENCH_NS_PER_MS);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
