// SPDX-License-Identifier: MIT
/*
 * Purpose: gather as a future: it nests, several tasks can await it, it is cancelled as one.
 *
 * Idea: one block: the future, a cell and a handle for each child, the results.
 *
 *     [ outer | left request | cell 0 .. n-1 ] [ child 0 .. n-1 ] [ result 0 .. n-1 ]
 *
 * A child that completes, on whatever thread, notes its result and counts down. The first error,
 * or the last child, completes the outer future; on one worker a round later, as in asyncio, where
 * children report by callbacks. `request` settles who was first when the last
 * child ends while somebody cancels:
 *
 *     NONE -> REQUESTED -> DECIDED    the outer ends with -ECANCELED: the request was accepted
 *     NONE -> DECIDED                 it ends with results: a canceller is refused
 *
 * Owner: references: the handles; one of the children, dropped when the last of them is done; one
 * for each error that is on its way.
 * The children are given back with the last reference.
 */
#include "sched/gather.h"

#include "core/check.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/task.h"

#include <rove/wait.h>

#include <errno.h>

enum { REQUEST_NONE, REQUEST_REQUESTED, REQUEST_DECIDED };

struct gather {
    struct rove_future outer;
    size_t n;
    RV_ATOMIC(size_t) left;          /* children not done yet */
    RV_ATOMIC(uint32_t) request;
    RV_ATOMIC(uint32_t) is_cancelling; /* a canceller goes through the children */
    struct rove_future **children;   /* constant; retained */
    void **results;                  /* each by its child, before it counts down */
    struct rv_waiter cells[];
};

static struct gather *gather_of(struct rove_future *f)
{
    return rv_container_of(f, struct gather, outer);
}

static void succeed(struct gather *g)
{
    /* order: acq_rel G1. Accepted or refused, never both; pairs with rv_gather_cancel. */
    uint32_t before = rv_exchange_acq_rel(&g->request, (uint32_t)REQUEST_DECIDED);
    if (before == REQUEST_REQUESTED) {
        rv_future_complete(&g->outer, -ECANCELED, NULL);
    } else {
        rv_future_complete(&g->outer, 0, g->results);
    }
}

/* Only the first completes the outer future; the others are told that they came late. */
static int fail(void *arg, RV_UNUSED void **result)
{
    struct rv_waiter *w = arg;
    struct gather *g = w->owner;
    const struct rove_future *child = w->value;
    rv_future_complete(&g->outer, child->error, NULL);
    rove_release(&g->outer);
    return 0;
}

static int end(void *arg, RV_UNUSED void **result)
{
    struct gather *g = arg;
    if (!rv_state_is_done(&g->outer.state)) {
        succeed(g);
    }
    rove_release(&g->outer);
    return 0;
}

/* A child is done; true if it is the last one: then the caller owes an end(). */
static bool count_down(struct gather *g, struct rv_waiter *w, void (*run)(rove_coro *, void *))
{
    struct rove_future *child = w->value;
    g->results[w - g->cells] = child->result;
    rv_state_observe(&child->state);
    if (child->error < 0) {
        rove_retain(&g->outer);
        run(fail, w);
    }
    /* order: acq_rel G2. All results before the last countdown, which publishes them. */
    return rv_fetch_sub_acq_rel(&g->left, 1) == 1;
}

static void complete_one(struct rv_waiter *w)
{
    struct gather *g = w->owner;
    if (count_down(g, w, rv_task_run_in_turn)) {
        rv_task_run_in_turn(end, g);
    }
}

static void run_now(rove_coro *fn, void *ctx)
{
    void *result;
    fn(ctx, &result);
}

static struct gather *create(size_t n)
{
    const size_t each = sizeof(struct rv_waiter) + sizeof(struct rove_future *) + sizeof(void *);
    if (n > (SIZE_MAX - sizeof(struct gather)) / each) {
        return NULL;
    }
    struct rove_future *outer =
        rv_future_alloc(sizeof(struct gather) + n * each, RV_FUTURE_GATHER, 2);
    if (outer == NULL) {
        return NULL;
    }
    struct gather *g = gather_of(outer);
    g->n = n;
    g->children = (struct rove_future **)(void *)&g->cells[n];
    g->results = (void **)&g->children[n];
    /* One more than there are: the loop that adds the cells counts as a child meanwhile. */
    rv_store_relaxed(&g->left, n + 1);
    return g;
}

/* A future that could not be made for lack of memory makes a gather that cannot either. */
static bool are_all_there(size_t n, rove_future *const fs[])
{
    for (size_t i = 0; i < n; i++) {
        if (fs == NULL || fs[i] == NULL) {
            return false;
        }
    }
    return true;
}

rove_future *rove_gather_future(size_t n, rove_future *const fs[])
{
    if (rv_current_worker() == NULL || !are_all_there(n, fs)) {
        return NULL;
    }
    struct gather *g = create(n);
    if (g == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        g->children[i] = rove_retain(fs[i]);
    }
    for (size_t i = 0; i < n; i++) {
        struct rv_waiter *w = &g->cells[i];
        rv_waiter_init(w, NULL);
        w->owner = g;
        w->value = fs[i];
        w->tag = RV_WAITER_OF_FUTURE;
        w->on_fire = complete_one;
        if (!rv_future_add_waiter(fs[i], w)) {
            count_down(g, w, run_now); /* not the last: this loop counts too */
        }
    }
    /* order: acq_rel G2. As a child's; pairs with count_down. */
    if (rv_fetch_sub_acq_rel(&g->left, 1) == 1) {
        run_now(end, g);
    }
    return &g->outer;
}

/* Cancels every child; true if one of them accepted. */
static bool cancel_children(struct gather *g, unsigned depth)
{
    bool is_accepted = false;
    for (size_t i = 0; i < g->n; i++) {
        is_accepted |= rv_future_cancel_within(g->children[i], depth);
    }
    return is_accepted;
}

bool rv_gather_cancel(struct rove_future *f, unsigned depth)
{
    struct gather *g = gather_of(f);
    /* A gather that awaits itself by a detour would be gone through for ever: the detour is
     * refused, and so the cancellation stays with who awaits it there. */
    /* order: acquire G3. One canceller at a time; pairs with the release below. */
    if (rv_state_is_done(&f->state) || rv_exchange_acquire(&g->is_cancelling, 1u) != 0) {
        return false;
    }
    uint32_t none = REQUEST_NONE;
    /* order: acq_rel G1. Pairs with succeed. */
    bool is_first = rv_cas_acq_rel(&g->request, &none, (uint32_t)REQUEST_REQUESTED);
    bool is_accepted = cancel_children(g, depth + 1);
    if (!is_accepted && is_first) {
        uint32_t mine = REQUEST_REQUESTED;
        /* order: acq_rel G1. Withdrawn, unless the last child has taken it; pairs with succeed. */
        is_accepted = !rv_cas_acq_rel(&g->request, &mine, (uint32_t)REQUEST_NONE);
    }
    /* order: release G3. Pairs with the exchange above. */
    rv_store_release(&g->is_cancelling, 0u);
    return is_accepted;
}

void rv_gather_destroy(struct rove_future *f, struct rove_future **doomed)
{
    struct gather *g = gather_of(f);
    RV_CHECK(rv_load_relaxed(&g->left) == 0, "a gather lives until its children are done");
    for (size_t i = 0; i < g->n; i++) {
        rv_future_release_later(g->children[i], doomed);
    }
}
