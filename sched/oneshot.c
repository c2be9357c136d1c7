// SPDX-License-Identifier: MIT
/*
 * Purpose: one pointer, handed from one who sends to one who receives, once.
 *
 * Idea: OPEN -> SENT -> TAKEN, or OPEN -> CLOSED. A value that finds receivers waiting goes to the
 * first of them that is not cancelled, and the others are told that it is gone. If all are, it
 * stays, and they look again in case that was withdrawn. Every step is under the inner lock, so a
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

/* Lock held: the first waiter that can use a value; NULL: none. */
static struct rv_waiter *first_able(const struct rv_oneshot *o)
{
    struct rv_waiter *w = o->waiters.first;
    while (w != NULL && rv_sync_is_cancelled(w)) {
        w = w->next;
    }
    return w;
}

/* Lock held: all waiters, of whom one is granted the value (NULL: none) and the others told. */
static struct rv_waiter *take_waiters(struct rv_oneshot *o, struct rv_waiter *granted, void *value,
                                      enum rv_sync_outcome others)
{
    struct rv_waiter *first = rv_waitq_take_all(&o->waiters);
    for (struct rv_waiter *w = first; w != NULL; w = w->next) {
        w->tag = w == granted ? RV_SYNC_GRANTED : others;
        w->value = w == granted ? value : NULL;
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
        struct rv_waiter *granted = first_able(o);
        waiters = take_waiters(o, granted, value,
                               granted != NULL ? RV_SYNC_CLOSED : RV_SYNC_PASSED_OVER);
        o->value = value;
        o->state = granted != NULL ? TAKEN : SENT;
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
        waiters = take_waiters(o, NULL, NULL, RV_SYNC_CLOSED);
        o->state = CLOSED;
    }
    rv_lock_release(&o->lock);
    rv_waiter_fire_list(waiters);
    return before == OPEN ? 0 : -EALREADY;
}

/* -EAGAIN: w is queued. */
static int receive_or_queue(struct rv_oneshot *o, struct rv_waiter *w)
{
    int rc = 0;
    rv_lock_acquire(&o->lock);
    if (o->state == SENT) {
        o->state = TAKEN;
        w->value = o->value;
    } else if (o->state == OPEN) {
        rv_waitq_push(&o->waiters, w);
        rc = -EAGAIN;
    } else {
        rc = -EPIPE;
    }
    rv_lock_release(&o->lock);
    return rc;
}

/* -EAGAIN: look again, for the value was sent while this task was cancelled, and it is not. */
static int wait(struct rv_oneshot *o, struct rv_waiter *w, const struct rv_caller *caller)
{
    int rc = rv_sync_wait(&o->waiters, &o->lock, w, caller, RV_WAIT_CHAN, o);
    if (rc != 0 || w->tag == RV_SYNC_GRANTED) {
        return rc;
    }
    if (rv_sync_take_cancel(caller)) {
        return -ECANCELED;
    }
    return w->tag == RV_SYNC_CLOSED ? -EPIPE : -EAGAIN;
}

static int receive(rove_oneshot *public, void **value, const struct rv_caller *caller)
{
    if (public == NULL) {
        return -EINVAL;
    }
    struct rv_oneshot *o = oneshot_of(public);
    struct rv_waiter w;
    int rc;
    do {
        rv_waiter_init(&w, caller->task);
        rc = receive_or_queue(o, &w);
        if (rc == -EAGAIN) {
            rc = wait(o, &w, caller);
        }
    } while (rc == -EAGAIN);
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
