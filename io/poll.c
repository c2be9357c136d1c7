// SPDX-License-Identifier: MIT
/*
 * Purpose: waiting for readiness, the bridge to libraries that do their own reads and writes.
 */
#include <rove/io.h>
#include <rove/task.h>

#include "core/clock.h"
#include "io/attempt.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/suspend.h"

#include <errno.h>
#include <poll.h>

/* A file is always ready for reading and writing, and for nothing else ever. */
static int poll_file(struct rv_task *self, short events, rove_duration timeout)
{
    int ready = events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
    if (ready != 0) {
        rv_op_pay_turn(self);
        return ready;
    }
    int rc = rove_sleep(timeout);
    return rc == 0 ? -ETIMEDOUT : rc;
}

/* -EBADF comes later, from the wait itself. */
static bool is_file(struct rv_task *self, int fd)
{
    int error;
    struct rv_fd_slot *slot = rv_fdtab_get(&rv_io_of(self->runtime)->fds, fd, &error);
    bool was_file = slot != NULL && rv_fd_type_before(slot, fd) == RV_FD_FILE;
    if (!was_file || rv_fd_enter(slot) < 0) {
        return false;
    }
    enum rv_fd_type type = rv_fd_type_anew(slot, fd);
    rv_fd_leave(slot);
    return type == RV_FD_FILE;
}

/* Until an event that was asked for, or an error or hang-up, is there: the events, or an errno. */
static int wait_for(int fd, short events, int64_t deadline_ns)
{
    int asked = (unsigned short)events | POLLERR | POLLHUP;
    ssize_t rc;
    do {
        struct rv_op op = {.kind = RV_OP_POLL,
                           .fd = fd,
                           .flags = (unsigned short)events,
                           .deadline_ns = deadline_ns};
        rc = rv_op_run_more(&op);
        /* A ring also reports POLLRDHUP, asked or not; and what a wake-up was said to be about: a
         * socket's, at any byte, about urgent ones too. */
        rc = rc < 0 ? rc : rc & asked;
        if (rc > 0 && (rc & (POLLPRI | POLLRDBAND)) != 0) {
            rc = rv_look(fd, events);
        }
    } while (rc == 0);
    return (int)rc;
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
        int now = rv_look(fd, events);
        rv_op_pay_turn(self); /* who looks again and again may wait for a task of this worker */
        return now == 0 ? -ETIMEDOUT : now;
    }
    if (is_file(self, fd)) {
        return poll_file(self, events, timeout);
    }
    return wait_for(fd, events, rv_clock_add(rv_clock_now(), timeout));
}
