// SPDX-License-Identifier: MIT
/*
 * Purpose: child processes: start, talk, wait, kill, give up.
 *
 * Idea: a child is its pidfd, which is readable once the child has ended and never means another
 * one. Each child has a reaper, a task that waits for the pidfd, so that none stays a zombie,
 * whether anybody waits for it or not. Who waits does so on the pidfd too; the first to see the end
 * collects the status, the others get it from there.
 *
 *     running -> ended (pidfd readable) -> reaped (status is there)
 *
 * Owner: references of the handle and of the reaper; the last one closes the pidfd and frees. The
 * reaper ignores cancellations, as asyncio's child watcher is no task to cancel, until the runtime
 * stops: then a child that still runs is left to itself.
 * Threads: tasks; the lock guards what is listed below it.
 */
#include "io/process.h"

#include "core/atomic.h"
#include "core/base.h"
#include "core/check.h"
#include "core/lock.h"
#include "io/stream.h"
#include "sched/current.h"
#include "sched/pool.h"
#include "sched/runtime.h"
#include "sched/suspend.h"
#include "sched/task.h"

#include <rove/group.h>
#include <rove/io.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define RV_PROCESS_UNKNOWN 255 /* somebody else reaped it: as asyncio reports that */

struct rove_process {
    /* constant after start */
    int pidfd;                /* -1: reaped before it could be had */
    rove_stream *streams[3];  /* stdin, stdout, stderr, or NULL: the handle's */

    struct rv_lock lock;      /* guards what follows */
    unsigned refs;
    bool is_reaping;          /* some task is in waitid, or was */
    bool is_reaped;
    int status;               /* once reaped */
};

static void drop(struct rove_process *p)
{
    rv_lock_acquire(&p->lock);
    RV_CHECK(p->refs > 0, "a process that is used is referenced");
    bool is_last = --p->refs == 0;
    rv_lock_release(&p->lock);
    if (is_last) {
        if (p->pidfd >= 0) {
            rove_close(p->pidfd);
        }
        free(p);
    }
}

static int status_of(const siginfo_t *info)
{
    return info->si_code == CLD_EXITED ? info->si_status : 256 + info->si_status;
}

/* The end has been seen: the status, or -EAGAIN: it has not ended after all. */
static RV_NOINLINE int collect(const struct rove_process *p)
{
    siginfo_t info = {0};
    int rc;
    do {
        rc = waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | WNOHANG);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        return RV_PROCESS_UNKNOWN;
    }
    return info.si_pid == 0 ? -EAGAIN : status_of(&info);
}

/* True: the caller collects; else it has been done, or another does it. */
static bool claim(struct rove_process *p, bool *is_reaped)
{
    rv_lock_acquire(&p->lock);
    *is_reaped = p->is_reaped;
    bool is_mine = !p->is_reaping;
    p->is_reaping = true;
    rv_lock_release(&p->lock);
    return is_mine;
}

/* Never suspends. True: the status is there. */
static bool try_reap(struct rove_process *p)
{
    bool is_reaped;
    if (!claim(p, &is_reaped)) {
        return is_reaped;
    }
    int status = collect(p);
    rv_lock_acquire(&p->lock);
    p->status = status;
    p->is_reaped = status >= 0;
    p->is_reaping = p->is_reaped;
    is_reaped = p->is_reaped;
    rv_lock_release(&p->lock);
    return is_reaped;
}

static bool is_stopping(struct rv_task *self)
{
    return rv_load_relaxed(&self->runtime->is_stopping) != 0;
}

static int run_reaper(void *arg, RV_UNUSED void **result)
{
    struct rove_process *p = arg;
    struct rv_task *self = rv_current_task();
    bool is_over = false;
    while (!is_over) {
        int rc = rove_poll(p->pidfd, POLLIN, ROVE_FOREVER);
        is_over = try_reap(p) || (rc < 0 && (rc != -ECANCELED || is_stopping(self)));
    }
    drop(p);
    return 0;
}

/* A pipe for the child's i-th stream: our end becomes a stream, the other is the child's. */
static int open_pipe(struct rove_process *p, struct rv_spawn *spawn, int i)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return -errno;
    }
    int ours = i == 0 ? fds[1] : fds[0];
    int theirs = i == 0 ? fds[0] : fds[1];
    if (theirs < 3) { /* our own 0, 1 or 2 was closed: it must not be in the way of another's */
        int moved = fcntl(theirs, F_DUPFD_CLOEXEC, 3);
        int error = errno;
        close(theirs);
        if (moved < 0) {
            close(ours);
            return -error;
        }
        theirs = moved;
    }
    p->streams[i] = rove_stream_open(ours);
    if (p->streams[i] == NULL) {
        close(ours);
        close(theirs);
        return -ENOMEM;
    }
    p->streams[i]->is_lent = true;
    spawn->child_ends[i] = theirs;
    return 0;
}

static int open_pipes(struct rove_process *p, struct rv_spawn *spawn)
{
    const rove_process_options *options = spawn->options;
    int wishes[3] = {options->in, options->out, options->err};
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = wishes[i] == ROVE_PIPE ? open_pipe(p, spawn, i) : 0;
    }
    return rc;
}

static int kill_and_collect(void *arg, RV_UNUSED void **result)
{
    struct rove_process *p = arg;
    siginfo_t info;
    (void)pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
    while (waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED) < 0 && errno == EINTR) {
    }
    return 0;
}

/* The child runs; somebody has to collect it, or it must not have run. */
static int start_reaper(struct rove_process *p, struct rv_task *self)
{
    p->refs = 2;
    rove_task *reaper = rv_task_start_sure(run_reaper, p);
    if (reaper == NULL) {
        (void)rv_pool_run(self->runtime, kill_and_collect, p, NULL);
        rove_close(p->pidfd);
        return -ENOMEM;
    }
    rove_release(reaper);
    return 0;
}

/* It has run, and SIGCHLD is ignored or handled by a program that collects every child. */
static int note_reaped(struct rove_process *p)
{
    p->refs = 1;
    p->is_reaping = true;
    p->is_reaped = true;
    p->status = RV_PROCESS_UNKNOWN;
    return 0;
}

static void close_streams(struct rove_process *p)
{
    for (int i = 0; i < 3; i++) {
        (void)rv_stream_abort(p->streams[i]);
    }
}

/* 0, or an error and no child. */
static int start(struct rove_process *p, struct rv_task *self, struct rv_spawn *spawn)
{
    int rc = open_pipes(p, spawn);
    if (rc == 0) {
        rc = rv_pool_run(self->runtime, rv_spawn_run, spawn, NULL);
    }
    for (int i = 0; i < 3; i++) {
        if (spawn->child_ends[i] >= 0) {
            rove_close(spawn->child_ends[i]);
        }
    }
    if (rc < 0) {
        return rc;
    }
    p->pidfd = spawn->pidfd;
    return p->pidfd < 0 ? note_reaped(p) : start_reaper(p, self);
}

int rove_process_start(const rove_process_options *options, rove_process **process)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    int rc = process == NULL ? -EINVAL : rv_spawn_check(options);
    if (rc < 0) {
        return rc;
    }
    struct rove_process *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return -ENOMEM;
    }
    struct rv_spawn spawn = {.options = options, .child_ends = {-1, -1, -1}, .pidfd = -1};
    rc = start(p, self, &spawn);
    if (rc < 0) {
        close_streams(p);
        free(p);
        return rc;
    }
    *process = p;
    return 0;
}

static rove_stream *stream_of(const rove_process *p, int i)
{
    return p == NULL || rv_current_task() == NULL ? NULL : p->streams[i];
}

rove_stream *rove_process_stdin(rove_process *p)
{
    return stream_of(p, 0);
}

rove_stream *rove_process_stdout(rove_process *p)
{
    return stream_of(p, 1);
}

rove_stream *rove_process_stderr(rove_process *p)
{
    return stream_of(p, 2);
}

int rove_process_wait(rove_process *p)
{
    if (rv_current_task() == NULL) {
        return -EPERM;
    }
    if (p == NULL) {
        return -EINVAL;
    }
    for (;;) {
        bool is_reaped;
        rv_lock_acquire(&p->lock);
        is_reaped = p->is_reaped;
        bool is_reaping = p->is_reaping;
        rv_lock_release(&p->lock);
        if (is_reaped) {
            return p->status;
        }
        /* Another is in waitid, for an instant; the pidfd would not make us wait for it. */
        int rc = is_reaping ? rove_yield() : rove_poll(p->pidfd, POLLIN, ROVE_FOREVER);
        if (rc < 0) {
            return rc;
        }
        (void)try_reap(p);
    }
}

int rove_process_kill(rove_process *p, int sig)
{
    if (rv_current_task() == NULL) {
        return -EPERM;
    }
    if (p == NULL) {
        return -EINVAL;
    }
    rv_lock_acquire(&p->lock);
    bool is_reaped = p->is_reaped;
    rv_lock_release(&p->lock);
    if (is_reaped) {
        return -ESRCH;
    }
    return pidfd_send_signal(p->pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

void rove_process_release(rove_process *p)
{
    if (p != NULL && rv_current_task() != NULL) {
        close_streams(p);
        drop(p);
    }
}

/* communicate: three flows at once, none of which may wait for another. */

struct flow {
    rove_stream *stream;
    const char *in;
    char *bytes;     /* what was read, with a zero byte behind it; NULL: not a pipe */
    size_t n, capacity;
};

/* A child that ends without reading it all is no error, as in asyncio. */
static int feed(void *arg, RV_UNUSED void **result)
{
    struct flow *f = arg;
    int rc = rove_stream_write(f->stream, f->in, f->n);
    if (rc == 0) {
        rc = rove_stream_flush(f->stream);
    }
    if (rc == -EPIPE || rc == -ECONNRESET) {
        rc = 0;
    }
    int closed = rc == -ECANCELED ? 0 : rove_stream_shutdown(f->stream);
    return rc < 0 || closed == -EPIPE || closed == -EBADF ? rc : closed;
}

static int grow(struct flow *f)
{
    size_t capacity = f->capacity == 0 ? 4096 : f->capacity * 2;
    char *bytes = realloc(f->bytes, capacity);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    f->bytes = bytes;
    f->capacity = capacity;
    return 0;
}

static int read_to_end(void *arg, RV_UNUSED void **result)
{
    struct flow *f = arg;
    ssize_t n = 1;
    while (n > 0) {
        if (f->capacity - f->n < 2 && grow(f) < 0) {
            return -ENOMEM;
        }
        n = rove_stream_read(f->stream, f->bytes + f->n, f->capacity - f->n - 1);
        f->n += n > 0 ? (size_t)n : 0;
    }
    f->bytes[f->n] = '\0';
    return (int)n;
}

/* All three to their ends, then the child's: its status, or an error. */
static int run_flows(rove_process *p, struct flow flows[3])
{
    static rove_coro *const coros[3] = {feed, read_to_end, read_to_end};
    rove_task_group group;
    int rc = 0;
    rove_task_group_enter(&group);
    for (int i = 0; i < 3 && rc == 0; i++) {
        flows[i].stream = p->streams[i];
        if (p->streams[i] != NULL &&
            rove_task_group_create_task(&group, coros[i], &flows[i]) == NULL) {
            rc = -ENOMEM;
        }
    }
    rc = rove_task_group_exit(&group, rc);
    return rc < 0 ? rc : rove_process_wait(p);
}

static void hand_over(struct flow *f, char **bytes, size_t *n)
{
    if (bytes != NULL) {
        *bytes = f->bytes;
        f->bytes = NULL;
    }
    if (n != NULL) {
        *n = f->n;
    }
}

int rove_process_communicate(rove_process *p, const void *in, size_t n, char **out, size_t *out_n,
                             char **err, size_t *err_n)
{
    if (rv_current_task() == NULL) {
        return -EPERM;
    }
    if (p == NULL || (n > 0 && (in == NULL || p->streams[0] == NULL))) {
        return -EINVAL;
    }
    struct flow flows[3] = {{.in = in, .n = n}};
    int rc = run_flows(p, flows);
    if (rc >= 0) {
        hand_over(&flows[1], out, out_n);
        hand_over(&flows[2], err, err_n);
    }
    free(flows[1].bytes);
    free(flows[2].bytes);
    return rc;
}
