// SPDX-License-Identifier: MIT
/*
 * Purpose: one pointer, handed from one who sends to one who receives, once.
 *
 * Idea: OPEN -> SENT -> TAKEN, or OPEN -> CLOSED. A value that finds receivers waiting goes to the
 * first of them and the others are told that it is gone. Every step is under the inner lock, so a
 * receiver that owns the storage may drop it as soon as it has the value.
 *
 * Threads: any.
 */
#include "sched/sync.h"

#include <rove/broadcast.h>

enum phase { OPEN, SENT, TAKEN, CLOSED };

struct RV_SYNC_OVERLAY rv_oneshot {
    struct rv_lock lock; /* guards everything */
    uint32_t state;      /* enum phase */
    void *value;
    struct rv_waitq waiters; /* cell->value receives it */
};

_Static_assert(sizeof(struct rv_oneshot) == sizeof(rove_oneshot),
               "rove_oneshot holds a struct rv_oneshot");

static struct rv_oneshot *oneshot_of(rove_oneshot *o)
{
    return (struct rv_oneshot *)o;
}

/* Lock held: all waiters; the first is granted `first_outcome`, the others find it closed. */
static struct rv_waiter *take_waiters(struct rv_oneshot *o, enum rv_sync_outcome first_outcome,
                                      void *value)
{
    struct rv_waiter *first = rv_waitq_take_all(&o->waiters);
    for (struct rv_waiter *w = first; w != NULL; w = w->next) {
        w->tag = w == first ? first_outcome : RV_SYNC_CLOSED;
        w->value = w == first ? value : NULL;
    }
    return first;
}

int rove_oneshot_send(rove_oneshot *public, void *value)
{
    if (public == NULL) {
        return -EINVAL;
    }
    struct rv_oneshot *o = oneshot_of(public);
    struct rv_waiter *waiters = NULL;
    rv_lock_acquire(&o->lock);
    uint32_t before = o->state;
    if (before == OPEN) {
        waiters = take_waiters(o, RV_SYNC_GRANTED, value);
        o->value = value;
        o->state = waiters != NULL ? TAKEN : SENT;
    }
    rv_lock_release(&o->lock);
    rv_waiter_fire_list(waiters);
    return before == OPEN ? 0 : before == CLOSED ? -EPIPE : -EALREADY;
}

int rove_oneshot_close(rove_oneshot *public)
{
    if (public == NULL) {
        return -EINVAL;
    }
    struct rv_oneshot *o = oneshot_of(public);
    struct rv_waiter *waiters = NULL;
    rv_lock_acquire(&o->lock);
    uint32_t before = o->state;
    if (before == OPEN) {
        waiters = take_waiters(o, RV_SYNC_CLOSED, NULL);
        o->state = CLOSED;
    }
    rv_lock_release(&o->lock);
    rv_waiter_fire_list(waiters);
    return before == OPEN ? 0 : -EALREADY;
}

static int receive(rove_oneshot *public, void **value, const struct rv_caller *caller)
{
    if (public == NULL) {
        return -EINVAL;
    }
    struct rv_oneshot *o = oneshot_of(public);
    struct rv_waiter w;
    rv_waiter_init(&w, caller->task);
    int rc = 0;
    rv_lock_acquire(&o->lock);
    uint32_t before = o->state;
    if (before == SENT) {
        o->state = TAKEN;
        w.value = o->value;
    } else if (before == OPEN) {
        rv_waitq_push(&o->waiters, &w);
    } else {
        rc = -EPIPE;
    }
    rv_lock_release(&o->lock);
    if (before == OPEN) {
        rc = rv_sync_wait(&o->waiters, &o->lock, &w, caller, RV_WAIT_CHAN, o);
        if (rc == 0 && w.tag == RV_SYNC_CLOSED) {
            rc = -EPIPE;
        }
    }
    if (rc == 0 && value != NULL) {
        *value = w.value;
    }
    return rc;
}

int rove_oneshot_recv(rove_oneshot *o, void **value)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? receive(o, value, &caller) : -EPERM;
}

int rove_oneshot_recv_blocking(rove_oneshot *o, void **value, rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? receive(o, value, &caller) : -EPERM;
}
