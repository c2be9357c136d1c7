// SPDX-License-Identifier: MIT
/*
 * Purpose: the sending half of a stream.
 *
 * Idea: one writer at a time adds to the tail chunk, one sender at a time takes from the head. Both
 * move bytes outside the lock: the writer beyond `end`, the sender between begin and end; the lock
 * is held to move the marks.
 *
 *     first                          last
 *     [  sent |begin  data  end] -> [begin  data  end|  writer copies here  ]
 *
 * The sender is whoever needs the bytes gone: a flush, a writer above the high-water mark, a read
 * about to wait, and, if none of them comes, the flusher. A sender that is cancelled leaves the
 * rest for the next one; waiters look who that may be.
 *
 * Rejected: sending in each write, as asyncio does: a reply written in ten pieces is ten packets.
 */
#include "io/stream.h"

#include "core/check.h"
#include "sched/current.h"
#include "sched/task.h"

#include <rove/task.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rv_stream_chunk {
    struct rv_stream_chunk *next;
    size_t begin, end;   /* under the lock; begin the sender's, end the writer's to move */
    size_t capacity;
    char data[];
};

#define CHUNK_BYTES (4096 - sizeof(struct rv_stream_chunk)) /* a page with its head; arbitrary */
#define DIRECT_BYTES 16384 /* from here on a copy costs more than a system call; arbitrary */

static void wake_waiters(struct rove_stream *s)
{
    struct rv_waiter *w;
    while ((w = rv_waitq_pop(&s->out.waiters)) != NULL) {
        rv_waiter_fire(w);
    }
}

/* Lock held: cuts off what is empty, but for a tail that a writer is copying into. */
static struct rv_stream_chunk *take_empty(struct rv_stream_out *out)
{
    struct rv_stream_chunk *c = out->first;
    if (c == NULL || c->begin != c->end || (c == out->last && out->is_adding)) {
        return NULL;
    }
    out->first = c->next;
    if (c == out->last) {
        out->last = NULL;
    }
    return c;
}

/* Lock held: nothing of this can ever be sent. */
static void forget_all(struct rv_stream_out *out)
{
    for (struct rv_stream_chunk *c = out->first; c != NULL; c = c->next) {
        c->begin = c->end;
    }
    out->total = 0;
}

static void free_empty(struct rove_stream *s)
{
    struct rv_stream_chunk *c;
    do {
        rv_lock_acquire(&s->lock);
        c = take_empty(&s->out);
        rv_lock_release(&s->lock);
        free(c);
    } while (c != NULL);
}

/* Not the end of the connection, nor of what is buffered. */
static bool may_go_on(ssize_t rc)
{
    return rc >= 0 || rc == -ECANCELED || rc == -EAGAIN;
}

/* The sender: `sent` is a count or an error of the bytes at the head. */
static void account(struct rove_stream *s, struct rv_stream_chunk *c, ssize_t sent)
{
    rv_lock_acquire(&s->lock);
    if (sent >= 0) {
        RV_CHECK((size_t)sent <= c->end - c->begin, "no more is sent than was there");
        c->begin += (size_t)sent;
        s->out.total -= (size_t)sent;
    } else if (!may_go_on(sent)) {
        s->out.error = (int)sent;
        forget_all(&s->out);
    }
    if (s->out.total <= RV_STREAM_LOW) {
        wake_waiters(s);
    }
    rv_lock_release(&s->lock);
    if (!may_go_on(sent)) {
        rv_flow_nudge(&s->flow);
    }
    free_empty(s);
}

/* The sender: the chunk to send *n bytes of next; NULL: no more than `level` is left. */
static struct rv_stream_chunk *head(struct rove_stream *s, size_t level, size_t *n)
{
    rv_lock_acquire(&s->lock);
    struct rv_stream_chunk *c = s->out.total > level ? s->out.first : NULL;
    while (c != NULL && c->begin == c->end) {
        c = c->next; /* a tail that was empty when the writer took it, and is full now */
    }
    if (c != NULL) {
        *n = c->end - c->begin;
    }
    rv_lock_release(&s->lock);
    return c;
}

static void stop_sending(struct rove_stream *s)
{
    rv_lock_acquire(&s->lock);
    s->out.is_sending = false;
    wake_waiters(s);
    rv_lock_release(&s->lock);
}

/* True: the caller is the sender now. */
static bool try_start_sending(struct rove_stream *s)
{
    rv_lock_acquire(&s->lock);
    bool is_free = !s->out.is_sending && s->out.total > 0;
    s->out.is_sending |= is_free;
    rv_lock_release(&s->lock);
    return is_free;
}

/* The sender, until no more than `level` is left: 0, an error, -ECANCELED, -EAGAIN (TRY only). */
static int send_down_to(struct rove_stream *s, size_t level, enum rv_stream_patience patience)
{
    struct rv_stream_chunk *c;
    size_t n;
    ssize_t rc = 0;
    while (rc >= 0 && (c = head(s, level, &n)) != NULL) {
        rc = rv_stream_write_some(s, c->data + c->begin, n, patience);
        account(s, c, rc);
    }
    return rc < 0 ? (int)rc : 0;
}

void rv_stream_push(struct rove_stream *s)
{
    if (try_start_sending(s)) {
        (void)send_down_to(s, 0, RV_STREAM_TRY); /* an error is kept for the next writer */
        stop_sending(s);
    }
}

/* One turn of waiting: 1: look again; else the outcome. */
static int drain_step(struct rove_stream *s, struct rv_task *self, size_t level)
{
    struct rv_waiter w;
    rv_waiter_init(&w, self);
    rv_lock_acquire(&s->lock);
    int error = s->out.error;
    bool is_over = error < 0 || (level == 0 ? s->out.total == 0 && !s->out.is_sending
                                            : s->out.total <= level);
    bool may_send = !is_over && !s->out.is_sending;
    s->out.is_sending |= may_send;
    if (!is_over && !may_send) {
        rv_waitq_push(&s->out.waiters, &w);
    }
    rv_lock_release(&s->lock);
    if (is_over) {
        return error;
    }
    int rc;
    if (may_send) {
        rc = send_down_to(s, level, RV_STREAM_TRY_THEN_WAIT);
        stop_sending(s);
    } else {
        rc = rv_waitq_wait(&s->out.waiters, &s->lock, &w, RV_WAIT_IO, s);
    }
    return rc < 0 ? rc : 1;
}

int rv_stream_drain(struct rove_stream *s, struct rv_task *self, size_t level)
{
    int rc;
    do {
        rc = drain_step(s, self, level);
    } while (rc > 0);
    return rc;
}

/* Has a send been told that the connection is lost? A peer that has ended (EPIPE) lost nothing. */
static bool is_loss(int error)
{
    return error < 0 && error != -EPIPE && error != -EBADF && error != -ENOMEM && error != -ENOBUFS;
}

/*
 * The kernel tells a connection's error once, and who asks next finds an end like any other: to a
 * reader what was lost would look complete. A send that is at it may have been told and not have
 * said so yet; on a dead connection it does not take long.
 */
int rv_stream_why_ended(struct rove_stream *s)
{
    if (!s->is_socket) {
        return 0;
    }
    rv_lock_acquire(&s->lock);
    int error = s->out.error;
    bool may_follow = error == 0 && s->out.is_sending;
    rv_lock_release(&s->lock);
    if (may_follow && rv_stream_is_dead(s)) {
        error = rv_stream_drain(s, rv_current_task(), 0);
    }
    return is_loss(error) ? error : 0;
}

/* Sends what nobody else has sent. Its own cancellation hands the rest to whoever comes next. */
static int run_flusher(void *arg, RV_UNUSED void **result)
{
    struct rove_stream *s = arg;
    struct rv_task *self = rv_current_task();
    bool is_over = false;
    while (!is_over) {
        int rc = rv_stream_drain(s, self, 0);
        rv_lock_acquire(&s->lock);
        is_over = rc < 0 || s->out.total == 0;
        s->out.has_flusher = !is_over;
        rv_lock_release(&s->lock);
    }
    rv_stream_leave(s);
    return 0;
}

/* The caller has set has_flusher. Without memory for a task the caller sends by itself. */
static int start_flusher(struct rove_stream *s, struct rv_task *self)
{
    rv_stream_enter(s);
    rove_task *t = rv_task_start_sure(run_flusher, s);
    if (t != NULL) {
        rove_release(t);
        return 0;
    }
    rv_stream_leave(s);
    rv_lock_acquire(&s->lock);
    s->out.has_flusher = false;
    rv_lock_release(&s->lock);
    return rv_stream_drain(s, self, 0);
}

/* Begins to add: the tail to copy into, and how much room it has; or the stream's error. */
static int begin_add(struct rove_stream *s, struct rv_stream_chunk **tail, size_t *room)
{
    rv_lock_acquire(&s->lock);
    int error = s->out.error;
    if (error == 0) {
        error = s->out.is_shut || rv_load_relaxed(&s->fd) < 0 ? -EPIPE : 0;
    }
    s->out.is_adding = error == 0;
    *tail = s->out.last;
    *room = *tail == NULL ? 0 : (*tail)->capacity - (*tail)->end;
    rv_lock_release(&s->lock);
    return error;
}

/* `in_tail` bytes are in the tail, the rest in `more` (or NULL). True: start a flusher. */
static bool end_add(struct rove_stream *s, size_t in_tail, struct rv_stream_chunk *more)
{
    struct rv_stream_out *out = &s->out;
    rv_lock_acquire(&s->lock);
    out->is_adding = false;
    if (in_tail > 0) {
        out->last->end += in_tail;
    }
    out->total += in_tail;
    if (more != NULL) {
        out->total += more->end;
        struct rv_stream_chunk **link = out->last == NULL ? &out->first : &out->last->next;
        *link = more;
        out->last = more;
    }
    if (out->error < 0) { /* the sender failed meanwhile */
        forget_all(out);
    }
    bool is_wanted = !out->has_flusher && out->total > 0;
    out->has_flusher |= is_wanted;
    rv_lock_release(&s->lock);
    return is_wanted;
}

static void abandon_add(struct rove_stream *s)
{
    rv_lock_acquire(&s->lock);
    s->out.is_adding = false;
    rv_lock_release(&s->lock);
    free_empty(s);
}

/* Copies n bytes behind what is there: 0, or an error and nothing was added. */
static int add(struct rove_stream *s, struct rv_task *self, const char *buf, size_t n)
{
    struct rv_stream_chunk *tail;
    struct rv_stream_chunk *more = NULL;
    size_t room;
    int rc = begin_add(s, &tail, &room);
    if (rc < 0) {
        return rc;
    }
    size_t in_tail = n < room ? n : room;
    if (n > in_tail) {
        size_t rest = n - in_tail;
        size_t capacity = rest > CHUNK_BYTES ? rest : CHUNK_BYTES;
        more = malloc(sizeof(*more) + capacity);
        if (more == NULL) {
            abandon_add(s);
            return -ENOMEM;
        }
        *more = (struct rv_stream_chunk){.end = rest, .capacity = capacity};
        memcpy(more->data, buf + in_tail, rest);
    }
    if (in_tail > 0) {
        memcpy(tail->data + tail->end, buf, in_tail);
    }
    bool is_flusher_wanted = end_add(s, in_tail, more);
    return is_flusher_wanted ? start_flusher(s, self) : 0;
}

/* Sends from the caller's own bytes while nothing is buffered. How many went; -EAGAIN: none. */
static ssize_t send_direct(struct rove_stream *s, const char *buf, size_t n,
                           enum rv_stream_patience patience)
{
    rv_lock_acquire(&s->lock);
    bool is_free = !s->out.is_sending && s->out.total == 0;
    s->out.is_sending |= is_free;
    rv_lock_release(&s->lock);
    if (!is_free) {
        return -EAGAIN;
    }
    ssize_t rc = rv_stream_write_some(s, buf, n, patience);
    if (!may_go_on(rc)) {
        rv_lock_acquire(&s->lock);
        s->out.error = (int)rc;
        rv_lock_release(&s->lock);
        rv_flow_nudge(&s->flow);
    }
    stop_sending(s);
    return rc;
}

/* More than may be buffered: waits, without a copy, until what is left may be. */
static int write_much(struct rove_stream *s, struct rv_task *self, const char *buf, size_t n)
{
    int rc = 0;
    while (rc == 0 && n > RV_STREAM_LOW) {
        rc = rv_stream_drain(s, self, 0);
        ssize_t sent = rc < 0 ? -EAGAIN : send_direct(s, buf, n, RV_STREAM_TRY_THEN_WAIT);
        if (sent >= 0) {
            buf += sent;
            n -= (size_t)sent;
        } else if (sent != -EAGAIN) {
            rc = (int)sent;
        }
    }
    if (rc < 0 && rc != -ECANCELED) {
        return rc;
    }
    int added = n == 0 ? 0 : add(s, self, buf, n); /* cancelled or not, no message is cut off */
    return added < 0 ? added : rc;
}

static int write_locked(struct rove_stream *s, struct rv_task *self, const char *buf, size_t n)
{
    rv_lock_acquire(&s->lock);
    size_t total = s->out.total;
    bool is_open = s->out.error == 0 && !s->out.is_shut;
    rv_lock_release(&s->lock);
    if (is_open && n > RV_STREAM_HIGH) {
        return write_much(s, self, buf, n);
    }
    if (is_open && n >= DIRECT_BYTES && total == 0) {
        ssize_t sent = send_direct(s, buf, n, RV_STREAM_TRY);
        if (sent < 0 && sent != -EAGAIN) {
            return (int)sent;
        }
        buf += sent < 0 ? 0 : sent;
        n -= sent < 0 ? 0 : (size_t)sent;
    }
    return n == 0 && is_open ? 0 : add(s, self, buf, n);
}

int rove_stream_write(rove_stream *s, const void *buf, size_t n)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (s == NULL || (buf == NULL && n > 0)) {
        return -EINVAL;
    }
    rv_stream_enter(s);
    int rc = rove_mutex_lock(&s->writers);
    if (rc == 0) {
        rc = write_locked(s, self, buf, n);
        rove_mutex_unlock(&s->writers);
    }
    if (rc == 0) {
        rv_lock_acquire(&s->lock);
        bool is_high = s->out.total > RV_STREAM_HIGH;
        rv_lock_release(&s->lock);
        rc = is_high ? rv_stream_drain(s, self, RV_STREAM_LOW) : 0;
    }
    rv_stream_leave(s);
    return rc;
}

int rove_stream_flush(rove_stream *s)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (s == NULL) {
        return -EINVAL;
    }
    rv_stream_enter(s);
    int rc = rv_stream_drain(s, self, 0);
    rv_stream_leave(s);
    return rc;
}

void rv_stream_drop_chunks(struct rove_stream *s)
{
    struct rv_stream_chunk *c = s->out.first;
    while (c != NULL) {
        struct rv_stream_chunk *next = c->next;
        free(c);
        c = next;
    }
    s->out.first = NULL;
    s->out.last = NULL;
}

void rv_stream_check(struct rove_stream *s)
{
    size_t total = 0;
    const struct rv_stream_chunk *last = NULL;
    rv_lock_acquire(&s->lock);
    for (const struct rv_stream_chunk *c = s->out.first; c != NULL; c = c->next) {
        RV_CHECK(c->begin <= c->end && c->end <= c->capacity, "the marks of a chunk are in order");
        total += c->end - c->begin;
        last = c;
    }
    RV_CHECK(total == s->out.total, "the total is the sum of the chunks");
    RV_CHECK(last == s->out.last, "the tail is the last of the list");
    RV_CHECK(s->out.error == 0 || total == 0, "a failed stream has nothing to send");
    RV_CHECK(s->refs > 0, "a stream that is checked is referenced");
    rv_lock_release(&s->lock);
    rv_flow_check(&s->flow);
    RV_CHECK(s->in.begin <= s->in.end && s->in.end <= s->in.capacity,
             "the marks of the input are in order");
}
