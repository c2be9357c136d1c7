// SPDX-License-Identifier: MIT
/*
 * Purpose: rove_close on io_uring: what waits on the descriptor ends, on all rings.
 *
 * Idea: a closer's request goes round all rings, one after the other: nothing to allocate. Each
 * owner asks the kernel to end what waits on the descriptor, and enters it at once. What the kernel
 * works off holds its file until the thread goes back to user space, and the wish to end others is
 * no exception: were it only queued, it might run while the descriptor is being closed, and a peer
 * would find the file open afterwards.
 *
 * Threads: the round is the closer's and, while it is there, an owner's.
 */
#include "core/check.h"
#include "io/uring.h"
#include "sched/current.h"
#include "sched/suspend.h"

struct close_round {
    struct rv_ring_request request;
    struct rv_task *closer;
    int fd;
    unsigned rings_left;
};

/* True: the kernel has done it, and holds nothing for it any more. */
static bool ask_kernel(struct rv_uring *u, int fd)
{
    if (!rv_uring_queue_cancel(u, NULL, fd)) {
        return false;
    }
    (void)rv_ring_enter(&u->ring);
    return rv_ring_unsent(&u->ring) == 0;
}

static void handle_close(struct rv_uring *u, struct rv_ring_request *request)
{
    struct close_round *round = rv_container_of(request, struct close_round, request);
    if (!ask_kernel(u, round->fd)) {
        rv_inbox_push(&u->requests, &request->node); /* again at the next poll */
        return;
    }
    if (--round->rings_left == 0) {
        rv_uring_finish_request(request, round->closer);
        return;
    }
    struct rv_uring_io *all = rv_uring_io_of(u->worker->runtime);
    rv_uring_post_request(&all->rings[(u->worker->idx + 1) % all->count], request);
}

void rv_uring_end_waits(struct rove_runtime *runtime, struct rv_fd_slot *slot, int fd,
                        struct rv_task *self)
{
    struct rv_uring_io *all = rv_uring_io_of(runtime);
    struct close_round round = {.request.handle = handle_close,
                                .closer = self,
                                .fd = fd,
                                .rings_left = all->count};
    bool was_cancelled = false;
    RV_ASSERT(rv_fd_is_closing(slot), "only a closer ends the waits of others");
    handle_close(rv_uring_of(rv_current_worker()), &round.request);
    while (!rv_uring_request_is_handled(&round.request)) {
        rv_park(self, RV_WAIT_IO, slot);
        was_cancelled |= rv_take_cancel(self);
    }
    if (was_cancelled) {
        rv_put_back_cancel(self);
    }
}
