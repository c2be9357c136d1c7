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
 * Owner: references: the handles; one of the children, dropped when the last of them is done or
 * given up; one for each error that is on its way.
 * The children are given back with the last reference; those that are let go before (future.h) are
 * held again from when they are done: they may own their results.
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
    struct rv_outer keep;
    size_t n;
    RV_ATOMIC(size_t) left;          /* children not done yet */
    RV_ATOMIC(uint32_t) request;
    RV_ATOMIC(uint32_t) is_cancelling; /* a canceller goes through the children */
    bool is_first, is_accepted;      /* that one's: it made the request, a child accepted it */
    struct gather *above;            /* .. where it goes on when it is through */
    size_t at;                       /* .. the next child */
    RV_ATOMIC(uint32_t) is_given_up; /* a child never completes */
    struct rove_future **children;   /* retained; NULL: let go, and named by its cell */
    void **results;                  /* each by its child, before it counts down */
    struct rv_waiter cells[];
};

static struct gather *gather_of(struct rove_future *f)
{
    return rv_container_of(f, struct gather, outer);
}

/* True: done by this; the caller owes rv_future_notify. */
static bool succeed(struct gather *g, uint64_t *notified)
{
    if (rv_state_is_done(&g->outer.state) || rv_load_relaxed(&g->is_given_up) != 0) {
        return false;
    }
    /* order: acq_rel G1. Accepted or refused, never both; pairs with rv_gather_cancel. */
    uint32_t before = rv_exchange_acq_rel(&g->request, (uint32_t)REQUEST_DECIDED);
    if (before == REQUEST_REQUESTED) {
        return rv_future_settle(&g->outer, -ECANCELED, NULL, notified);
    }
    return rv_future_settle(&g->outer, 0, g->results, notified);
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
    uint64_t before;
    if (succeed(g, &before)) {
        rv_future_notify(&g->outer, before);
    }
    rove_release(&g->outer);
    return 0;
}

/* A child is done; before its error is passed on, and it is counted. */
static void note_outcome(struct gather *g, const struct rv_waiter *w)
{
    struct rove_future *child = w->value;
    struct rove_future **held = &g->children[w - g->cells];
    if (*held == NULL) {
        *held = rove_retain(child); /* it was let go */
    }
    g->results[w - g->cells] = child->result;
    rv_state_observe(&child->state);
}

/* True if it is the last one: then the caller owes an end(). */
static bool count_down(struct gather *g)
{
    /* order: acq_rel G2. All results before the last countdown, which publishes them. */
    return rv_fetch_sub_acq_rel(&g->left, 1) == 1;
}

/* As fail(), in turn or here and now. True: a reference is the caller's, as by complete_one. */
static bool pass_error_on(struct gather *g, struct rv_waiter *w)
{
    const struct rove_future *child = w->value;
    uint64_t before;
    rove_retain(&g->outer);
    if (rv_task_run_in_turn(fail, w)) {
        return false;
    }
    if (rv_future_settle(&g->outer, child->error, NULL, &before)) {
        rv_store_relaxed(&w->fired, 1u);
    }
    return true;
}

/* The cell's on_fire. True: a reference is the caller's, who tells the waiters if w is fired. */
static bool complete_one(struct rv_waiter *w)
{
    struct gather *g = w->owner;
    const struct rove_future *child = w->value;
    uint64_t before;
    note_outcome(g, w);
    bool is_failed = child->error < 0 && pass_error_on(g, w);
    if (!count_down(g) || rv_task_run_in_turn(end, g)) {
        return is_failed;
    }
    if (is_failed) {
        rove_release(&g->outer); /* of two: it lives, and has nothing to let go under a lock */
    } else if (succeed(g, &before)) {
        rv_store_relaxed(&w->fired, 1u);
    }
    return true;
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
            note_outcome(g, w);
            if (fs[i]->error < 0) {
                rv_future_complete(&g->outer, fs[i]->error, NULL);
            }
            count_down(g); /* not the last: this loop counts too */
        }
    }
    /* order: acq_rel G2. As a child's; pairs with count_down. */
    if (rv_fetch_sub_acq_rel(&g->left, 1) == 1) {
        end(g, NULL);
    }
    return &g->outer;
}

/* A gather that awaits itself by a detour would be gone through for ever: the detour is refused,
 * and so the cancellation stays with who awaits it there. */
static bool begin_cancel(struct gather *g, struct gather *above)
{
    /* order: acquire G3. One canceller at a time; pairs with end_cancel. */
    if (rv_state_is_done(&g->outer.state) || rv_exchange_acquire(&g->is_cancelling, 1u) != 0) {
        return false;
    }
    uint32_t none = REQUEST_NONE;
    /* order: acq_rel G1. Pairs with succeed. */
    g->is_first = rv_cas_acq_rel(&g->request, &none, (uint32_t)REQUEST_REQUESTED);
    g->is_accepted = false;
    g->above = above;
    g->at = 0;
    return true;
}

/* True if one of the children accepted. */
static bool end_cancel(struct gather *g)
{
    bool is_accepted = g->is_accepted;
    if (!is_accepted && g->is_first) {
        uint32_t mine = REQUEST_REQUESTED;
        /* order: acq_rel G1. Withdrawn, unless the last child has taken it; pairs with succeed. */
        is_accepted = !rv_cas_acq_rel(&g->request, &mine, (uint32_t)REQUEST_NONE);
    }
    /* order: release G3. Pairs with begin_cancel. */
    rv_store_release(&g->is_cancelling, 0u);
    return is_accepted;
}

/* Children that are gathers are gone into one within the other, without a frame for each. */
bool rv_gather_cancel(struct rove_future *f, unsigned depth)
{
    struct gather *g = gather_of(f);
    bool is_accepted = false;
    if (!begin_cancel(g, NULL)) {
        return false;
    }
    while (g != NULL) {
        if (g->at == g->n) {
            struct gather *above = g->above;
            is_accepted = end_cancel(g);
            g = above;
        } else {
            struct rove_future *child = g->children[g->at++];
            if (child->kind != RV_FUTURE_GATHER) {
                is_accepted = rv_future_cancel_within(child, depth + 1);
            } else if (begin_cancel(gather_of(child), g)) {
                g = gather_of(child);
                continue;
            } else {
                is_accepted = false;
            }
        }
        if (g != NULL) {
            g->is_accepted |= is_accepted;
        }
    }
    return is_accepted;
}

void rv_gather_destroy(struct rove_future *f, struct rv_doomed *doomed)
{
    struct gather *g = gather_of(f);
    RV_CHECK(rv_load_relaxed(&g->left) == 0, "a gather outlives what it has not given up");
    for (size_t i = 0; i < g->n; i++) {
        rv_future_release_later(g->children[i], doomed);
    }
}

struct rv_outer *rv_gather_outer(struct rove_future *f)
{
    return &gather_of(f)->keep;
}

bool rv_gather_holds(struct rove_future *f)
{
    const struct gather *g = gather_of(f);
    /* The children's reference is there as long as one is left; who has seen that it is gone, in
     * the state word, sees none left. */
    return rv_load_relaxed(&g->left) != 0 && !g->keep.has_let_go;
}

void rv_gather_let_go(struct rove_future *f, struct rv_doomed *doomed)
{
    struct gather *g = gather_of(f);
    for (size_t i = 0; i < g->n; i++) {
        struct rove_future *child = g->children[i];
        if (child->kind == RV_FUTURE_TASK) {
            continue; /* ends by itself */
        }
        rv_lock_acquire(&child->lock);
        bool is_queued = rv_waitq_is_queued(&child->waiters, &g->cells[i]);
        if (is_queued) {
            g->children[i] = NULL;
        }
        rv_lock_release(&child->lock);
        if (is_queued) {
            rv_future_release_later(child, doomed);
        }
    }
}

bool rv_gather_give_up(struct rove_future *f)
{
    struct gather *g = gather_of(f);
    rv_store_relaxed(&g->is_given_up, 1u);
    return count_down(g);
}
