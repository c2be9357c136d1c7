// SPDX-License-Identifier: MIT
/*
 * Purpose: epoll: TCP sockets that are registered once, edge-triggered, instead of at every wait.
 *
 * Idea: a socket that has been waited on RV_EDGE_AFTER times is asked for all events at once, and
 * its slot remembers what they said. A receive that got less than it had room for has emptied the
 * socket, so the next one waits for an edge and does not try first.
 *
 *     +---------------+-----+-----+----+----+      ODD  an end, an error, urgent data: such things
 *     | events so far | ODD | OUT | IN | ON |           have no edge of their own, so always try
 *     +---------------+-----+-----+----+----+      IN   set by an event; taken back by who found
 *                                                       nothing, if no event came meanwhile
 *
 * What is assumed, that the number still means the registered file, is false after a close(2)
 * behind our back. So a wait that lasts longer than a few periods asks the kernel after all: each
 * worker lists the slots that its tasks wait on so, and looks through them once a period. The first
 * lie that is found is the last: the runtime trusts no edge any more.
 *
 * Threads: the word any; a slot's other fields under its lock; a list its worker.
 * Rejected: for other files: a short read of a pipe or a UNIX socket does not mean it is empty.
 */
#ifndef RV_IO_EDGE_H
#define RV_IO_EDGE_H

#include "io/epoll.h"
#include "io/op.h"

#define RV_EDGE_ON UINT32_C(1)
#define RV_EDGE_IN UINT32_C(2)
#define RV_EDGE_OUT UINT32_C(4)
#define RV_EDGE_ODD UINT32_C(8)
#define RV_EDGE_EVENT UINT32_C(16) /* counts one */

#define RV_EDGE_AFTER 2              /* waits: who asks twice and leaves need not pay for more */
#define RV_EDGE_PERIOD_NS 25000000   /* arbitrary */

/* Before an attempt: what is known, for rv_edge_note. */
static inline uint32_t rv_edge_look(const struct rv_fd_slot *slot)
{
    /* order: acquire E1. Events that are counted, before the attempt; pairs with rv_edge_take. */
    return rv_load_acquire(&slot->edge);
}

/* True: an attempt would only say -EAGAIN. */
static inline bool rv_edge_is_empty(uint32_t seen, const struct rv_op *op)
{
    return (seen & (RV_EDGE_ON | RV_EDGE_IN | RV_EDGE_ODD)) == RV_EDGE_ON &&
           op->kind == RV_OP_RECV && op->flags == 0 && op->len > 0;
}

/* An attempt after `seen` had this result: what it emptied, or found full, is no longer ready. */
static inline void rv_edge_note(struct rv_fd_slot *slot, uint32_t seen, const struct rv_op *op,
                                ssize_t result)
{
    if ((seen & RV_EDGE_ON) == 0) {
        return;
    }
    bool is_in = (op->kind == RV_OP_RECV || op->kind == RV_OP_RECVMSG) && op->flags == 0;
    bool is_out = op->kind == RV_OP_SEND || op->kind == RV_OP_SENDMSG;
    bool is_emptied = result == -EAGAIN ||
                      (op->kind == RV_OP_RECV && result > 0 && (size_t)result < op->len);
    uint32_t off = is_in && is_emptied ? RV_EDGE_IN
                   : is_out && result == -EAGAIN ? RV_EDGE_OUT : 0;
    if ((seen & off) != 0) {
        /* order: relaxed. Fails if an event came since: it may be about what came since. */
        (void)rv_cas_relaxed(&slot->edge, &seen, seen & ~off);
    }
}

/* Slot locked, the operation about to wait: 1: try again · 0: wait, an edge will tell · -EAGAIN:
 * ask for readiness as ever. */
int rv_edge_begin_wait(struct rv_epoll *e, struct rv_fd_slot *slot, const struct rv_op *op);
/* Slot locked, the operation among its waiters: the socket is registered for edges, if it is time
 * and all its waiters can do with them. False: it is not. */
bool rv_edge_register(struct rv_epoll *e, struct rv_fd_slot *slot, int fd);
/* Slot locked: it has been registered for something else. */
void rv_edge_leave(struct rv_fd_slot *slot);
/* Slot locked, the descriptor about to be closed: a copy of it elsewhere must not report here. */
void rv_edge_close(struct rv_epoll *e, struct rv_fd_slot *slot, int fd);
/* Slot locked: an event. True: of a slot that waits for edges. */
bool rv_edge_take(struct rv_fd_slot *slot, uint32_t events);

/* The worker, about to sleep: for how long; negative: for ever. For the sake of its list at most a
 * period, always a whole one and never what is left of one: a timer that is due before the kernel's
 * next tick costs a virtual processor an exit to its host each time it is set. */
int64_t rv_edge_timeout(const struct rv_epoll *e, const struct rv_worker *w, int64_t deadline_ns);
/* The worker: asks about what has waited for long, once a period; how many tasks it woke. */
unsigned rv_edge_sweep(struct rv_epoll *e, struct rv_worker *w, int64_t now_ns);

#endif
