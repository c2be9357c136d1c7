// SPDX-License-Identifier: MIT
/*
 * Purpose: asyncio's queues: bounded or not, three orders, join, shutdown.
 *
 * Idea: a put that finds a waiting getter stores its item and grants that getter the right to one
 * item; the getter takes the best one when it runs, so a priority queue hands out the smallest at
 * that moment, as asyncio does. Granted rights are counted in `reserved`, and nobody else may take
 * the items they stand for. A get that makes room stores the item of the first waiting putter.
 *
 *     items  [ a b c d e ]      count = 5, reserved = 2: three are free for who comes
 *
 * A getter with a right that finds itself cancelled passes the right on. A putter that is cancelled
 * is passed over; one that is cancelled after its item was stored has put it, and leaves the
 * cancellation for its next suspension. So no item is lost. A shutdown that leaves items closes
 * no getter yet: a right may still be passed on. Who takes the last item closes the others.
 *
 * Threads: any; everything is under the queue's lock, but for the look at the size.
 */
#include "core/check.h"
#include "sched/items.h"
#include "sched/sync.h"

#include <rove/blocking.h>
#include <rove/chan.h>
#include <stdlib.h>

struct rove_queue {
    size_t maxsize; /* constant; SIZE_MAX: unbounded */

    struct rv_home lock; /* guards the rest */
    bool is_at_home;     /* how its holder came by it */
    bool is_shutdown;
    size_t reserved;   /* items that stand for rights granted to getters */
    size_t unfinished; /* put, and not yet reported done */
    size_t taken;      /* got, and not yet reported done */
    struct rv_items items;
    struct rv_waitq getters;
    struct rv_waitq putters; /* cell->value is the item */
    struct rv_waitq joiners;
    RV_ATOMIC(size_t) size; /* items.count for who looks without the lock */
};

/* Cells that were taken out under the lock and are to be fired after it, first to last. */
struct fired {
    struct rv_waiter *first;
    struct rv_waiter **link;
};

static inline void lock_queue(rove_queue *q)
{
    q->is_at_home = rv_home_enter(&q->lock, rv_current_worker());
}

static inline void unlock_queue(rove_queue *q)
{
    rv_home_leave(&q->lock, q->is_at_home);
}

static void fired_add(struct fired *fired, struct rv_waiter *w, enum rv_sync_outcome outcome)
{
    w->tag = outcome;
    *fired->link = w;
    fired->link = &w->next;
}

static rove_queue *create(size_t maxsize, enum rv_items_order order, rove_queue_compare *compare)
{
    rove_queue *q = calloc(1, sizeof *q);
    if (q != NULL) {
        q->maxsize = maxsize == 0 ? SIZE_MAX : maxsize;
        q->items.order = order;
        q->items.compare = compare;
    }
    return q;
}

rove_queue *rove_queue_create(size_t maxsize)
{
    return create(maxsize, RV_ITEMS_FIFO, NULL);
}

rove_queue *rove_queue_create_lifo(size_t maxsize)
{
    return create(maxsize, RV_ITEMS_LIFO, NULL);
}

rove_queue *rove_queue_create_priority(size_t maxsize, rove_queue_compare *compare)
{
    return compare != NULL ? create(maxsize, RV_ITEMS_PRIORITY, compare) : NULL;
}

void rove_queue_destroy(rove_queue *q)
{
    if (q == NULL) {
        return;
    }
    RV_CHECK(rv_waitq_is_empty(&q->getters), "rove_queue_destroy: nobody waits in get");
    RV_CHECK(rv_waitq_is_empty(&q->putters), "rove_queue_destroy: nobody waits in put");
    RV_CHECK(rv_waitq_is_empty(&q->joiners), "rove_queue_destroy: nobody waits in join");
    free(q->items.slots);
    free(q);
}

/* Lock held, and it is held again on return; others may have been in between. */
static int grow(rove_queue *q)
{
    size_t bytes = rv_items_next_bytes(&q->items);
    unlock_queue(q);
    void *block = bytes == 0 ? NULL : malloc(bytes);
    lock_queue(q);
    if (block == NULL) {
        return -ENOMEM;
    }
    if (!rv_items_has_room(&q->items) && rv_items_next_bytes(&q->items) == bytes) {
        block = rv_items_install(&q->items, block, bytes);
    }
    unlock_queue(q);
    free(block);
    lock_queue(q);
    return 0;
}

/* Lock held, room made. The first waiting getter gets a right to an item. */
static void store(rove_queue *q, void *item, struct fired *fired)
{
    rv_items_push(&q->items, item);
    q->unfinished++;
    struct rv_waiter *getter = rv_waitq_pop(&q->getters);
    if (getter != NULL) {
        q->reserved++;
        fired_add(fired, getter, RV_SYNC_GRANTED);
    }
    rv_store_relaxed(&q->size, q->items.count);
}

/* Lock held. The first putter whose item may come in, taken out; NULL: none. One with a
 * cancellation pending is fired to find that out; it puts again if that has been withdrawn. */
static struct rv_waiter *pop_putter(rove_queue *q, struct fired *fired)
{
    struct rv_waiter *w;
    while ((w = rv_waitq_pop(&q->putters)) != NULL && RV_UNLIKELY(rv_sync_is_cancelled(w))) {
        fired_add(fired, w, RV_SYNC_PASSED_OVER);
    }
    return w;
}

/* Lock held. Takes the next item; the first waiting putter's comes in for it. */
static void *take(rove_queue *q, struct fired *fired)
{
    void *item = rv_items_pop(&q->items);
    q->taken++;
    rv_store_relaxed(&q->size, q->items.count);
    struct rv_waiter *putter = pop_putter(q, fired);
    if (putter != NULL) {
        fired_add(fired, putter, RV_SYNC_GRANTED);
        store(q, putter->value, fired);
    }
    return item;
}

/* Lock held. 0: there is room · -EAGAIN: full · -EPIPE · -ENOMEM. */
static int make_room(rove_queue *q)
{
    for (;;) {
        if (q->is_shutdown) {
            return -EPIPE;
        }
        if (q->items.count >= q->maxsize) {
            return -EAGAIN;
        }
        if (rv_items_has_room(&q->items)) {
            return 0;
        }
        int rc = grow(q);
        if (rc != 0) {
            return rc;
        }
    }
}

/* `caller` NULL: without waiting. */
static int put(rove_queue *q, void *item, const struct rv_caller *caller)
{
    if (q == NULL) {
        return -EINVAL;
    }
    for (;;) {
        struct fired fired = {.first = NULL, .link = &fired.first};
        struct rv_waiter w;
        lock_queue(q);
        int rc = make_room(q);
        if (rc == 0) {
            store(q, item, &fired);
        } else if (rc == -EAGAIN && caller != NULL) {
            rv_waiter_init(&w, caller->task);
            w.value = item;
            rv_waitq_push(&q->putters, &w);
        }
        unlock_queue(q);
        rv_waiter_fire_list(fired.first);
        if (rc != -EAGAIN || caller == NULL) {
            return rc;
        }
        rc = rv_sync_wait_home(&q->putters, &q->lock, &w, caller, RV_WAIT_QUEUE, q);
        if (rc != 0 || w.tag != RV_SYNC_PASSED_OVER) {
            return rc == 0 && w.tag == RV_SYNC_CLOSED ? -EPIPE : rc;
        }
        if (rv_sync_take_cancel(caller)) {
            return -ECANCELED;
        }
    }
}

/* What happens most as straight code: at home, in order, and nobody waits. False: nothing done. */
static RV_ALWAYS_INLINE bool put_at_home(rove_queue *q, void *item, const struct rv_worker *here)
{
    if (RV_UNLIKELY(!rv_home_try_enter(&q->lock, here))) {
        return false;
    }
    bool is_plain = q->items.order == RV_ITEMS_FIFO && rv_waitq_is_empty(&q->getters) &&
                    q->items.count < q->maxsize && rv_items_has_room(&q->items) && !q->is_shutdown;
    if (RV_LIKELY(is_plain)) {
        rv_items_push_last(&q->items, item);
        q->unfinished++;
        rv_store_relaxed(&q->size, q->items.count);
    }
    rv_home_leave(&q->lock, true);
    return is_plain;
}

int rove_queue_put(rove_queue *q, void *item)
{
    struct rv_task *self = rv_current_task();
    if (RV_UNLIKELY(self == NULL)) {
        return -EPERM;
    }
    if (RV_LIKELY(q != NULL && put_at_home(q, item, self->worker))) {
        return 0;
    }
    return put(q, item, &(struct rv_caller){.task = self, .timeout_ns = -1});
}

int rove_queue_put_blocking(rove_queue *q, void *item, rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? put(q, item, &caller) : -EPERM;
}

int rove_queue_try_put(rove_queue *q, void *item)
{
    return put(q, item, NULL);
}

static void close_waiters(struct rv_waitq *waiters, struct fired *fired)
{
    struct rv_waiter *w;
    while ((w = rv_waitq_pop(waiters)) != NULL) {
        fired_add(fired, w, RV_SYNC_CLOSED);
    }
}

/* A granted right is used; an immediate shutdown may have taken the item away. */
static int take_granted(rove_queue *q, void **item)
{
    struct fired fired = {.first = NULL, .link = &fired.first};
    int rc = -EPIPE;
    lock_queue(q);
    if (q->items.count > 0) {
        RV_CHECK(q->reserved > 0, "a granted right is counted");
        q->reserved--;
        *item = take(q, &fired);
        rc = 0;
        if (q->is_shutdown && q->items.count == 0) {
            close_waiters(&q->getters, &fired);
        }
    }
    unlock_queue(q);
    rv_waiter_fire_list(fired.first);
    return rc;
}

/* A granted right is not used: the next getter has it, or whoever comes. */
static int pass_on(rove_queue *q)
{
    struct rv_waiter *next = NULL;
    lock_queue(q);
    if (q->reserved > 0) { /* else an immediate shutdown has taken it */
        next = rv_waitq_pop(&q->getters);
        q->reserved -= next == NULL;
    }
    unlock_queue(q);
    if (next != NULL) {
        next->tag = RV_SYNC_GRANTED;
        rv_waiter_fire(next);
    }
    return -ECANCELED;
}

/* `caller` NULL: without waiting. */
static int get(rove_queue *q, void **item, const struct rv_caller *caller)
{
    if (q == NULL || item == NULL) {
        return -EINVAL;
    }
    struct fired fired = {.first = NULL, .link = &fired.first};
    struct rv_waiter w;
    int rc = -EAGAIN;
    lock_queue(q);
    if (q->items.count > q->reserved) {
        *item = take(q, &fired);
        rc = 0;
    } else if (q->is_shutdown && q->items.count == 0) {
        rc = -EPIPE;
    } else if (caller != NULL) {
        rv_waiter_init(&w, caller->task);
        rv_waitq_push(&q->getters, &w);
    }
    unlock_queue(q);
    rv_waiter_fire_list(fired.first);
    if (rc != -EAGAIN || caller == NULL) {
        return rc;
    }
    rc = rv_sync_wait_home(&q->getters, &q->lock, &w, caller, RV_WAIT_QUEUE, q);
    if (rc == 0 && w.tag == RV_SYNC_CLOSED) {
        rc = -EPIPE;
    } else if (rc == 0) {
        rc = rv_sync_take_cancel(caller) ? pass_on(q) : take_granted(q, item);
    }
    return rc;
}

/* As put_at_home. */
static RV_ALWAYS_INLINE bool get_at_home(rove_queue *q, void **item, const struct rv_worker *here)
{
    if (RV_UNLIKELY(!rv_home_try_enter(&q->lock, here))) {
        return false;
    }
    bool is_plain = q->items.order == RV_ITEMS_FIFO && rv_waitq_is_empty(&q->putters) &&
                    q->items.count > q->reserved;
    if (RV_LIKELY(is_plain)) {
        *item = rv_items_pop_first(&q->items);
        q->taken++;
        rv_store_relaxed(&q->size, q->items.count);
    }
    rv_home_leave(&q->lock, true);
    return is_plain;
}

int rove_queue_get(rove_queue *q, void **item)
{
    struct rv_task *self = rv_current_task();
    if (RV_UNLIKELY(self == NULL)) {
        return -EPERM;
    }
    if (RV_LIKELY(q != NULL && item != NULL && get_at_home(q, item, self->worker))) {
        return 0;
    }
    return get(q, item, &(struct rv_caller){.task = self, .timeout_ns = -1});
}

int rove_queue_get_blocking(rove_queue *q, void **item, rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? get(q, item, &caller) : -EPERM;
}

int rove_queue_try_get(rove_queue *q, void **item)
{
    return rv_current_worker() != NULL ? get(q, item, NULL) : -EPERM;
}

int rove_queue_task_done(rove_queue *q)
{
    if (q == NULL) {
        return -EINVAL;
    }
    struct rv_waiter *joiners = NULL;
    lock_queue(q);
    int rc = q->taken == 0 ? -EINVAL : 0;
    if (rc == 0) {
        q->taken--;
        if (--q->unfinished == 0) {
            joiners = rv_waitq_take_all(&q->joiners);
        }
    }
    unlock_queue(q);
    rv_waiter_fire_list(joiners);
    return rc;
}

int rove_queue_join(rove_queue *q)
{
    struct rv_caller caller;
    if (!rv_sync_is_task(&caller)) {
        return -EPERM;
    }
    if (q == NULL) {
        return -EINVAL;
    }
    struct rv_waiter w;
    rv_waiter_init(&w, caller.task);
    lock_queue(q);
    bool is_finished = q->unfinished == 0;
    if (!is_finished) {
        rv_waitq_push(&q->joiners, &w);
    }
    unlock_queue(q);
    if (is_finished) {
        return 0;
    }
    int rc = rv_sync_wait_home(&q->joiners, &q->lock, &w, &caller, RV_WAIT_QUEUE, q);
    return rc == 0 && rv_sync_take_cancel(&caller) ? -ECANCELED : rc;
}

int rove_queue_shutdown(rove_queue *q, bool immediate)
{
    if (q == NULL) {
        return -EINVAL;
    }
    struct fired fired = {.first = NULL, .link = &fired.first};
    lock_queue(q);
    q->is_shutdown = true;
    if (immediate) {
        q->unfinished -= q->items.count;
        q->items.count = 0;
        q->reserved = 0;
        rv_store_relaxed(&q->size, (size_t)0);
        if (q->unfinished == 0) {
            while (!rv_waitq_is_empty(&q->joiners)) {
                fired_add(&fired, rv_waitq_pop(&q->joiners), RV_SYNC_GRANTED);
            }
        }
    }
    if (q->items.count == 0) {
        close_waiters(&q->getters, &fired);
    }
    close_waiters(&q->putters, &fired);
    unlock_queue(q);
    rv_waiter_fire_list(fired.first);
    return 0;
}

size_t rove_queue_size(const rove_queue *q)
{
    return q == NULL ? 0 : rv_load_relaxed(&((rove_queue *)(uintptr_t)q)->size);
}
