// SPDX-License-Identifier: MIT
/*
 * Purpose: bytes from descriptor to descriptor without a copy through the program.
 *
 * Idea: splice(2) blocks for two reasons. A pipe or socket is not ready: that can be waited for, on
 * either side, before the call. A disk is slow: then the call runs where it may block. So a
 * helper thread never sits on an empty pipe whose filler waits for a helper thread.
 *
 * A wrong end is never ready. So what is wrong must be seen before the first wait: the call itself
 * says so where it can be tried at once; for a disk, the pipe is looked at.
 *
 * sendfile = file -> pipe -> descriptor, with a pipe from a small cache.
 */
#include <rove/io.h>

#include "core/base.h"
#include "io/attempt.h"
#include "io/loan.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/suspend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_BYTES 65536 /* the kernel's default size of a pipe */

enum end_type { END_DISK, END_PIPE, END_OTHER };

static RV_NOINLINE int end_type(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return -errno;
    }
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) {
        return END_DISK;
    }
    return S_ISFIFO(st.st_mode) ? END_PIPE : END_OTHER;
}

static int wait_for(int fd, short events)
{
    struct rv_op op = {.kind = RV_OP_POLL,
                       .fd = fd,
                       .flags = (unsigned short)events,
                       .deadline_ns = INT64_MAX};
    ssize_t rc = rv_op_run_more(&op);
    return rc < 0 ? (int)rc : 0;
}

static RV_NOINLINE bool is_ready(int fd, short events)
{
    return rv_look(fd, events) != 0;
}

struct transfer {
    int in, out;
    int in_type, out_type;
    off_t *in_at, *out_at;
    size_t n;
};

/* Waits until neither side would block for want of the other. */
static int wait_for_both(const struct transfer *t)
{
    int rc = 0;
    if (t->in_type != END_DISK && !is_ready(t->in, POLLIN)) {
        rc = wait_for(t->in, POLLIN);
    }
    if (rc == 0 && t->out_type != END_DISK && !is_ready(t->out, POLLOUT)) {
        rc = wait_for(t->out, POLLOUT);
    }
    return rc;
}

/* A disk's other side is a pipe: 0, or what splice(2) would say of it. */
static RV_NOINLINE int check_pipe(const struct transfer *t)
{
    bool is_in = t->in_type == END_PIPE;
    if ((is_in ? t->in_at : t->out_at) != NULL) {
        return -ESPIPE;
    }
    int flags = fcntl(is_in ? t->in : t->out, F_GETFL);
    if (flags < 0) {
        return -errno;
    }
    return (flags & O_ACCMODE) == (is_in ? O_WRONLY : O_RDONLY) ? -EBADF : 0;
}

/* A side in use: rove_close waits until it is left, so that the number means this file. */
struct side {
    struct rv_fd_slot *slot; /* NULL: not entered */
    bool is_lent;            /* non-blocking meanwhile: it heeds only its own mode, as sockets do */
    struct rv_loan loan;
};

static int begin_side(struct rv_fdtab *fds, int fd, int type, struct side *side)
{
    int rc = 0;
    *side = (struct side){.slot = rv_fdtab_get(fds, fd, &rc)};
    if (side->slot == NULL) {
        return rc;
    }
    rc = rv_fd_enter(side->slot);
    if (rc < 0) {
        side->slot = NULL;
        return rc;
    }
    if (type == END_OTHER) {
        rc = rv_loan_begin(&side->loan, fd);
        side->is_lent = rc == 0;
    }
    return rc;
}

static void end_side(struct side *side)
{
    if (side->is_lent) {
        rv_loan_end(&side->loan);
    }
    if (side->slot != NULL) {
        rv_fd_leave(side->slot);
    }
}

/* No disk involved: one system call that cannot block. */
static RV_NOINLINE ssize_t splice_now(struct rv_fdtab *fds, const struct transfer *t)
{
    struct side in, out = {.slot = NULL};
    ssize_t rc = begin_side(fds, t->in, t->in_type, &in);
    rc = rc == 0 ? begin_side(fds, t->out, t->out_type, &out) : rc;
    if (rc == 0) {
        rc = splice(t->in, t->in_at, t->out, t->out_at, t->n, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        rc = rc < 0 ? -errno : rc;
    }
    end_side(&out);
    end_side(&in);
    return rc;
}

static ssize_t splice_disk(const struct transfer *t)
{
    struct rv_op op = {.kind = RV_OP_SPLICE,
                       .fd = t->in,
                       .other_fd = t->out,
                       .offset = t->in_at == NULL ? -1 : *t->in_at,
                       .other_offset = t->out_at == NULL ? -1 : *t->out_at,
                       .len = t->n,
                       .flags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE,
                       .deadline_ns = INT64_MAX};
    ssize_t rc = rv_op_run_more(&op);
    if (rc > 0 && t->in_at != NULL) {
        *t->in_at += rc;
    }
    if (rc > 0 && t->out_at != NULL) {
        *t->out_at += rc;
    }
    return rc;
}

static ssize_t run_transfer(struct rv_task *self, const struct transfer *t)
{
    bool has_disk = t->in_type == END_DISK || t->out_type == END_DISK;
    int ready = has_disk ? check_pipe(t) : 0;
    for (bool is_first = true;; is_first = false) {
        if (ready == 0 && (has_disk || !is_first)) {
            ready = wait_for_both(t);
        }
        if (ready < 0) {
            return ready;
        }
        ssize_t rc = has_disk ? splice_disk(t) : splice_now(&rv_io_of(self->runtime)->fds, t);
        if (rc == -EPIPE) {
            rv_store_relaxed(&rv_io_of(self->runtime)->had_epipe, 1u);
        }
        if (rc != -EAGAIN) {
            return rc;
        }
        if (!has_disk && is_first) {
            continue;
        }
        /* Somebody else was faster, or the pipe wants a whole free page: let others run. */
        rv_yield(self);
        if (rv_take_cancel(self)) {
            return -ECANCELED;
        }
    }
}

ssize_t rove_splice(int in, off_t *in_at, int out, off_t *out_at, size_t n)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    struct transfer t = {.in = in,
                         .out = out,
                         .in_type = end_type(in),
                         .out_type = end_type(out),
                         .in_at = in_at,
                         .out_at = out_at,
                         .n = n};
    if (t.in_type < 0 || t.out_type < 0) {
        return t.in_type < 0 ? t.in_type : t.out_type;
    }
    if (t.in_type != END_PIPE && t.out_type != END_PIPE) {
        return -EINVAL;
    }
    if ((in_at != NULL && *in_at < 0) || (out_at != NULL && *out_at < 0)) {
        return -EINVAL; /* -1 would mean the descriptor's own position */
    }
    return n == 0 ? 0 : run_transfer(self, &t);
}

static RV_NOINLINE int take_pipe(struct rv_io *io, int ends[2])
{
    rv_lock_acquire(&io->pipe_lock);
    bool is_cached = io->pipe_count > 0;
    if (is_cached) {
        io->pipe_count--;
        ends[0] = io->pipes[io->pipe_count][0];
        ends[1] = io->pipes[io->pipe_count][1];
    }
    rv_lock_release(&io->pipe_lock);
    return is_cached || pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno;
}

/* Only an empty pipe may serve somebody else. */
static void give_pipe(struct rv_io *io, const int ends[2], bool is_empty)
{
    rv_lock_acquire(&io->pipe_lock);
    bool is_kept = is_empty && io->pipe_count < RV_IO_PIPES;
    if (is_kept) {
        io->pipes[io->pipe_count][0] = ends[0];
        io->pipes[io->pipe_count][1] = ends[1];
        io->pipe_count++;
    }
    rv_lock_release(&io->pipe_lock);
    if (!is_kept) {
        close(ends[0]);
        close(ends[1]);
    }
}

/* Empties the pipe into out: 0 or what went wrong; *sent counts on. */
static ssize_t drain(int pipe, int out, size_t n, size_t *sent)
{
    while (n > 0) {
        ssize_t rc = rove_splice(pipe, NULL, out, NULL, n);
        if (rc <= 0) {
            return rc < 0 ? rc : -EPIPE;
        }
        n -= (size_t)rc;
        *sent += (size_t)rc;
    }
    return 0;
}

/* 0 or what went wrong; *taken bytes left the file, *sent of them arrived. */
static ssize_t pump(const int pipe[2], const struct transfer *t, size_t *taken, size_t *sent)
{
    while (*sent < t->n) {
        size_t want = t->n - *sent < PIPE_BYTES ? t->n - *sent : PIPE_BYTES;
        ssize_t got = rove_splice(t->in, t->in_at, pipe[1], NULL, want);
        if (got <= 0) {
            return got;
        }
        *taken += (size_t)got;
        ssize_t rc = drain(pipe[0], t->out, (size_t)got, sent);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static RV_NOINLINE off_t position_of(int fd)
{
    return lseek(fd, 0, SEEK_CUR);
}

/* sendfile(2)'s rules: 0, or a negative errno. */
static int check_sendfile(int out, int in, const off_t *at)
{
    int in_type = end_type(in);
    int out_type = end_type(out);
    if (in_type < 0 || out_type < 0) {
        return in_type < 0 ? in_type : out_type;
    }
    return in_type != END_DISK || (at != NULL && *at < 0) ? -EINVAL : 0;
}

ssize_t rove_sendfile(int out, int in, off_t *at, size_t n)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    struct rv_io *io = rv_io_of(self->runtime);
    size_t taken = 0;
    size_t sent = 0;
    int ends[2];
    int error = check_sendfile(out, in, at);
    error = error < 0 ? error : take_pipe(io, ends);
    if (error < 0) {
        return error;
    }
    off_t start = at != NULL ? *at : position_of(in);
    off_t here = start;
    struct transfer t = {.in = in, .out = out, .in_at = &here, .n = n};
    ssize_t rc = pump(ends, &t, &taken, &sent);
    give_pipe(io, ends, taken == sent);
    if (at != NULL) {
        *at = start + (off_t)sent;
    } else {
        (void)lseek(in, start + (off_t)sent, SEEK_SET);
    }
    if (sent > 0 && rc == -ECANCELED) {
        rv_put_back_cancel(self);
    }
    return sent > 0 ? (ssize_t)sent : rc;
}
