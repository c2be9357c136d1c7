// SPDX-License-Identifier: MIT
/*
 * Purpose: every element to every subscriber; who lags behind is told how many it missed.
 *
 * Idea: a ring that is overwritten, and numbers that only grow: `sent` of the broadcast, `next` of
 * each subscriber. What is kept is [sent - capacity, sent).
 *
 *     sent = 11, capacity = 4      7  8  9  10 | 11
 *     a subscriber with next = 5 gets element 7 and learns that it missed 2
 *
 * A fired cell says "look again": the elements are in the ring, so a fire that meets a
 * cancellation loses nothing.
 *
 * Threads: any; all under the broadcast's lock.
 */
#include "core/check.h"
#include "sched/sync.h"

#include <rove/broadcast.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct rove_broadcast {
    RV_ATOMIC(uint32_t) refs; /* the user's and one of each subscriber */
    struct rv_lock lock;      /* guards what follows up to the constants, and all `next` */
    bool is_closed;
    uint64_t sent;
    struct rv_waitq waiters;

    size_t element_size; /* constant */
    size_t capacity;     /* constant */
    alignas(16) unsigned char ring[];
};

struct rove_subscriber {
    rove_broadcast *broadcast;
    uint64_t next;
};

rove_broadcast *rove_broadcast_create(size_t element_size, size_t capacity)
{
    if (capacity == 0) {
        capacity = 1;
    }
    if (element_size != 0 && capacity > (SIZE_MAX - sizeof(rove_broadcast)) / element_size) {
        return NULL;
    }
    rove_broadcast *b = malloc(sizeof *b + element_size * capacity);
    if (b != NULL) {
        memset(b, 0, sizeof *b);
        rv_store_relaxed(&b->refs, 1u);
        b->element_size = element_size;
        b->capacity = capacity;
    }
    return b;
}

void rove_broadcast_release(rove_broadcast *b)
{
    if (b == NULL) {
        return;
    }
    /* order: acq_rel C2. Every holder's last use before the free; pairs with itself. */
    uint32_t before = rv_fetch_sub_acq_rel(&b->refs, 1u);
    RV_CHECK(before != 0, "rove_broadcast_release: the caller holds a reference");
    if (before == 1) {
        RV_CHECK(rv_waitq_is_empty(&b->waiters), "who waits in a broadcast is a subscriber");
        free(b);
    }
}

rove_subscriber *rove_broadcast_subscribe(rove_broadcast *b)
{
    rove_subscriber *s = b == NULL ? NULL : malloc(sizeof *s);
    if (s != NULL) {
        s->broadcast = b;
        uint32_t before = rv_fetch_add_relaxed(&b->refs, 1u);
        RV_CHECK(before != 0, "rove_broadcast_subscribe: the caller holds a reference");
        rv_lock_acquire(&b->lock);
        s->next = b->sent;
        rv_lock_release(&b->lock);
    }
    return s;
}

void rove_subscriber_release(rove_subscriber *s)
{
    if (s != NULL) {
        rove_broadcast_release(s->broadcast);
        free(s);
    }
}

static unsigned char *slot_of(rove_broadcast *b, uint64_t number)
{
    return b->ring + (size_t)(number % b->capacity) * b->element_size;
}

int rove_broadcast_send(rove_broadcast *b, const void *element)
{
    if (b == NULL || (element == NULL && b->element_size != 0)) {
        return -EINVAL;
    }
    struct rv_waiter *waiters = NULL;
    rv_lock_acquire(&b->lock);
    bool is_closed = b->is_closed;
    if (!is_closed) {
        if (b->element_size != 0) {
            memcpy(slot_of(b, b->sent), element, b->element_size);
        }
        b->sent++;
        waiters = rv_waitq_take_all(&b->waiters);
    }
    rv_lock_release(&b->lock);
    rv_waiter_fire_list(waiters);
    return is_closed ? -EPIPE : 0;
}

int rove_broadcast_close(rove_broadcast *b)
{
    if (b == NULL) {
        return -EINVAL;
    }
    rv_lock_acquire(&b->lock);
    bool was_closed = b->is_closed;
    b->is_closed = true;
    struct rv_waiter *waiters = rv_waitq_take_all(&b->waiters);
    rv_lock_release(&b->lock);
    rv_waiter_fire_list(waiters);
    return was_closed ? -EPIPE : 0;
}

/* Lock held. 0, -EPIPE, or -EAGAIN. */
static int take_next(rove_subscriber *s, void *element, uint64_t *missed)
{
    rove_broadcast *b = s->broadcast;
    if (s->next == b->sent) {
        return b->is_closed ? -EPIPE : -EAGAIN;
    }
    uint64_t lag = b->sent - s->next;
    uint64_t lost = lag > b->capacity ? lag - b->capacity : 0;
    s->next += lost;
    if (b->element_size != 0) {
        memcpy(element, slot_of(b, s->next), b->element_size);
    }
    s->next++;
    if (missed != NULL) {
        *missed = lost;
    }
    return 0;
}

/* `caller` NULL: without waiting. */
static int receive(rove_subscriber *s, void *element, uint64_t *missed,
                   const struct rv_caller *caller)
{
    if (s == NULL || (element == NULL && s->broadcast->element_size != 0)) {
        return -EINVAL;
    }
    rove_broadcast *b = s->broadcast;
    for (;;) {
        struct rv_waiter w;
        rv_lock_acquire(&b->lock);
        int rc = take_next(s, element, missed);
        if (rc == -EAGAIN && caller != NULL) {
            rv_waiter_init(&w, caller->task);
            rv_waitq_push(&b->waiters, &w);
        }
        rv_lock_release(&b->lock);
        if (rc != -EAGAIN || caller == NULL) {
            return rc;
        }
        rc = rv_sync_wait(&b->waiters, &b->lock, &w, caller, RV_WAIT_CHAN, b);
        if (rc != 0) {
            return rc;
        }
    }
}

int rove_subscriber_recv(rove_subscriber *s, void *element, uint64_t *missed)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? receive(s, element, missed, &caller) : -EPERM;
}

int rove_subscriber_try_recv(rove_subscriber *s, void *element, uint64_t *missed)
{
    return receive(s, element, missed, NULL);
}

int rove_subscriber_recv_blocking(rove_subscriber *s, void *element, uint64_t *missed,
                                  rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? receive(s, element, missed, &caller) : -EPERM;
}
