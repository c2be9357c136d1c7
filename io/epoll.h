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

struct rv_epoll_word { /* one a worker */
    RV_ATOMIC(uint32_t) is_woken RV_ALIGNED_LINE;
};

struct rv_epoll {
    struct rv_io io;             /* first: rv_io_of */
    int set;                     /* constant */
    int wake_fd;                 /* constant; in the set */
    struct rv_epoll_word *words; /* constant */
    RV_ATOMIC(uint32_t) blocked; /* which worker waits in the set */
    RV_ATOMIC(uint32_t) waiting; /* operations that wait for readiness; 0: nothing to poll for */
};

#endif
