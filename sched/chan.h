// SPDX-License-Identifier: MIT
/*
 * Purpose: the inside of a channel, for chan.c and select.c.
 *
 * Idea: two queues of cells, one of which is empty. A cell's value points at its element. An
 * operation that finds a counterpart waiting copies straight between the two and fires it; only
 * then is the buffer looked at, and only then does the operation queue itself. A counterpart with a
 * cancellation pending is passed over: it is fired to find that out, and tries again if somebody
 * withdrew the cancellation meanwhile.
 *
 * A select is in the queues of several channels at once, so its cells have an owner: whoever takes
 * such a cell out must first claim the select. The claim is one compare-exchange of `winner`, made
 * under the lock of the channel the cell was found in; who loses it drops the cell and looks on.
 */
#ifndef RV_SCHED_CHAN_H
#define RV_SCHED_CHAN_H

#include "core/home.h"
#include "sched/sync.h"
#include "sched/timer.h"

#include <rove/chan.h>

#include <stdalign.h>

enum rv_chan_op { RV_CHAN_SEND, RV_CHAN_RECV };

struct rove_chan {
    /* one line of all that changes */
    struct rv_home lock; /* guards the group; has is_closed, too */
    struct rv_waitq waiters[2]; /* by enum rv_chan_op: who waits to do that */
    size_t count;               /* elements in the buffer */
    size_t head;                /* index of the oldest */

    /* constant, but for refs */
    alignas(RV_CACHE_LINE) size_t element_size; /* bytes */
    size_t capacity;                            /* 0: rendezvous */
    RV_ATOMIC(uint32_t) refs;
    uint32_t selects; /* cells of selects, waiters passed over, and ORPHAN; guarded by the lock */
    alignas(16) unsigned char buffer[];
};

_Static_assert(offsetof(struct rove_chan, element_size) == RV_CACHE_LINE, "one line changes");

enum {
    RV_SELECT_OPEN,
    RV_SELECT_TIMEOUT,
    RV_SELECT_CANCELLED,   /* by the task itself, which has taken the cancellation */
    RV_SELECT_PASSED_OVER, /* by a partner that saw a cancellation pending */
    RV_SELECT_CASE         /* + index */
};

/* On the stack of who selects. Its cells: owner is this, tag is RV_SELECT_CASE + index. */
struct rv_select {
    RV_ATOMIC(uint32_t) winner;
    int error; /* of the case that won; by who claimed it, before it lets the cell's lock go */
    struct rv_task *task;
    struct rv_timer timer;
};

/* Any thread, sel known to live: is the select the caller's to decide, by `winner`? */
bool rv_select_claim(struct rv_select *sel, uint32_t winner);

#define RV_CHAN_ORPHAN 0x80000000u /* nobody has a reference: the last select frees it */

/* Lock held, by way of rv_chan_lock, and given back. One select less; perhaps the channel's end. */
void rv_chan_leave_select(struct rove_chan *c, bool is_at_home);

/* True: at home (core/home.h), to be told to rv_chan_unlock. */
static inline bool rv_chan_lock(struct rove_chan *c)
{
    return rv_home_enter(&c->lock, rv_current_worker());
}

static inline void rv_chan_unlock(struct rove_chan *c, bool is_at_home)
{
    rv_home_leave(&c->lock, is_at_home);
}

/*
 * Lock held. Does the operation if it needs no waiting: 0, -EPIPE, or -EAGAIN. *fire is a cell to
 * be fired after the lock, or NULL.
 */
int rv_chan_try(struct rove_chan *c, enum rv_chan_op op, void *element, struct rv_waiter **fire);

#endif
