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
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define CLOSE_PATIENCE_NS 100000 /* arbitrary */
#define CLOSE_PATIENCE_MAX_NS INT64_C(100000000)

/* The kernel only reads what a write is given. */
static void *no_const(const void *p)
{
    return (void *)(uintptr_t)p;
}

/* As the calls of io/attempt.c: the C library's is a point at which a thread may be cancelled. */
#if defined(SYS_preadv2) && !RV_ASAN && !RV_TSAN && !defined(RV_SIM)
static RV_ALWAYS_INLINE ssize_t call_read(int fd, const struct iovec *v, int n, off_t at)
{
    return syscall(SYS_preadv2, fd, v, (unsigned long)n, (unsigned long)at, 0UL, RWF_NOWAIT);
}
#else
static ssize_t call_read(int fd, const struct iovec *v, int n, off_t at)
{
    return preadv2(fd, v, n, at, RWF_NOWAIT);
}
#endif

static RV_NOINLINE struct rv_fd_slot *meet_slot(const struct rv_task *self, int fd)
{
    int error = 0;
    struct rv_fd_slot *slot = rv_fdtab_get(&rv_io_of(self->runtime)->fds, fd, &error);
    if (slot != NULL) {
        (void)rv_fd_type_before(slot, fd);
    }
    return slot;
}

/* Its type is known. NULL: an error, which an operation will find, too. */
static RV_ALWAYS_INLINE struct rv_fd_slot *find_slot(const struct rv_task *self, int fd)
{
    struct rv_fd_slot *slot = rv_fdtab_find(&rv_io_of(self->runtime)->fds, fd);
    bool is_known = slot != NULL && rv_load_relaxed(&slot->type) != RV_FD_UNKNOWN;
    return RV_LIKELY(is_known) ? slot : meet_slot(self, fd);
}

/* The bytes that are in the page cache, or -EAGAIN: ask the reactor. They take the task's turn, or
 * a reader of a cached file would be the only one to run. May suspend. */
static RV_ALWAYS_INLINE ssize_t read_cached(struct rv_task *self, struct rv_fd_slot *slot, int fd,
                                            const struct iovec *v, int n, off_t at)
{
    if (rv_load_relaxed(&slot->type) != RV_FD_FILE || rv_fd_is_closing(slot)) {
        return -EAGAIN;
    }
    ssize_t bytes = call_read(fd, v, n, at);
    if (RV_UNLIKELY(bytes < 0)) {
        return errno == ESPIPE ? -ESPIPE : -EAGAIN; /* a ring would read a pipe all the same */
    }
    rv_op_pay_turn(self);
    return bytes;
}

/* What is not cached, or no file, or in error: an operation. Suspends. */
static RV_NOINLINE ssize_t read_by_operation(enum rv_op_kind kind, int fd, const struct iovec *v,
                                             int n, off_t at)
{
    struct rv_op op = {.kind = kind, .fd = fd, .offset = at, .deadline_ns = INT64_MAX};
    op.addr = kind == RV_OP_READV ? no_const(v) : v->iov_base;
    op.len = kind == RV_OP_READV ? (size_t)n : v->iov_len;
    return rv_op_run_more(&op);
}

/* at: -1 is the descriptor's own position. */
static RV_ALWAYS_INLINE ssize_t run_read(enum rv_op_kind kind, int fd, const struct iovec *v, int n,
                                         off_t at)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    struct rv_fd_slot *slot = find_slot(self, fd);
    ssize_t bytes = slot == NULL ? -EAGAIN : read_cached(self, slot, fd, v, n, at);
    return bytes != -EAGAIN ? bytes : read_by_operation(kind, fd, v, n, at);
}

/* Whether fd may be read or written, there: 0, or why not. */
static RV_NOINLINE int move_nothing(int fd, off_t at, bool is_write)
{
    ssize_t rc = is_write ? pwritev2(fd, NULL, 0, at, 0) : preadv2(fd, NULL, 0, at, 0);
    return rc < 0 ? -errno : 0;
}

/* A ring would wait for a terminal's next line all the same, and send a datagram of nothing. */
static RV_NOINLINE ssize_t run_empty(int fd, bool is_write)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    return rv_take_cancel(self) ? -ECANCELED : move_nothing(fd, -1, is_write);
}

/* Of a vector of no bytes the system calls tell nobody; a ring sends an empty message. */
static bool holds_nothing(const struct iovec *v, int n)
{
    int i = 0;
    while (i < n && v != NULL && v[i].iov_len == 0) {
        i++;
    }
    return i == n;
}

ssize_t rove_read(int fd, void *buf, size_t n)
{
    struct iovec one = {.iov_base = buf, .iov_len = n};
    return RV_LIKELY(n > 0) ? run_read(RV_OP_READ, fd, &one, 1, -1) : run_empty(fd, false);
}

/* A ring takes a position for what has none, and ignores it: 0, or -ESPIPE as pread(2) has it. */
static RV_ALWAYS_INLINE int check_position(int fd, off_t at, bool is_write)
{
    const struct rv_task *self = rv_current_task();
    if (self == NULL || at < 0) {
        return self == NULL ? -EPERM : -EINVAL; /* -1 would mean the descriptor's own position */
    }
    const struct rv_fd_slot *slot = find_slot(self, fd);
    bool has_one = slot == NULL || rv_load_relaxed(&slot->type) == RV_FD_FILE;
    return has_one ? 0 : move_nothing(fd, at, is_write);
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
    struct iovec one = {.iov_base = buf, .iov_len = n};
    int rc = check_position(fd, at, false);
    return rc < 0 ? rc : run_read(RV_OP_READ, fd, &one, 1, at);
}

ssize_t rove_pwrite(int fd, const void *buf, size_t n, off_t at)
{
    struct rv_op op = {.kind = RV_OP_WRITE,
                       .fd = fd,
                       .addr = no_const(buf),
                       .len = n,
                       .offset = at,
                       .deadline_ns = INT64_MAX};
    int rc = check_position(fd, at, true);
    return rc < 0 ? rc : rv_op_run(&op);
}

ssize_t rove_readv(int fd, const struct iovec *v, int n)
{
    if (n < 0 || n > IOV_MAX) {
        return -EINVAL;
    }
    return RV_UNLIKELY(holds_nothing(v, n)) ? run_empty(fd, false)
                                            : run_read(RV_OP_READV, fd, v, n, -1);
}

ssize_t rove_writev(int fd, const struct iovec *v, int n)
{
    struct rv_op op = {.kind = RV_OP_WRITEV,
                       .fd = fd,
                       .addr = no_const(v),
                       .len = (size_t)n,
                       .offset = -1,
                       .deadline_ns = INT64_MAX};
    if (n < 0 || n > IOV_MAX) {
        return -EINVAL;
    }
    return RV_UNLIKELY(holds_nothing(v, n)) ? run_empty(fd, true) : rv_op_run(&op);
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

/* What was known of a number that close(2) gave back does not hold for its next file. */
static void forget_type(struct rv_task *self, int fd)
{
    struct rv_fd_slot *slot = rv_fdtab_find(&rv_io_of(self->runtime)->fds, fd);
    if (slot != NULL) {
        rv_store_relaxed(&slot->type, RV_FD_UNKNOWN);
    }
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
    if (rc >= 0) {
        forget_type(self, rc);
    }
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
