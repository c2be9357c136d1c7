// SPDX-License-Identifier: MIT
/*
 * Purpose: the public watch: one value that changes; who waits sees the latest, not every one.
 * (sched/watch.c is something else: workers that look after each other.)
 *
 * Idea: a value and its version. A waiter says which version it has seen and gets whatever is
 * there when it differs. A fired cell says "look again", as in a broadcast.
 *
 * Threads: any; all under the watch's lock.
 */
#include "core/check.h"
#include "sched/sync.h"

#include <rove/broadcast.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct rove_watch {
    RV_ATOMIC(uint32_t) refs;
    struct rv_lock lock; /* guards what follows but element_size */
    bool is_closed;
    uint64_t version;
    struct rv_waitq waiters;

    size_t element_size; /* constant */
    alignas(16) unsigned char value[];
};

rove_watch *rove_watch_create(size_t element_size, const void *initial)
{
    if (element_size > SIZE_MAX - sizeof(rove_watch)) {
        return NULL;
    }
    rove_watch *w = calloc(1, sizeof *w + element_size);
    if (w != NULL) {
        rv_store_relaxed(&w->refs, 1u);
        w->version = 1;
        w->element_size = element_size;
        if (initial != NULL) {
            memcpy(w->value, initial, element_size);
        }
    }
    return w;
}

rove_watch *rove_watch_retain(rove_watch *w)
{
    if (w == NULL) {
        return NULL;
    }
    uint32_t before = rv_fetch_add_relaxed(&w->refs, 1u);
    RV_CHECK(before != 0, "rove_watch_retain: the caller holds a reference");
    return w;
}

void rove_watch_release(rove_watch *w)
{
    if (w == NULL) {
        return;
    }
    /* order: acq_rel C2. Every holder's last use before the free; pairs with itself. */
    uint32_t before = rv_fetch_sub_acq_rel(&w->refs, 1u);
    RV_CHECK(before != 0, "rove_watch_release: the caller holds a reference");
    if (before == 1) {
        RV_CHECK(rv_waitq_is_empty(&w->waiters), "who waits on a watch holds a reference to it");
        free(w);
    }
}

/* A new value, or none any more. */
static int change(rove_watch *w, const void *element, bool closes)
{
    struct rv_waiter *waiters = NULL;
    rv_lock_acquire(&w->lock);
    bool was_closed = w->is_closed;
    if (!was_closed) {
        w->is_closed = closes;
        if (!closes) {
            memcpy(w->value, element, w->element_size);
            w->version++;
        }
        waiters = rv_waitq_take_all(&w->waiters);
    }
    rv_lock_release(&w->lock);
    rv_waiter_fire_list(waiters);
    return was_closed ? -EPIPE : 0;
}

int rove_watch_send(rove_watch *w, const void *element)
{
    return w == NULL || element == NULL ? -EINVAL : change(w, element, false);
}

int rove_watch_close(rove_watch *w)
{
    return w == NULL ? -EINVAL : change(w, NULL, true);
}

/* Lock held. */
static uint64_t read_value(rove_watch *w, void *element)
{
    if (element != NULL) {
        memcpy(element, w->value, w->element_size);
    }
    return w->version;
}

uint64_t rove_watch_read(rove_watch *w, void *element)
{
    if (w == NULL) {
        return 0;
    }
    rv_lock_acquire(&w->lock);
    uint64_t version = read_value(w, element);
    rv_lock_release(&w->lock);
    return version;
}

static int wait_held(rove_watch *w, uint64_t *seen, void *element, const struct rv_caller *caller)
{
    for (;;) {
        int rc = -EAGAIN;
        struct rv_waiter cell;
        rv_lock_acquire(&w->lock);
        if (w->version != *seen) {
            *seen = read_value(w, element);
            rc = 0;
        } else if (w->is_closed) {
            rc = -EPIPE;
        } else {
            rv_waiter_init(&cell, caller->task);
            rv_waitq_push(&w->waiters, &cell);
        }
        rv_lock_release(&w->lock);
        if (rc != -EAGAIN) {
            return rc;
        }
        rc = rv_sync_wait(&w->waiters, &w->lock, &cell, caller, RV_WAIT_CHAN, w);
        if (rc != 0) {
            return rc;
        }
    }
}

/* Who closes the watch may drop the last handle before those it woke have looked at it again. */
static int wait(rove_watch *w, uint64_t *seen, void *element, const struct rv_caller *caller)
{
    if (w == NULL || seen == NULL) {
        return -EINVAL;
    }
    rove_watch_retain(w);
    int rc = wait_held(w, seen, element, caller);
    rove_watch_release(w);
    return rc;
}

int rove_watch_wait(rove_watch *w, uint64_t *seen, void *element)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? wait(w, seen, element, &caller) : -EPERM;
}

int rove_watch_wait_blocking(rove_watch *w, uint64_t *seen, void *element, rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? wait(w, seen, element, &caller) : -EPERM;
}
