// SPDX-License-Identifier: MIT
/*
 * Purpose: an iteration over futures in the order in which they complete.
 *
 * Idea: each future has a cell; when it fires, the future goes to the end of `ready`, or straight
 * to the first task that waits. The deadline, if it comes first, ends the iteration: what is ready
 * is still handed out, every future that was not is one -ETIMEDOUT.
 *
 *     ready   [ taken | waiting to be taken | room for the rest ]
 *               0      head                  tail              n
 *
 * Owner: rove_as_completed_open allocates all in one block, close frees it. Futures are retained.
 * Threads: tasks; cells fire on any thread, under their future's lock, then `lock`.
 */
#include "core/check.h"
#include "core/clock.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/suspend.h"
#include "sched/timer.h"

#include <rove/wait.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rove_as_completed {
    size_t n;                     /* constant: different futures */
    struct rove_future **futures; /* constant, retained */
    struct rv_waiter *cells;      /* one for each */
    struct rv_timer timer;
    bool has_timer;

    struct rv_lock lock;          /* guards what follows */
    bool is_expired;
    size_t asked;                 /* nexts that were answered or wait for an answer */
    size_t head, tail;
    struct rove_future **ready;
    struct rv_waitq waiters;
};

/* Under the lock of the future. */
static bool take_completed(struct rv_waiter *cell)
{
    struct rove_as_completed *it = cell->owner;
    rv_lock_acquire(&it->lock);
    if (!it->is_expired) {
        struct rv_waiter *w = rv_waitq_pop(&it->waiters);
        if (w != NULL) {
            w->value = cell->value;
            rv_waiter_fire(w);
        } else {
            it->ready[it->tail++] = cell->value;
        }
    }
    rv_lock_release(&it->lock);
    /* order: release A1. The last use of `it` before fired; pairs with rove_as_completed_close. */
    rv_store_release(&cell->fired, 1u);
    return false;
}

static void expire(struct rv_timer *timer)
{
    struct rove_as_completed *it = rv_container_of(timer, struct rove_as_completed, timer);
    struct rv_waiter *w;
    rv_lock_acquire(&it->lock);
    it->is_expired = true;
    while ((w = rv_waitq_pop(&it->waiters)) != NULL) {
        w->value = NULL;
        rv_waiter_fire(w);
    }
    rv_lock_release(&it->lock);
}

/* Copies fs to `to` without repetitions, in order: how many there are. `seen` is all NULL. */
static size_t copy_distinct(struct rove_future **to, size_t n, rove_future *const fs[],
                            rove_future **seen, size_t seen_mask)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        /* Fibonacci hashing of the address; the low bits of a handle are always the same. */
        size_t at = (size_t)(((uintptr_t)fs[i] >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 20);
        at &= seen_mask;
        while (seen[at] != NULL && seen[at] != fs[i]) {
            at = (at + 1) & seen_mask;
        }
        if (seen[at] == NULL) {
            seen[at] = fs[i];
            to[count++] = fs[i];
        }
    }
    return count;
}

static bool fill_distinct(struct rove_as_completed *it, size_t n, rove_future *const fs[])
{
    size_t seen_count = 4;
    while (seen_count < 2 * n) {
        seen_count *= 2;
    }
    rove_future **seen = calloc(seen_count, sizeof(*seen));
    if (seen == NULL) {
        return false;
    }
    it->n = copy_distinct(it->futures, n, fs, seen, seen_count - 1);
    free(seen);
    return true;
}

/* All of one block: the struct, then cells, futures and ready of n entries each. */
static struct rove_as_completed *create(size_t n, rove_future *const fs[])
{
    const size_t each = sizeof(struct rv_waiter) + 2 * sizeof(struct rove_future *);
    if (n > SIZE_MAX / 4 / each) {
        return NULL;
    }
    struct rove_as_completed *it = malloc(sizeof(*it) + n * each);
    if (it == NULL) {
        return NULL;
    }
    memset(it, 0, sizeof(*it));
    it->cells = (struct rv_waiter *)(void *)(it + 1);
    it->futures = (struct rove_future **)(void *)(it->cells + n);
    it->ready = it->futures + n;
    if (!fill_distinct(it, n, fs)) {
        free(it);
        return NULL;
    }
    return it;
}

static void watch(struct rove_as_completed *it)
{
    for (size_t i = 0; i < it->n; i++) {
        struct rv_waiter *cell = &it->cells[i];
        rv_waiter_init(cell, NULL);
        cell->owner = it;
        cell->value = rove_retain(it->futures[i]);
        cell->on_fire = take_completed;
        if (!rv_future_add_waiter(it->futures[i], cell)) {
            take_completed(cell);
        }
    }
}

rove_as_completed *rove_as_completed_open(size_t n, rove_future *const fs[], rove_duration timeout)
{
    if (rv_current_worker() == NULL || (n != 0 && fs == NULL)) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (fs[i] == NULL) {
            return NULL;
        }
    }
    struct rove_as_completed *it = create(n, fs);
    if (it == NULL) {
        return NULL;
    }
    watch(it); /* first, as in asyncio: what is done already comes before a deadline */
    if (timeout >= 0) {
        rv_heap_node_init(&it->timer.node);
        if (rv_timer_arm(&it->timer, rv_clock_add(rv_clock_now(), timeout), expire) < 0) {
            rove_as_completed_close(it);
            return NULL;
        }
        it->has_timer = true;
    }
    return it;
}

/* 1: *f is the next; 0: none is left; -ETIMEDOUT; -EINPROGRESS: w is queued for one. */
static int take_ready(struct rove_as_completed *it, struct rv_waiter *w, rove_future **f)
{
    int rc = 1;
    rv_lock_acquire(&it->lock);
    if (it->asked == it->n) {
        rc = 0;
    } else if (it->head < it->tail) {
        *f = it->ready[it->head++];
        it->asked++;
    } else if (it->is_expired) {
        rc = -ETIMEDOUT;
        it->asked++;
    } else {
        rc = -EINPROGRESS;
        it->asked++;
        rv_waitq_push(&it->waiters, w);
    }
    rv_lock_release(&it->lock);
    return rc;
}

int rove_as_completed_next(rove_as_completed *it, rove_future **f)
{
    struct rv_task *self = rv_current_task();
    struct rv_waiter w;
    if (self == NULL) {
        return -EPERM;
    }
    if (it == NULL || f == NULL) {
        return -EINVAL;
    }
    rv_waiter_init(&w, self);
    int rc = take_ready(it, &w, f);
    if (rc != -EINPROGRESS) {
        return rc;
    }
    rc = rv_waitq_wait(&it->waiters, &it->lock, &w, RV_WAIT_MANY, it);
    if (rc < 0) {
        rv_lock_acquire(&it->lock);
        it->asked--; /* the one it did not wait for is there for the next call */
        rv_lock_release(&it->lock);
        return rc;
    }
    if (w.value == NULL) {
        return -ETIMEDOUT;
    }
    rv_resume_in_turn(self);
    *f = w.value;
    return 1;
}

void rove_as_completed_close(rove_as_completed *it)
{
    if (it == NULL) {
        return;
    }
    if (it->has_timer) {
        rv_timer_disarm(&it->timer);
    }
    RV_CHECK(rv_waitq_is_empty(&it->waiters), "nobody waits in an iteration that is closed");
    for (size_t i = 0; i < it->n; i++) {
        /* order: acquire A1. Pairs with take_completed. */
        if (rv_load_acquire(&it->cells[i].fired) == 0) {
            rv_future_remove_waiter(it->futures[i], &it->cells[i]);
        }
        rove_release(it->futures[i]);
    }
    free(it);
}
