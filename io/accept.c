// SPDX-License-Identifier: MIT
/*
 * Purpose: accepting, io/accept.h.
 */
#include "io/accept.h"

#include "core/base.h"
#include "io/reactor.h"
#include "sched/suspend.h"

#include <rove/io.h>

#include <errno.h>
#include <sys/socket.h>

/* Who reaps, lock held. The slot exists: rv_multi_reap has seen to it. */
static bool take(struct rv_multi *m, int result, RV_UNUSED uint32_t buffer)
{
    struct rv_accepts *a = rv_container_of(m, struct rv_accepts, multi);
    if (result < 0) {
        a->error = result == -ECANCELED || result == -EINTR ? 0 : result;
        return false;
    }
    rv_fdtab_find(a->fds, result)->next_fd = -1;
    if (a->first_fd < 0) {
        a->first_fd = result;
    } else {
        rv_fdtab_find(a->fds, a->last_fd)->next_fd = result;
    }
    a->last_fd = result;
    return false;
}

void rv_accepts_init(struct rv_accepts *a, struct rv_task *self, int fd, bool may_be_ahead)
{
    int error;
    *a = (struct rv_accepts){.multi = {.kind = RV_MULTI_ACCEPT, .fd = fd, .take = take},
                             .fds = &rv_io_of(self->runtime)->fds,
                             .first_fd = -1,
                             .last_fd = -1};
    a->multi.slot = rv_fdtab_get(a->fds, fd, &error);
    a->is_multi = may_be_ahead && a->multi.slot != NULL && rv_multi_is_known(self);
}

enum state { TAKEN, IDLE, ARMED };

/* What there is to take, into *result; if there is nothing, `self` will hear of it. */
static enum state look(struct rv_accepts *a, struct rv_task *self, int *result)
{
    struct rv_multi *m = &a->multi;
    rv_lock_acquire(&m->lock);
    enum state state = rv_multi_is_idle(m) ? IDLE : ARMED;
    if (a->first_fd >= 0) {
        state = TAKEN;
        *result = a->first_fd;
        a->first_fd = rv_fdtab_find(a->fds, *result)->next_fd;
    } else if (a->error < 0) {
        state = TAKEN;
        *result = a->error;
        a->error = 0;
    }
    m->waiter = state == ARMED ? self : NULL;
    rv_lock_release(&m->lock);
    return state;
}

static int accept_one(const struct rv_accepts *a)
{
    return rove_accept(a->multi.fd, NULL, NULL, SOCK_CLOEXEC);
}

int rv_accepts_next(struct rv_accepts *a, struct rv_task *self)
{
    int result = 0;
    enum state state = TAKEN;
    if (!a->is_multi) {
        return accept_one(a);
    }
    while (!rv_take_cancel(self)) {
        state = look(a, self, &result);
        if (state == TAKEN) {
            a->is_multi = result != -EINVAL; /* an old kernel, or the socket: a plain call tells */
            rv_op_pay_turn(self);
            return a->is_multi ? result : accept_one(a);
        }
        if (state == ARMED) {
            rv_park(self, RV_WAIT_IO, a);
        } else if (!rv_multi_start(&a->multi)) {
            return accept_one(a);
        }
    }
    return -ECANCELED;
}

void rv_accepts_fini(struct rv_accepts *a, struct rv_task *self)
{
    int fd;
    rv_multi_wait_idle(&a->multi, self);
    while (look(a, self, &fd) == TAKEN) {
        if (fd >= 0) {
            rove_close(fd);
        }
    }
}
