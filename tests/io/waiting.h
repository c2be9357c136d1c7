// SPDX-License-Identifier: MIT
/*
 * Purpose: to know, in a test, that others wait on a descriptor, without sleeping.
 */
#ifndef RV_TESTS_IO_WAITING_H
#define RV_TESTS_IO_WAITING_H

#include "io/reactor.h"
#include "sched/current.h"
#include "sched/task.h"
#include "support/fixture.h"

/* Lets the others run until n operations are in flight on fd. */
static inline void await_waiters(int fd, unsigned n)
{
    struct rv_fdtab *tab = &rv_io_of(rv_current_task()->runtime)->fds;
    for (;;) {
        const struct rv_fd_slot *slot = rv_fdtab_find(tab, fd);
        if (slot != NULL && (rv_load_relaxed(&slot->users) & RV_FD_COUNT) >= n) {
            return;
        }
        rove_yield();
    }
}

#endif
