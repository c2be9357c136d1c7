// SPDX-License-Identifier: MIT
/*
 * Purpose: what one worker keeps for io_uring.
 *
 * Owner: the runtime's array, made before the workers start and freed after they have ended, so
 * that `wake` and requests may come at any time in between.
 */
#ifndef RV_IO_URING_H
#define RV_IO_URING_H

#include "core/inbox.h"
#include "core/lock.h"
#include "io/ring.h"

struct rv_worker;

struct rv_uring {
    /* owner */
    struct rv_ring ring RV_ALIGNED_LINE;
    struct rv_worker *worker; /* constant */
    uint64_t wake_count;      /* the kernel's while is_armed */
    int wake_fd;              /* constant; any thread writes to it */

    /* under cq_lock */
    RV_ATOMIC(uint32_t) is_armed; /* a read of wake_fd is in flight; the owner sets it */
    RV_ATOMIC(uint32_t) is_woken; /* a wake came in: the next sleep returns at once */

    /* any thread */
    struct rv_lock cq_lock RV_ALIGNED_LINE;
    struct rv_inbox requests;
};

#endif
