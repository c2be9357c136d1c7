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

struct rv_epoll {
    struct rv_io io;             /* first: rv_io_of */
    int set;                     /* constant */
    sigset_t *masks;             /* each worker's own: its mask while it waits, kicks let in */
    RV_ATOMIC(uint32_t) waiting; /* operations that wait for readiness; 0: nothing to poll for */
};

#endif
