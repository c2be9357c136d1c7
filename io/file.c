// SPDX-License-Identifier: MIT
/*
 * Purpose: read and write on any descriptor; files by name.
 *
 * Idea: data in the page cache is worth 0.4 us, less than a trip through a ring. So a read of a
 * file asks the cache first (RWF_NOWAIT) and becomes an operation only when that would wait.
 * Other descriptors go straight to the reactor.
 */
#include <rove/io.h>

#include "core/base.h"
#include "core/clock.h"
#include "io/fifo.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/suspend.h"
#include "sched/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define CLOSE_PATIENCE_NS 100000 /* arbitrary */
#define CLOSE_PATIENCE_MAX_NS INT64_C(100000000)

/* The bytes that are in the page cache, or -EAGAIN: ask the reactor. */
static ssize_t read_cached(struct rv_task *self, const struct rv_op *op)
{
    int error = 0;
    struct rv_fd_slot *slot = rv_fdtab_get(&rv_io_of(self->runtime)->fds, op->fd, &error);
    if (slot == NULL || rv_fd_type(slot, op->fd) != RV_FD_FILE || rv_fd_is_closing(slot)) {
        return -EAGAIN;
    }
    struct iovec one = {.iov_base = op->addr, .iov_len = op->len};
    bool is_vector = op->kind == RV_OP_READV;
    const struct iovec *v = is_vector ? op->addr : &one;
    ssize_t n = preadv2(op->fd, v, is_vector ? (int)op->len : 1, op->offset, RWF_NOWAIT);
    return n >= 0 ? n : -EAGAIN;
}

static ssize_t run_read(struct rv_op *op)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    ssize_t n = read_cached(self, op);
    return n != -EAGAIN ? n : rv_op_run_more(op);
}

ssize_t rove_read(int fd, void *buf, size_t n)
{
    struct rv_op op = {.kind = RV_OP_READ,
                       .fd = fd,
                       .addr = buf,
                       .len = n,
                       .offset = -1,
                       .deadline_ns = INT64_MAX};
    return run_read(&op);
}

/* A ring takes a position for what has none, and ignores it: 0, or -ESPIPE as pread(2) has it. */
static RV_NOINLINE int check_position(int fd, off_t at)
{
    const struct rv_task *self = rv_current_task();
    int error = 0;
    if (self == NULL || at < 0) {
        return self == NULL ? -EPERM : -EINVAL; /* -1 would mean the descriptor's own position */
    }
    struct rv_fd_slot *slot = rv_fdtab_get(&rv_io_of(self->runtime)->fds, fd, &error);
    if (slot == NULL || rv_fd_type(slot, fd) == RV_FD_FILE) {
        return error;
    }
    return lseek(fd, 0, SEEK_CUR) < 0 ? -errno : 0;
}

/* The kernel only reads what a write is given. */
static void *no_const(const void *p)
{
    return (void *)(uintptr_t)p;
}

ssize_t rove_write(int fd, const void *buf, size_t n)
{
    struct rv_op op = {.kind = RV_OP_WRITE,
                       .fd = fd,
                       .addr = no_const(buf),
                       .len = n,
                       .offset = -1,
                       .deadline_ns = INT64_MAX};
    return rv_op_run(&op);
}

ssize_t rove_pread(int fd, void *buf, size_t n, off_t at)
{
    struct rv_op op = {.kind = RV_OP_READ,
                       .fd = fd,
                       .addr = buf,
                       .len = n,
                       .offset = at,
                       .deadline_ns = INT64_MAX};
    int rc = check_position(fd, at);
    return rc < 0 ? rc : run_read(&op);
}

ssize_t rove_pwrite(int fd, const void *buf, size_t n, off_t at)
{
    struct rv_op op = {.kind = RV_OP_WRITE,
                       .fd = fd,
                       .addr = no_const(buf),
                       .len = n,
                       .offset = at,
                       .deadline_ns = INT64_MAX};
    int rc = check_position(fd, at);
    return rc < 0 ? rc : rv_op_run(&op);
}

ssize_t rove_readv(int fd, const struct iovec *v, int n)
{
    struct rv_op op = {.kind = RV_OP_READV,
                       .fd = fd,
                       .addr = no_const(v),
                       .len = (size_t)n,
                       .offset = -1,
                       .deadline_ns = INT64_MAX};
    return n < 0 || n > IOV_MAX ? -EINVAL : run_read(&op);
}

ssize_t rove_writev(int fd, const struct iovec *v, int n)
{
    struct rv_op op = {.kind = RV_OP_WRITEV,
                       .fd = fd,
                       .addr = no_const(v),
                       .len = (size_t)n,
                       .offset = -1,
                       .deadline_ns = INT64_MAX};
    return n < 0 || n > IOV_MAX ? -EINVAL : rv_op_run(&op);
}

/* Part of the work was done: say so, and let the cancellation come at the next call. */
static ssize_t part_or_error(ssize_t rc, size_t done)
{
    if (done == 0) {
        return rc;
    }
    if (rc == -ECANCELED) {
        rv_put_back_cancel(rv_current_task());
    }
    return (ssize_t)done;
}

ssize_t rove_read_all(int fd, void *buf, size_t n)
{
    size_t done = 0;
    do {
        ssize_t rc = rove_read(fd, (char *)buf + done, n - done);
        if (rc <= 0) {
            return part_or_error(rc, done);
        }
        done += (size_t)rc;
    } while (done < n);
    return (ssize_t)done;
}

ssize_t rove_write_all(int fd, const void *buf, size_t n)
{
    size_t done = 0;
    do {
        ssize_t rc = rove_write(fd, (const char *)buf + done, n - done);
        if (rc < 0 || (rc == 0 && done < n)) {
            return part_or_error(rc, done);
        }
        done += (size_t)rc;
    } while (done < n);
    return (ssize_t)done;
}

int rove_open(const char *path, int flags, mode_t mode)
{
    struct rv_op op = {.kind = RV_OP_OPEN,
                       .fd = AT_FDCWD,
                       .addr = no_const(path),
                       .flags = (unsigned)flags | O_CLOEXEC,
                       .mode = mode,
                       .deadline_ns = INT64_MAX};
    if (path == NULL) {
        return -EFAULT;
    }
    struct rv_task *self = rv_current_task();
    int rc = (int)rv_op_run(&op);
    bool may_wait = self != NULL && rv_reactor_of(self->runtime)->opens_nonblocking;
    return may_wait ? rv_fifo_settle(&op, self, rc) : rc;
}

/* Interrupted or not, Linux has given the number back: never again, whatever it says. */
static RV_NOINLINE int close_now(int fd)
{
    return close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

struct reminder {
    struct rv_timer timer;
    struct rv_task *task;
};

static void remind(struct rv_timer *timer)
{
    rv_wake(rv_container_of(timer, struct reminder, timer)->task);
}

/* Until nobody uses the descriptor, at most `patience_ns`. True: the caller was cancelled. */
static bool wait_for_users(struct rv_fd_slot *slot, int64_t patience_ns, struct rv_task *self)
{
    struct reminder reminder = {.task = self};
    int64_t deadline_ns = rv_clock_add(rv_clock_now(), patience_ns);
    bool was_cancelled = false;
    reminder.timer.node.slot = RV_HEAP_NONE;
    bool has_timer = rv_timer_arm(&reminder.timer, deadline_ns, remind) == 0;
    while (rv_fd_close_pending(slot) != 0 && (!has_timer || rv_clock_now() < deadline_ns)) {
        rv_park(self, RV_WAIT_IO, slot);
        was_cancelled |= rv_take_cancel(self);
    }
    if (has_timer) {
        rv_timer_disarm(&reminder.timer);
    }
    return was_cancelled;
}

/*
 * Ends what others wait for on the descriptor, and waits until the kernel has forgotten it all. A
 * ring does not find an operation that is just between two of its queues: so it is asked again,
 * less and less often, for some take their time in any case.
 */
static void end_users(struct rv_fd_slot *slot, int fd, struct rv_task *self)
{
    bool was_cancelled = false;
    int64_t patience_ns = CLOSE_PATIENCE_NS;
    do {
        rv_reactor_of(self->runtime)->end_waits(self->runtime, slot, fd, self);
        was_cancelled |= wait_for_users(slot, patience_ns, self);
        patience_ns = patience_ns < CLOSE_PATIENCE_MAX_NS ? patience_ns * 2 : patience_ns;
    } while (rv_fd_close_pending(slot) != 0);
    if (was_cancelled) {
        rv_put_back_cancel(self);
    }
}

int rove_close(int fd)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    /* Made if need be: a first operation may begin on fd meanwhile, and must find the marks. */
    int error;
    struct rv_fd_slot *slot = rv_fdtab_get(&rv_io_of(self->runtime)->fds, fd, &error);
    if (slot == NULL) {
        return close_now(fd);
    }
    if (!rv_fd_close_begin(slot, self)) {
        return -EBADF;
    }
    if (rv_fd_close_pending(slot) != 0) {
        end_users(slot, fd, self);
    } else if (rv_load_relaxed(&slot->edge) != 0) { /* io/edge.h: there is more to it than waits */
        rv_reactor_of(self->runtime)->end_waits(self->runtime, slot, fd, self);
    }
    rv_fd_close_final(slot);
    int rc = close_now(fd);
    rv_fd_close_end(slot);
    return rc;
}

int rove_fsync(int fd)
{
    struct rv_op op = {.kind = RV_OP_FSYNC, .fd = fd, .deadline_ns = INT64_MAX};
    return (int)rv_op_run(&op);
}

int rove_fdatasync(int fd)
{
    struct rv_op op = {.kind = RV_OP_FDATASYNC, .fd = fd, .deadline_ns = INT64_MAX};
    return (int)rv_op_run(&op);
}

int rove_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *out)
{
    struct rv_op op = {.kind = RV_OP_STATX,
                       .fd = dirfd,
                       .addr = no_const(path),
                       .flags = (unsigned)flags,
                       .mode = mask,
                       .extra = out,
                       .deadline_ns = INT64_MAX};
    return path == NULL || out == NULL ? -EFAULT : (int)rv_op_run(&op);
}

int rove_unlink(const char *path)
{
    struct rv_op op = {.kind = RV_OP_UNLINK,
                       .fd = AT_FDCWD,
                       .addr = no_const(path),
                       .deadline_ns = INT64_MAX};
    return path == NULL ? -EFAULT : (int)rv_op_run(&op);
}

int rove_rename(const char *from, const char *to)
{
    struct rv_op op = {.kind = RV_OP_RENAME,
                       .fd = AT_FDCWD,
                       .addr = no_const(from),
                       .extra = no_const(to),
                       .deadline_ns = INT64_MAX};
    return from == NULL || to == NULL ? -EFAULT : (int)rv_op_run(&op);
}

int rove_mkdir(const char *path, mode_t mode)
{
    struct rv_op op = {.kind = RV_OP_MKDIR,
                       .fd = AT_FDCWD,
                       .addr = no_const(path),
                       .mode = mode,
                       .deadline_ns = INT64_MAX};
    return path == NULL ? -EFAULT : (int)rv_op_run(&op);
}
