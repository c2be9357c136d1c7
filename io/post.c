// SPDX-License-Identifier: MIT
/*
 * Purpose: operations that wait on another worker's ring: a receive goes to the ring of the worker
 * on whose CPU its packets arrive (io/steer.h).
 *
 * Idea: an inbox a ring. The operation is the node, its task parks as usual; the owner queues it
 * when it looks around. Nobody interrupts it for that: until then it has other things to do. If it
 * computes instead, whoever reaps for it (guard.c) takes its inbox and queues the operations on its
 * own ring; a post is a preference. A poster that goes to sleep makes sure that a guard looks.
 *
 *     poster      sleeps as the guard: alert_running sees the post       else: sounds the alarm
 *     poster      stays awake: its looks (sched/watch.c) find the owner at the same step
 *
 * Order with a close, on the thread that queues: CLOSING is looked at, then the entry is queued. If
 * it was not yet set, the closer's request comes round to this ring later (uring.c).
 * Order with an end: the request for it goes to the ring that holds the operation, if need be by
 * way of the one it was posted to.
 *
 * Threads: post by a task's worker; take by the owner or a rescuer.
 */
#include "io/uring.h"

#include "sched/current.h"
#include "sched/idle.h"

#include <errno.h>
#include <unistd.h>

bool rv_post_at_home(struct rv_op *op)
{
    struct rv_uring *u = rv_uring_of(rv_current_worker());
    uint32_t home = op->kind == RV_OP_RECV ? rv_load_relaxed(&op->slot->home) : 0;
    if (home == 0 || home == u->worker->idx + 1) {
        return false;
    }
    struct rv_uring *to = &rv_uring_io_of(u->worker->runtime)->rings[home - 1];
    if (rv_load_relaxed(&to->worker->is_running) == 0) {
        return false; /* to wake it for this would cost more than it gains */
    }
    if (u->posted != to && u->posted != NULL && !rv_inbox_is_empty(&u->posted->posts)) {
        return false; /* one to keep an eye on is enough */
    }
    u->posted = to;
    op->post.to = to;
    rv_store_relaxed(&op->uring, NULL);
    rv_inbox_push(&to->posts, &op->post.node);
    rv_idle_wake_worker(to->worker);
    return true;
}

RV_HOT unsigned rv_post_take(struct rv_uring *from, struct rv_uring *u)
{
    if (RV_LIKELY(rv_inbox_is_empty(&from->posts))) {
        return 0;
    }
    struct rv_inbox_node *node = rv_inbox_take_all(&from->posts);
    unsigned woken = 0;
    while (node != NULL) {
        struct rv_inbox_node *next = node->next;
        struct rv_op *op = rv_container_of(node, struct rv_op, post.node);
        bool is_closing = rv_fd_is_closing(op->slot);
        struct io_uring_sqe *sqe = is_closing ? NULL : rv_uring_take_sqe(u);
        if (RV_LIKELY(sqe != NULL)) {
            rv_uring_queue(u, sqe, op);
        } else { /* -EINTR: its task tries again, here or elsewhere */
            /* order: release U2. A request to end it finds its way here; see find_ring. */
            rv_store_release(&op->uring, u);
            rv_op_complete(op, is_closing ? -ECANCELED : -EINTR);
            woken++;
        }
        node = next;
    }
    return woken;
}

RV_HOT void rv_post_remind(struct rv_uring *u)
{
    struct rv_uring *to = u->posted;
    u->posted = NULL;
    if (to != NULL && !rv_inbox_is_empty(&to->posts)) {
        uint64_t one = 1;
        /* It fails only when the counter is full, and then the alarm sounds already. */
        ssize_t rc = write(rv_uring_io_of(u->worker->runtime)->alarm_fd, &one, sizeof(one));
        (void)rc;
    }
}
