// SPDX-License-Identifier: MIT
/*
 * Purpose: what a runtime keeps for epoll.
 *
 * Owner: made before the workers start, freed after they have ended.
 */
#ifndef RV_IO_EPOLL_H
#define RV_IO_EPOLL_H

#include "core/base.h"
#include "io/reactor.h"

#include <signal.h>

/* A worker's own: what it looks after, io/edge.h. */
struct rv_edges {
    struct rv_fd_slot *first RV_ALIGNED_LINE;
    int64_t sweep_ns; /* when to look at them next */
    bool has_slept;   /* since its last poll: the sleep took what was there */
};

struct rv_epoll {
    struct rv_io io;             /* first: rv_io_of */
    int set;                     /* constant */
    struct rv_edges *edges;      /* each worker's own */
    RV_ATOMIC(uint32_t) has_lied; /* a number was closed behind our back: no edge is trusted */
    sigset_t *masks;             /* each worker's own: its mask while it waits, kicks let in */
    RV_ATOMIC(uint32_t) waiting; /* operations that wait for readiness; 0: nothing to poll for */
};

/* Slot locked: registers its waiters anew; if that fails, those who are to try again by themselves,
 * for rv_epoll_complete once the lock is let go of. */
struct rv_op *rv_epoll_rearm(struct rv_epoll *e, struct rv_fd_slot *slot, int fd);
/* How many. */
unsigned rv_epoll_complete(struct rv_op *first, ssize_t result);

#endif
