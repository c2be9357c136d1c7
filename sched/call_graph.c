// SPDX-License-Identifier: MIT
/*
 * Purpose: who awaits whom, as a tree of tasks.
 *
 * Idea: each task is inspected (inspect.h): it waits in `object`. Then each task is asked in which
 * objects others wait for it: itself, and the owners of the cells in its queue (a gather, a group,
 * a select ..), through futures that only pass on. Where the two meet, one task awaits the other.
 * All by comparing addresses: nothing of what is waited for is followed that might be gone.
 *
 *     a waits in g            b's queue has a cell of g          =>   a
 *                             c's queue has a cell of g               |-- b
 *                                                                     `-- c
 *
 * A task in a mutex awaits the one that holds it. Tasks that nobody awaits are roots; what is left
 * over then lies on or behind a circle, which is entered at its first task.
 *
 * Threads: any; the runtime goes on meanwhile, so edges are of slightly different moments.
 * Cost: allocates; O(n log n) for n tasks and edges.
 */
#include "core/check.h"
#include "sched/fork.h"
#include "sched/future.h"
#include "sched/inspect.h"
#include "sched/runtime.h"
#include "sched/task.h"

#include <rove/debug.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RV_GRAPH_PASSED_ON 64 /* futures between a task and who waits for it; arbitrary */
#define RV_GRAPH_INDENT 40    /* levels that are drawn */
#define NOBODY SIZE_MAX

struct node {
    struct rv_task *task;     /* retained */
    struct rv_inspection seen;
    size_t first, end;        /* its edges: whom it awaits */
    size_t parent, next;      /* while it is on the path: who led here, the next edge to follow */
    size_t awaiter;           /* one of those who await it, or NOBODY */
    size_t visit;             /* the last walk that came by */
    uint32_t level;
    bool is_printed, is_on_path;
};

struct edge {
    size_t from, to;          /* indexes of nodes; from awaits to */
};

/* A cell that passes a completion on. */
struct link {
    void *owner;
    bool is_future;           /* the owner is one, and retained */
};

struct graph {
    struct node *nodes;       /* by id */
    size_t n;
    size_t *by_object;        /* indexes of nodes, by what they wait in */
    size_t *by_task;          /* the same, by address */
    struct edge *edges;
    size_t edge_count, edge_capacity;
    struct link *links;       /* scratch: cells of one future */
    size_t link_capacity;
    bool is_short_of_memory;
};

static int compare_addresses(const void *a, const void *b)
{
    return (uintptr_t)a < (uintptr_t)b ? -1 : (uintptr_t)a > (uintptr_t)b;
}

static int compare_ids(const void *a, const void *b)
{
    const struct node *x = a;
    const struct node *y = b;
    return x->task->id < y->task->id ? -1 : x->task->id > y->task->id;
}

static int compare_edges(const void *a, const void *b)
{
    const struct edge *x = a;
    const struct edge *y = b;
    if (x->from != y->from) {
        return x->from < y->from ? -1 : 1;
    }
    return x->to < y->to ? -1 : x->to > y->to;
}

static int compare_objects(const void *a, const void *b, void *nodes)
{
    const struct node *all = nodes;
    return compare_addresses(all[*(const size_t *)a].seen.object,
                             all[*(const size_t *)b].seen.object);
}

static int compare_tasks(const void *a, const void *b, void *nodes)
{
    const struct node *all = nodes;
    return compare_addresses(all[*(const size_t *)a].task, all[*(const size_t *)b].task);
}

static void add_edge(struct graph *g, size_t from, size_t to)
{
    if (g->edge_count == g->edge_capacity) {
        size_t capacity = g->edge_capacity == 0 ? 64 : g->edge_capacity * 2;
        struct edge *grown = realloc(g->edges, capacity * sizeof *grown);
        if (grown == NULL) {
            g->is_short_of_memory = true;
            return;
        }
        g->edges = grown;
        g->edge_capacity = capacity;
    }
    g->edges[g->edge_count++] = (struct edge){from, to};
}

/* Everybody who waits in this object awaits node `to`. */
static void add_waiters_in(struct graph *g, const void *object, size_t to)
{
    size_t low = 0;
    size_t high = g->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const void *there = g->nodes[g->by_object[middle]].seen.object;
        if ((uintptr_t)there < (uintptr_t)object) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < g->n && g->nodes[g->by_object[low]].seen.object == object; low++) {
        add_edge(g, g->by_object[low], to);
    }
}

/* One that waits for a mutex awaits its holder, if that is a task of ours. */
static void add_holder(struct graph *g, size_t from)
{
    size_t low = 0;
    size_t high = g->n;
    const void *holder = g->nodes[from].seen.holder;
    while (holder != NULL && low < high) {
        size_t middle = low + (high - low) / 2;
        const void *there = g->nodes[g->by_task[middle]].task;
        if (there == holder) {
            add_edge(g, from, g->by_task[middle]);
            return;
        }
        if ((uintptr_t)there < (uintptr_t)holder) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
}

/* Up to capacity of the cells in f's queue that are not simply a task's; how many there are. */
static size_t copy_links(struct rove_future *f, struct link *links, size_t capacity)
{
    size_t n = 0;
    rv_lock_acquire(&f->lock);
    for (const struct rv_waiter *w = f->waiters.first; w != NULL; w = w->next) {
        n += w->on_fire != NULL;
    }
    const struct rv_waiter *w = n <= capacity ? f->waiters.first : NULL;
    for (; w != NULL; w = w->next) {
        if (w->on_fire != NULL) {
            bool is_future = w->tag == RV_WAITER_OF_FUTURE;
            *links++ = (struct link){w->owner, is_future};
            if (is_future) {
                rove_retain(w->owner); /* lives: its cell is still queued */
            }
        }
    }
    rv_lock_release(&f->lock);
    return n;
}

static size_t read_links(struct graph *g, struct rove_future *f)
{
    size_t n;
    while ((n = copy_links(f, g->links, g->link_capacity)) > g->link_capacity) {
        struct link *grown = realloc(g->links, n * 2 * sizeof *grown);
        if (grown == NULL) {
            g->is_short_of_memory = true;
            return 0;
        }
        g->links = grown;
        g->link_capacity = n * 2;
    }
    return n;
}

/* Edges to one node: from who waits in it, or in anything that its completion is passed on to. */
static void add_awaiters(struct graph *g, size_t to)
{
    struct rove_future *passed_on[RV_GRAPH_PASSED_ON];
    size_t count = 1;
    passed_on[0] = rove_retain(&g->nodes[to].task->future);
    for (size_t i = 0; i < count; i++) {
        add_waiters_in(g, passed_on[i], to);
        size_t n = read_links(g, passed_on[i]);
        for (size_t k = 0; k < n; k++) {
            if (!g->links[k].is_future) {
                add_waiters_in(g, g->links[k].owner, to);
            } else if (count < RV_GRAPH_PASSED_ON) {
                passed_on[count++] = g->links[k].owner;
            } else {
                rove_release(g->links[k].owner);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        rove_release(passed_on[i]);
    }
}

static void sort_edges(struct graph *g)
{
    size_t kept = 0;
    if (g->edge_count > 0) {
        qsort(g->edges, g->edge_count, sizeof *g->edges, compare_edges);
    }
    for (size_t i = 0; i < g->edge_count; i++) {
        const struct edge *e = &g->edges[i];
        if (kept > 0 && compare_edges(&g->edges[kept - 1], e) == 0) {
            continue;
        }
        g->edges[kept++] = *e;
        g->nodes[e->to].awaiter = e->from;
    }
    g->edge_count = kept;
    for (size_t i = 0, at = 0; i < g->n; i++) {
        g->nodes[i].first = at;
        while (at < kept && g->edges[at].from == i) {
            at++;
        }
        g->nodes[i].end = at;
    }
}

static bool read_nodes(struct graph *g, struct rove_runtime *runtime)
{
    struct rv_task **tasks = rv_runtime_tasks(runtime, &g->n);
    g->nodes = calloc(g->n + 1, sizeof *g->nodes);
    g->by_object = calloc(g->n + 1, sizeof *g->by_object);
    g->by_task = calloc(g->n + 1, sizeof *g->by_task);
    bool is_short = g->nodes == NULL || g->by_object == NULL || g->by_task == NULL;
    for (size_t i = 0; i < g->n; i++) {
        if (is_short) {
            rove_release(&tasks[i]->future);
        } else {
            g->nodes[i].task = tasks[i];
        }
    }
    free(tasks);
    g->n = is_short ? 0 : g->n;
    return !is_short;
}

/* 0 or -ENOMEM; owes a dismantle either way. */
static int build(struct graph *g, struct rove_runtime *runtime)
{
    *g = (struct graph){0};
    if (!read_nodes(g, runtime)) {
        return -ENOMEM;
    }
    qsort(g->nodes, g->n, sizeof *g->nodes, compare_ids);
    for (size_t i = 0; i < g->n; i++) {
        rv_inspect(g->nodes[i].task, &g->nodes[i].seen);
        g->nodes[i].awaiter = NOBODY;
        g->nodes[i].visit = NOBODY;
        g->by_object[i] = i;
        g->by_task[i] = i;
    }
    qsort_r(g->by_object, g->n, sizeof *g->by_object, compare_objects, g->nodes);
    qsort_r(g->by_task, g->n, sizeof *g->by_task, compare_tasks, g->nodes);
    for (size_t i = 0; i < g->n; i++) {
        add_awaiters(g, i);
        add_holder(g, i);
    }
    sort_edges(g);
    return g->is_short_of_memory ? -ENOMEM : 0;
}

static void dismantle(struct graph *g)
{
    for (size_t i = 0; i < g->n; i++) {
        rove_release(&g->nodes[i].task->future);
    }
    free(g->nodes);
    free(g->by_object);
    free(g->by_task);
    free(g->edges);
    free(g->links);
}

/* Is there nothing more to print below this node? */
static bool is_last(const struct node *n)
{
    return n->next == n->end;
}

/* What stands before a node's name: a line down for each ancestor that has more to come. */
static void print_branch(const struct graph *g, const struct node *n, FILE *out)
{
    const struct node *above[RV_GRAPH_INDENT];
    size_t depth = 0;
    for (size_t at = n->parent; at != NOBODY && depth < RV_GRAPH_INDENT;) {
        above[depth++] = &g->nodes[at];
        at = g->nodes[at].parent;
    }
    if (n->level > RV_GRAPH_INDENT) {
        fprintf(out, "(level %u) ", n->level);
    }
    while (depth > 1) {
        fputs(is_last(above[--depth]) ? "    " : "|   ", out);
    }
    if (depth == 1) {
        fputs(is_last(above[0]) ? "`-- " : "|-- ", out);
    }
}

static void print_node(const struct graph *g, const struct node *n, FILE *out)
{
    char name[RV_INSPECT_NAME_BYTES];
    char line[96];
    rv_inspect_name(n->task, name);
    rv_inspect_describe(&n->seen, line, sizeof line);
    print_branch(g, n, out);
    fprintf(out, "%s %s%s\n", name, line,
            n->is_on_path   ? " (a circle: see above)"
            : n->is_printed ? " (see above)"
                            : "");
}

/* The edge from `at` leads to a node that stands in the tree already: one line, no further. */
static void print_again(const struct graph *g, size_t at, size_t to, FILE *out)
{
    struct node again = g->nodes[to];
    again.parent = at;
    again.level = g->nodes[at].level + 1;
    print_node(g, &again, out);
}

/* The tree below a root, along parents and next edges in the nodes: it may be very deep. */
static void print_tree(struct graph *g, size_t root, FILE *out)
{
    size_t at = root;
    g->nodes[root].parent = NOBODY;
    while (at != NOBODY) {
        struct node *n = &g->nodes[at];
        if (!n->is_printed) {
            n->next = n->first;
            print_node(g, n, out);
            n->is_printed = true;
            n->is_on_path = true;
        }
        if (n->next == n->end) {
            n->is_on_path = false;
            at = n->parent;
            continue;
        }
        size_t to = g->edges[n->next++].to;
        if (g->nodes[to].is_printed) {
            print_again(g, at, to, out);
        } else {
            g->nodes[to].parent = at;
            g->nodes[to].level = n->level + 1;
            at = to;
        }
    }
}

/*
 * A node that is left over is awaited by one that is left over too, else it would stand below that
 * one. So going from awaiter to awaiter ends in a circle.
 */
static size_t enter_circle(struct graph *g, size_t from)
{
    size_t at = from;
    while (g->nodes[at].visit != from) {
        g->nodes[at].visit = from;
        at = g->nodes[at].awaiter;
    }
    return at;
}

static void print_all(struct graph *g, FILE *out)
{
    fprintf(out, "%zu tasks, awaited ones below who awaits them\n", g->n);
    for (size_t i = 0; i < g->n; i++) {
        if (g->nodes[i].awaiter == NOBODY) {
            print_tree(g, i, out);
        }
    }
    for (size_t i = 0; i < g->n; i++) {
        while (!g->nodes[i].is_printed) {
            print_tree(g, enter_circle(g, i), out);
        }
    }
}

/* Whatever could end this wait is a task of the runtime. Edges to the same one count once. */
static bool is_node_closed(const struct graph *g, const struct node *n)
{
    size_t edges = n->end - n->first;
    if (n->seen.activity != RV_TASK_WAITING) {
        return false;
    }
    if (n->seen.kind == RV_WAIT_GATHER) {
        return n->seen.missing > 0 && edges == n->seen.missing;
    }
    if (n->seen.kind == RV_WAIT_FUTURE) {
        return edges == 1 && &g->nodes[g->edges[n->first].to].task->future == n->seen.object;
    }
    return n->seen.kind == RV_WAIT_MUTEX && edges > 0;
}

bool rv_call_graph_is_closed(struct rove_runtime *runtime)
{
    struct graph g;
    bool is_closed = build(&g, runtime) == 0;
    for (size_t i = 0; i < g.n; i++) {
        is_closed = is_closed && is_node_closed(&g, &g.nodes[i]);
    }
    dismantle(&g);
    return is_closed;
}

int rove_print_call_graph(rove_runtime *runtime, FILE *out)
{
    struct graph g;
    if (runtime == NULL || out == NULL) {
        return -EINVAL;
    }
    if (rv_fork_is_dead(runtime)) {
        return -EOWNERDEAD;
    }
    int rc = build(&g, runtime);
    if (rc == 0) {
        print_all(&g, out);
        rc = ferror(out) ? -EIO : 0;
    }
    dismantle(&g);
    return rc;
}
