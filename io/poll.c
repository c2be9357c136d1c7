// SPDX-License-Identifier: MIT
/*
 * Purpose: waiting for readiness, the bridge to libraries that do their own reads and writes.
 */
#include <rove/io.h>

#include "core/clock.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/suspend.h"

#include <errno.h>
#include <poll.h>

/* One look, no wait: the events that are there, or a negative errno. */
static RV_NOINLINE int look(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int rc = poll(&p, 1, 0);
    if (rc < 0) {
        return -errno;
    }
    return (p.revents & POLLNVAL) != 0 ? -EBADF : (unsigned short)p.revents;
}

int rove_poll(int fd, short events, rove_duration timeout)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (fd < 0) {
        return -EBADF;
    }
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    if (timeout == 0) {
        int now = look(fd, events);
        return now == 0 ? -ETIMEDOUT : now;
    }
    struct rv_op op = {.kind = RV_OP_POLL,
                       .fd = fd,
                       .flags = (unsigned short)events,
                       .deadline_ns = rv_clock_add(rv_clock_now(), timeout)};
    ssize_t rc = rv_op_run_more(&op);
    /* A ring also reports POLLRDHUP, asked or not. */
    int unasked = POLLERR | POLLHUP;
    return rc < 0 ? (int)rc : (int)rc & ((unsigned short)events | unasked);
}
