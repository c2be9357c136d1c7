// SPDX-License-Identifier: MIT
/*
 * Purpose: servers: one task that accepts, one task for each connection.
 *
 * Idea:
 *     acceptor   accept -> connection task -> accept ..; out of descriptors: waits a little longer
 *                each time, goes on as soon as there are some; says so once, until they suffice
 *                for all that wait
 *     connection in `running` while its handler runs; then closes its stream and counts itself out
 *     stop       ends the acceptor; waits until the count is 0, at most `grace`; then cancels who
 *                is in `running`, one after the other, and waits for the rest without a limit
 *
 * A connection enters `running` by itself, so that nobody holds the handle of a task that may have
 * ended. One that begins after the cancelling does not call its handler.
 *
 * Owner: rove_server_start allocates, rove_server_stop frees after the last connection has let go
 * of the lock, on any thread if the runtime has ended. A connection is its task's.
 * Threads: tasks; the lock guards what is listed below it.
 */
#include "core/atomic.h"
#include "core/base.h"
#include "core/check.h"
#include "core/list.h"
#include "core/lock.h"
#include "io/attempt.h"
#include "io/accept.h"
#include "io/listen.h"
#include "io/stream.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/runtime.h"
#include "sched/suspend.h"

#include <rove/io.h>
#include <rove/wait.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#define RV_SERVER_PAUSE_MIN ROVE_MS(5) /* no descriptors: the first pause; arbitrary */
#define RV_SERVER_PAUSE_MAX ROVE_SEC(1)

struct rove_server {
    /* constant after start */
    rove_handler *handler;
    void *ctx;
    rove_server_options options;
    int fd;
    int port;
    struct stat file;         /* of a UNIX socket's file; st_ino is 0: it has none */
    rove_task *acceptor;

    struct rv_lock lock;      /* guards what follows */
    size_t count;             /* connections accepted and not ended */
    bool is_cancelling;
    struct rv_list running;   /* connections that a stop may cancel */
    struct rv_waitq room;     /* the acceptor, at max_connections */
    struct rv_waitq empty;    /* the stop */
};

struct connection {
    struct rove_server *server;
    rove_stream *stream;
    rove_task *task;          /* borrowed: it is the one that runs */
    struct rv_list link;      /* in server->running; under its lock */
};

/* True: cancelled already, the handler is not to run. */
static bool begin(struct connection *c)
{
    struct rove_server *s = c->server;
    struct rv_task *self = rv_current_task();
    if (rv_take_cancel(self)) {
        return true;
    }
    c->task = &self->future;
    self->future.is_known = 1;
    rv_lock_acquire(&s->lock);
    bool is_late = s->is_cancelling;
    if (!is_late) {
        rv_list_push_back(&s->running, &c->link);
    }
    rv_lock_release(&s->lock);
    return is_late;
}

static void fire_all(struct rv_waitq *q)
{
    struct rv_waiter *w;
    while ((w = rv_waitq_pop(q)) != NULL) {
        rv_waiter_fire(w);
    }
}

/* The server may be gone when this returns. */
static void count_out(struct rove_server *s)
{
    rv_lock_acquire(&s->lock);
    RV_CHECK(s->count > 0, "a connection that ends was counted");
    s->count--;
    fire_all(&s->room);
    if (s->count == 0) {
        fire_all(&s->empty);
    }
    rv_lock_release(&s->lock);
}

/* A peer that does not read may not hold up a stop: who was cancelled flushes no more. */
static int close_stream(struct connection *c, int rc)
{
    struct rove_server *s = c->server;
    rv_lock_acquire(&s->lock);
    bool is_cancelled = s->is_cancelling || rc == -ECANCELED;
    rv_lock_release(&s->lock);
    int closed = is_cancelled ? rv_stream_abort(c->stream) : rv_stream_end(c->stream);
    rv_lock_acquire(&s->lock);
    rv_list_remove(&c->link); /* until here a stop could cancel the flush */
    rv_lock_release(&s->lock);
    return closed;
}

static int run_connection(void *arg, RV_UNUSED void **result)
{
    struct connection *c = arg;
    struct rove_server *s = c->server;
    bool is_late = begin(c);
    int rc = is_late ? -ECANCELED : s->handler(c->stream, s->ctx);
    int closed = close_stream(c, rc);
    free(c);
    count_out(s);
    return rc < 0 ? rc : closed == -ECANCELED ? closed : 0;
}

/* The descriptor becomes a connection's, or is closed: 0, or -ENOMEM. */
static int start_connection(struct rove_server *s, int fd)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        rove_close(fd);
        return -ENOMEM;
    }
    rv_list_init(&c->link);
    c->server = s;
    c->stream = rv_stream_open_socket(fd);
    if (c->stream == NULL) {
        rove_close(fd);
        free(c);
        return -ENOMEM;
    }
    c->stream->is_lent = true;
    if (s->options.idle_timeout > 0) {
        c->stream->idle_ns = s->options.idle_timeout;
    }
    rv_lock_acquire(&s->lock);
    s->count++;
    rv_lock_release(&s->lock);
    rove_task *t = rv_task_start_sure(run_connection, c);
    if (t == NULL) {
        (void)rv_stream_abort(c->stream);
        free(c);
        count_out(s);
        return -ENOMEM;
    }
    rove_release(t);
    return 0;
}

/* At max_connections: until one ends. 0, or -ECANCELED. */
static int wait_for_room(struct rove_server *s, struct rv_task *self)
{
    for (;;) {
        struct rv_waiter w;
        rv_waiter_init(&w, self);
        rv_lock_acquire(&s->lock);
        bool has_room = s->options.max_connections == 0 || s->count < s->options.max_connections;
        if (!has_room) {
            rv_waitq_push(&s->room, &w);
        }
        rv_lock_release(&s->lock);
        if (has_room) {
            return 0;
        }
        int rc = rv_waitq_wait(&s->room, &s->lock, &w, RV_WAIT_IO, s);
        if (rc < 0) {
            return rc;
        }
    }
}

enum verdict { GO_ON, PAUSE, END };

/* What accept(2)'s error means for the next one. */
static enum verdict judge(int error)
{
    switch (error) {
    case -ECANCELED:
    case -EBADF:
    case -EINVAL:
    case -ENOTSOCK:
    case -EOPNOTSUPP:
    case -EFAULT:
        return END;
    case -EMFILE:
    case -ENFILE:
    case -ENOBUFS:
    case -ENOMEM:
    default: /* whatever it is, it may last: no endless loop */
        return PAUSE;
    case -ECONNABORTED:
    case -EPROTO:
    case -EPERM: /* a firewall's */
        return GO_ON; /* of that connection only */
    }
}

/* Out of something that an accept needs. */
struct dearth {
    bool is_on;          /* and has been told */
    bool is_ending;      /* the queue was empty after the last accept, which succeeded */
    rove_duration pause; /* the last one; 0: an accept has succeeded since */
};

/* The next pause is twice as long. 0, or -ECANCELED. */
static int pause_accepting(struct rove_runtime *runtime, struct dearth *d, int error)
{
    if (!d->is_on) {
        rv_runtime_log(runtime, LOG_WARNING, "rove: a server pauses accepting: %s",
                       rove_strerror(error));
    }
    d->is_on = true;
    d->is_ending = false;
    d->pause = d->pause == 0 ? RV_SERVER_PAUSE_MIN : d->pause * 2;
    d->pause = d->pause > RV_SERVER_PAUSE_MAX ? RV_SERVER_PAUSE_MAX : d->pause;
    return rove_sleep(d->pause);
}

/*
 * One got in. The dearth lasts as long as others wait: what one gives back the next one takes. And
 * it is not over before the next accept, which may find that this one has taken the last.
 */
static void note_accepted(const struct rove_server *s, struct dearth *d)
{
    d->pause = 0;
    if (RV_UNLIKELY(d->is_on)) {
        d->is_on = !d->is_ending;
        d->is_ending = rv_look(s->fd, POLLIN) == 0;
    }
}

/* By the acceptor, at its end: a server that a runtime's end finds running must not go on filling
 * a queue that nobody serves. */
static void close_listener(struct rove_server *s)
{
    rv_listen_remove(s->fd, &s->file);
    rove_close(s->fd);
    s->fd = -1;
}

static int run_acceptor(void *arg, RV_UNUSED void **result)
{
    struct rove_server *s = arg;
    struct rv_accepts accepts;
    struct rv_task *self = rv_current_task();
    struct dearth dearth = {0};
    int rc;
    rv_accepts_init(&accepts, self, s->fd, s->options.max_connections == 0);
    do {
        rc = wait_for_room(s, self);
        int fd = rc < 0 ? rc : rv_accepts_next(&accepts, self);
        if (fd >= 0) {
            rc = start_connection(s, fd);
            if (rc == 0) {
                note_accepted(s, &dearth);
            }
        } else {
            rc = fd;
        }
        enum verdict verdict = rc < 0 ? judge(rc) : GO_ON;
        if (verdict == PAUSE) {
            rc = pause_accepting(self->runtime, &dearth, rc);
        } else if (verdict == GO_ON) {
            rc = 0;
        }
    } while (rc == 0);
    rv_accepts_fini(&accepts, self);
    close_listener(s);
    if (rc != -ECANCELED) {
        rv_runtime_log(self->runtime, LOG_ERR, "rove: a server stopped accepting: %s",
                       rove_strerror(rc));
    }
    return rc;
}

static RV_NOINLINE int port_of(int fd)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
        return 0;
    }
    if (at.ss_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *)&at)->sin_port);
    }
    return at.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&at)->sin6_port) : 0;
}

/* What accept returns inherits it, which saves a system call per connection. */
static RV_NOINLINE void set_no_delay(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* a UNIX socket has none */
}

static int start(struct rv_task *self, struct rove_server *s, const char *address)
{
    s->fd = rv_listen_open(self, address, s->options.backlog, s->options.reuse_port);
    if (s->fd < 0) {
        return s->fd;
    }
    set_no_delay(s->fd);
    s->port = port_of(s->fd);
    rv_listen_remember(s->fd, &s->file);
    s->acceptor = rv_task_start_sure(run_acceptor, s);
    if (s->acceptor == NULL) {
        rove_close(s->fd);
        return -ENOMEM;
    }
    return 0;
}

int rove_server_start(const char *address, rove_handler *handler, void *ctx,
                      const rove_server_options *options, rove_server **server)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (address == NULL || handler == NULL || server == NULL) {
        return -EINVAL;
    }
    struct rove_server *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return -ENOMEM;
    }
    s->handler = handler;
    s->ctx = ctx;
    rv_list_init(&s->running);
    if (options != NULL) {
        s->options = *options;
    }
    int rc = start(self, s, address);
    if (rc < 0) {
        free(s);
        return rc;
    }
    *server = s;
    return 0;
}

int rove_server_port(const rove_server *s)
{
    if (rv_current_task() == NULL) {
        return -EPERM;
    }
    return s == NULL ? -EINVAL : s->port;
}

size_t rove_server_connections(const rove_server *s)
{
    if (rv_current_task() == NULL || s == NULL) {
        return 0;
    }
    struct rove_server *server = (struct rove_server *)(uintptr_t)s;
    rv_lock_acquire(&server->lock);
    size_t count = server->count;
    rv_lock_release(&server->lock);
    return count;
}

/* Until no connection is left; the last one has let go of the lock then. 0, or -ECANCELED. */
static int wait_until_empty(struct rove_server *s, struct rv_task *self)
{
    for (;;) {
        struct rv_waiter w;
        rv_waiter_init(&w, self);
        rv_lock_acquire(&s->lock);
        bool is_empty = s->count == 0;
        if (!is_empty) {
            rv_waitq_push(&s->empty, &w);
        }
        rv_lock_release(&s->lock);
        if (is_empty) {
            return 0;
        }
        int rc = rv_waitq_wait(&s->empty, &s->lock, &w, RV_WAIT_IO, s);
        if (rc < 0) {
            return rc;
        }
    }
}

/* The next connection that has not been cancelled, retained; NULL: that was the last. */
static rove_task *take_running(struct rove_server *s)
{
    rove_task *t = NULL;
    rv_lock_acquire(&s->lock);
    s->is_cancelling = true;
    struct rv_list *link = rv_list_pop_front(&s->running);
    if (link != NULL) {
        t = rove_retain(rv_container_of(link, struct connection, link)->task);
    }
    rv_lock_release(&s->lock);
    return t;
}

/* However often the caller is cancelled meanwhile. */
static void cancel_connections(struct rove_server *s, struct rv_task *self, unsigned *cancels)
{
    rove_task *t;
    while ((t = take_running(s)) != NULL) {
        rove_cancel(t);
        rove_release(t);
    }
    while (wait_until_empty(s, self) < 0) {
        (*cancels)++;
    }
}

static int let_connections_end(struct rove_server *s, struct rv_task *self, rove_duration grace)
{
    rove_timeout limit;
    rv_lock_acquire(&s->lock);
    bool is_empty = s->count == 0;
    rv_lock_release(&s->lock);
    if (is_empty || grace == 0) {
        return is_empty ? 0 : -ETIMEDOUT;
    }
    rove_timeout_enter(&limit, grace);
    return rove_timeout_exit(&limit, wait_until_empty(s, self));
}

/* A handler that stopped its own server would wait for itself. */
static bool is_served_by(struct rove_server *s, const struct rv_task *self)
{
    bool is_found = false;
    rv_lock_acquire(&s->lock);
    RV_LIST_FOR_EACH(link, &s->running) {
        is_found |= rv_container_of(link, struct connection, link)->task == &self->future;
    }
    rv_lock_release(&s->lock);
    return is_found;
}

/* Outside of a task: no runtime works for it any more. */
static int drop(struct rove_server *s)
{
    rv_lock_acquire(&s->lock); /* the last connection has let go of it */
    bool is_over = s->count == 0 && rove_done(s->acceptor);
    rv_lock_release(&s->lock);
    if (is_over) {
        rove_release(s->acceptor);
        free(s);
    }
    return is_over ? 0 : -EPERM;
}

int rove_server_stop(rove_server *s, rove_duration grace)
{
    struct rv_task *self = rv_current_task();
    unsigned cancels = 0;
    if (self == NULL) {
        return s == NULL ? -EPERM : drop(s);
    }
    if (s == NULL) {
        return -EINVAL;
    }
    if (is_served_by(s, self)) {
        return -EDEADLK;
    }
    rove_cancel(s->acceptor);
    rv_future_wait_uncancelled(s->acceptor, &cancels);
    (void)rove_result(s->acceptor, NULL); /* logged already, if it matters */
    rove_release(s->acceptor);
    int rc = cancels > 0 ? -ECANCELED : let_connections_end(s, self, grace);
    if (rc < 0) {
        cancel_connections(s, self, &cancels);
    }
    RV_CHECK(rv_list_is_empty(&s->running) && s->count == 0, "a stopped server serves nobody");
    free(s);
    if (cancels > 0 && rc != -ECANCELED) {
        rv_put_back_cancel(self); /* it came after the grace: for the caller's next step */
    }
    return rc;
}
