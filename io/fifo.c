// SPDX-License-Identifier: MIT
/*
 * Purpose: opens and reads of FIFOs, io/fifo.h.
 *
 * Idea: a ring first opens without blocking. A FIFO's reader gets its descriptor then before there
 * is a writer, and would read the end at once; a writer without a reader is refused with ENXIO,
 * after which a blocking thread opens in earnest. The reader's descriptor counts as a reader, so
 * it is kept while that is done, or the writer might lose its reader for a moment. A writer that
 * came and went before the second open began leaves data, or a hang-up, in the first.
 *
 *     ring: open -> fd        blocking thread: open -> other fd       first: it is the result
 *                             poll of fd: readable or hung up         first: fd is the result
 *
 * Reads: in a FIFO that has hung up a ring finds no data, and not its end either. It tries 128
 * times and gives the read to a helper thread: 34 us instead of 1, and the helper, which may lose
 * its CPU, keeps the file when the result has come, so that a reader is there after rove_close. So
 * a hung-up FIFO is read here, an empty one is polled, and one that has data is the ring's.
 *
 * Rejected: opening on the ring's own helper threads always: 5 us an open instead of 1, and eight
 * FIFOs would hold up all files.
 */
#include "io/fifo.h"

#include "core/base.h"
#include "io/attempt.h"
#include "io/offload.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/suspend.h"

#include <rove/io.h>
#include <rove/task.h>
#include <rove/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

/*
 * The type is read from the number's slot. What the kernel reads from without waiting (RWF_NOWAIT)
 * is a pipe, or some later kernel's FIFO, and the ring's; so is what the user made non-blocking.
 */
static bool is_for_ring(struct rv_op *op, ssize_t *result)
{
    *result = rv_attempt_nowait(op);
    if (*result == -EOPNOTSUPP && (fcntl(op->fd, F_GETFL) & O_NONBLOCK) == 0) {
        return false;
    }
    if (*result != 0) { /* no bytes asked for: nothing learnt */
        rv_store_relaxed(&op->slot->type, RV_FD_OTHER);
    }
    return true;
}

RV_NOINLINE bool rv_fifo_read(struct rv_op *op, struct rv_task *self)
{
    ssize_t rc;
    if (rv_fd_type(op->slot, op->fd) != RV_FD_FIFO) {
        return false;
    }
    if (is_for_ring(op, &rc)) {
        if (rc == -EAGAIN || rc == -EOPNOTSUPP) {
            return false;
        }
    } else {
        struct rv_op look = {.kind = RV_OP_POLL, .fd = op->fd, .flags = POLLIN};
        rc = rv_attempt(&look);
        if (rc > 0 && (rc & POLLIN) != 0) {
            return false;
        }
        rc = rc > 0 ? rv_attempt(op) : rc;
    }
    rv_op_pay_turn(self);
    op->result = rc;
    return true;
}

/* On a blocking thread: a descriptor, or a negative errno. */
static int open_blocking(struct rv_op *op, struct rv_task *self)
{
    ssize_t rc = rv_offload(op, self);
    if (rc == -EINTR && rv_take_cancel(self)) { /* broken off for it */
        rc = -ECANCELED;
    }
    return (int)rc;
}

struct meeting {
    struct rv_op *op;
    int first, second; /* descriptors; -1: not open */
};

static int open_second(void *arg, RV_UNUSED void **result)
{
    struct meeting *m = arg;
    m->second = open_blocking(m->op, rv_current_task());
    return m->second < 0 ? m->second : 0;
}

static int watch_first(void *arg, RV_UNUSED void **result)
{
    struct meeting *m = arg;
    int rc = rove_poll(m->first, POLLIN, ROVE_FOREVER);
    return rc < 0 ? rc : 0;
}

/* However often the caller is cancelled meanwhile; true: it was. */
static bool end_task(rove_task *t)
{
    unsigned cancels = 0;
    if (t != NULL) {
        rove_cancel(t);
        rv_future_wait_uncancelled(t, &cancels);
        (void)rove_result(t, NULL);
        rove_release(t);
    }
    return cancels > 0;
}

/* Until a writer has come: a descriptor, or a negative errno. */
static int wait_for_writer(struct rv_op *op, int fd)
{
    struct meeting m = {.op = op, .first = fd, .second = -1};
    rove_task *tasks[2] = {rove_create_task(open_second, &m), rove_create_task(watch_first, &m)};
    bool has_begun = tasks[0] != NULL && tasks[1] != NULL;
    ssize_t rc = has_begun ? rove_wait(2, tasks, ROVE_FIRST_COMPLETED, ROVE_FOREVER, NULL)
                           : -ENOMEM;
    bool is_readable = rc > 0 && rove_done(tasks[1]) && rove_result(tasks[1], NULL) == 0;
    bool was_cancelled = end_task(tasks[0]);
    was_cancelled |= end_task(tasks[1]);
    bool is_met = m.second >= 0 || is_readable;
    if (was_cancelled || (rc == -ECANCELED && is_met)) {
        rv_put_back_cancel(rv_current_task());
    }
    if (!is_met) {
        rove_close(fd);
        return rc < 0 ? (int)rc : m.second;
    }
    if (m.second >= 0) {
        rove_close(fd);
        return m.second;
    }
    return fd;
}

/* A look at the new descriptor, which is kept for its first read. */
static RV_NOINLINE bool is_fifo(struct rv_task *self, int fd)
{
    struct stat st;
    int error;
    struct rv_fd_slot *slot = rv_fdtab_get(&rv_io_of(self->runtime)->fds, fd, &error);
    if (fstat(fd, &st) < 0) {
        return false;
    }
    if (slot != NULL) {
        rv_store_relaxed(&slot->type, rv_fd_type_of(&st));
    }
    return S_ISFIFO(st.st_mode);
}

int rv_fifo_settle(struct rv_op *op, struct rv_task *self, int rc)
{
    /* With the latter ones the ring opens on a thread, and waits. */
    unsigned others = O_NONBLOCK | O_PATH | O_DIRECTORY | O_CREAT | O_TRUNC;
    if ((op->flags & others) != 0) {
        return rc;
    }
    unsigned access = op->flags & O_ACCMODE;
    if (rc == -ENXIO && access == O_WRONLY) {
        return open_blocking(op, self);
    }
    if (rc >= 0 && access == O_RDONLY && is_fifo(self, rc)) {
        return wait_for_writer(op, rc);
    }
    return rc;
}
