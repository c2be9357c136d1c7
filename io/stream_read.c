// SPDX-License-Identifier: MIT
/*
 * Purpose: the receiving half of a stream. Meanings as in asyncio's StreamReader.
 *
 * Idea: the reader owns `in` from begin_read to end_read. Bytes leave the buffer only when a call
 * succeeds, so a call that is cancelled, times out or runs into the limit has taken nothing.
 *
 *     data   |  read before  |begin   unread   end|   room   |capacity
 *
 * Room is made, and the block moved, only when the kernel is about to be asked: views that were
 * given out stay valid until then. Large reads into the caller's memory bypass the buffer.
 */
#include "io/stream.h"

#include "core/check.h"
#include "io/buffers.h"
#include "sched/current.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIRECT_BYTES 4096 /* from here on reads bypass the buffer; arbitrary */

static int begin_read(struct rove_stream *s)
{
    if (rv_current_task() == NULL) {
        return -EPERM;
    }
    if (s == NULL) {
        return -EINVAL;
    }
    rv_lock_acquire(&s->lock);
    bool is_free = !s->is_reading;
    s->is_reading = true;
    s->refs += is_free;
    rv_lock_release(&s->lock);
    return is_free ? 0 : -EBUSY;
}

static ssize_t end_read(struct rove_stream *s, ssize_t rc)
{
    rv_lock_acquire(&s->lock);
    RV_ASSERT(s->is_reading, "only a reader ends a read");
    s->is_reading = false;
    rv_lock_release(&s->lock);
    rv_stream_leave(s);
    return rc;
}

static size_t unread(const struct rv_stream_in *in)
{
    return in->end - in->begin;
}

static const char *consume(struct rv_stream_in *in, size_t n)
{
    const char *data = in->data + in->begin;
    RV_ASSERT(n <= unread(in), "only what is there is read");
    in->begin += n;
    in->searched = 0;
    return data;
}

void rv_stream_drop_block(struct rv_stream_in *in)
{
    if (in->lender != NULL) {
        rv_buffers_give(in->lender, in->lent);
    } else {
        free(in->data);
    }
    in->lender = NULL;
    in->data = NULL;
    in->begin = 0;
    in->end = 0;
    in->capacity = 0;
}

/* A block of this many bytes, with what is unread at its front: 0, or -ENOMEM and no change. */
static int resize(struct rv_stream_in *in, size_t capacity)
{
    size_t n = unread(in);
    RV_ASSERT(n <= capacity, "what is unread stays");
    char *data = malloc(capacity);
    if (data == NULL) {
        return -ENOMEM;
    }
    if (n > 0) {
        memcpy(data, in->data + in->begin, n);
    }
    rv_stream_drop_block(in);
    in->data = data;
    in->begin = 0;
    in->end = n;
    in->capacity = capacity;
    return 0;
}

/* Room for a quarter of the block or more; the block as large as the peer's speed asks for. */
static int make_room(struct rv_stream_in *in)
{
    size_t n = unread(in);
    if (in->begin > 0 && n > 0 && in->capacity >= in->wish && n <= in->capacity / 2) {
        memmove(in->data, in->data + in->begin, n);
        in->begin = 0;
        in->end = n;
    }
    if (n == 0) {
        in->begin = 0;
        in->end = 0;
    }
    if (in->capacity >= in->wish && in->capacity - in->end >= in->capacity / 4) {
        return 0;
    }
    size_t capacity = in->capacity < RV_STREAM_SMALL ? RV_STREAM_SMALL : in->capacity;
    while (capacity < in->wish || capacity - n < capacity / 2) {
        capacity *= 2;
    }
    return resize(in, capacity);
}

/* Nothing is unread and the peer is silent: the large block goes back while the task waits. */
static void shrink(struct rv_stream_in *in)
{
    in->wish = RV_STREAM_SMALL;
    (void)resize(in, RV_STREAM_SMALL); /* without memory the large one stays */
}

/* Errors that the peer or the network caused stay; others are this call's only. */
static ssize_t note_outcome(struct rove_stream *s, ssize_t rc)
{
    struct rv_stream_in *in = &s->in;
    rc = rc == 0 ? rv_stream_why_ended(s) : rc;
    if (rc == 0) {
        in->has_ended = true;
    } else if (rc < 0 && rc != -ECANCELED && rc != -ETIMEDOUT && rc != -ENOMEM && rc != -EAGAIN) {
        in->error = (int)rc;
    }
    return rc;
}

/* Asks the kernel: how many bytes came, 0 at the end, or an error. Views become invalid. */
static ssize_t receive(struct rove_stream *s, void *data, size_t n, enum rv_stream_patience how)
{
    if (s->in.has_ended || s->in.error < 0) {
        return s->in.error;
    }
    ssize_t rc = rv_stream_await(s, how);
    if (rc > 0) {
        return (ssize_t)rv_flow_copy(&s->flow, data, n);
    }
    if (rc == RV_FLOW_IDLE) {
        rv_stream_push(s); /* what the peer may be waiting for */
        rc = rv_stream_read_some(s, data, n, how);
        rv_flow_note_plain(&s->flow, rc);
    }
    return note_outcome(s, rc);
}

/* All is read: the next buffer that is lent becomes the block. As receive, or RV_FLOW_IDLE. */
static ssize_t borrow(struct rove_stream *s)
{
    struct rv_stream_in *in = &s->in;
    struct rv_piece piece;
    if (in->has_ended || in->error < 0) {
        return in->error;
    }
    if (in->lender != NULL || in->capacity > RV_STREAM_SMALL) {
        rv_stream_drop_block(in);
    }
    ssize_t rc = rv_stream_await(s, RV_STREAM_WAIT);
    if (rc > 0) {
        rv_stream_drop_block(in);
        rv_flow_take(&s->flow, &piece);
        in->wish = RV_STREAM_SMALL;
        in->data = piece.data;
        in->begin = piece.begin;
        in->end = piece.end;
        in->capacity = RV_BUFFER_BYTES;
        in->lender = piece.lender;
        in->lent = piece.id;
        return (ssize_t)unread(in);
    }
    return rc == RV_FLOW_IDLE ? rc : note_outcome(s, rc);
}

/* More bytes into the buffer: how many, 0 at the end, or an error. */
static ssize_t fill(struct rove_stream *s)
{
    struct rv_stream_in *in = &s->in;
    ssize_t rc = unread(in) == 0 && s->flow.is_on ? borrow(s) : RV_FLOW_IDLE;
    if (rc != RV_FLOW_IDLE) {
        return rc;
    }
    rc = -EAGAIN;
    if (make_room(in) < 0) {
        return -ENOMEM;
    }
    if (unread(in) == 0 && in->capacity > RV_STREAM_SMALL) {
        rc = receive(s, in->data, in->capacity, RV_STREAM_TRY);
        if (rc == -EAGAIN) {
            shrink(in);
        }
    }
    size_t room = in->capacity - in->end;
    if (rc == -EAGAIN) {
        rc = receive(s, in->data + in->end, room, RV_STREAM_WAIT);
    }
    if (rc > 0) {
        in->end += (size_t)rc;
        if ((size_t)rc == room && in->wish < RV_STREAM_BULK) {
            in->wish *= 2;
        }
    }
    return rc;
}

/* At most n of the unread bytes into the caller's memory. */
static size_t take(struct rv_stream_in *in, void *buf, size_t n)
{
    size_t taken = n < unread(in) ? n : unread(in);
    if (taken > 0) {
        memcpy(buf, consume(in, taken), taken);
    }
    return taken;
}

static ssize_t read_some(struct rove_stream *s, void *buf, size_t n)
{
    if (n == 0) {
        return 0;
    }
    if (unread(&s->in) > 0) {
        return (ssize_t)take(&s->in, buf, n);
    }
    if (n >= DIRECT_BYTES) {
        return receive(s, buf, n, RV_STREAM_WAIT);
    }
    ssize_t rc = fill(s);
    return rc > 0 ? (ssize_t)take(&s->in, buf, n) : rc;
}

ssize_t rove_stream_read(rove_stream *s, void *buf, size_t n)
{
    int rc = begin_read(s);
    if (rc < 0) {
        return rc;
    }
    return end_read(s, buf == NULL && n > 0 ? -EINVAL : read_some(s, buf, n));
}

/* A long read failed after `n` bytes of it had come: they go behind what is unread. */
static ssize_t put_back(struct rv_stream_in *in, const char *data, size_t n, ssize_t rc)
{
    size_t total = unread(in) + n;
    if (in->capacity - in->end < n) {
        size_t capacity = total < RV_STREAM_SMALL ? RV_STREAM_SMALL : total;
        if (resize(in, capacity) < 0) {
            in->error = -ENOMEM; /* bytes are lost: nobody may read on behind the gap */
            return -ENOMEM;
        }
    }
    if (n > 0) {
        memcpy(in->data + in->end, data, n);
    }
    in->end += n;
    return rc;
}

/* What is buffered stays there until the rest has come into place behind it. */
static ssize_t read_long(struct rove_stream *s, char *buf, size_t n)
{
    size_t buffered = unread(&s->in);
    size_t done = buffered;
    while (done < n) {
        ssize_t rc = receive(s, buf + done, n - done, RV_STREAM_WAIT);
        if (rc <= 0) {
            return put_back(&s->in, buf + buffered, done - buffered, rc == 0 ? -ENODATA : rc);
        }
        done += (size_t)rc;
    }
    (void)take(&s->in, buf, buffered);
    return (ssize_t)n;
}

static ssize_t read_exactly(struct rove_stream *s, char *buf, size_t n)
{
    while (unread(&s->in) < n) {
        if (n - unread(&s->in) >= DIRECT_BYTES) {
            return read_long(s, buf, n);
        }
        ssize_t rc = fill(s);
        if (rc <= 0) {
            return rc == 0 ? -ENODATA : rc;
        }
    }
    return (ssize_t)take(&s->in, buf, n);
}

ssize_t rove_stream_read_exactly(rove_stream *s, void *buf, size_t n)
{
    int rc = begin_read(s);
    if (rc < 0) {
        return rc;
    }
    return end_read(s, buf == NULL && n > 0 ? -EINVAL : read_exactly(s, buf, n));
}

/* Bytes before the separator, if it is in the buffer; else -EAGAIN, and where to search next. */
static ssize_t search(struct rv_stream_in *in, const void *sep, size_t sep_len)
{
    size_t n = unread(in);
    if (n - in->searched < sep_len) {
        return -EAGAIN;
    }
    const char *start = in->data + in->begin;
    const char *found = sep_len == 1
                            ? memchr(start + in->searched, *(const unsigned char *)sep,
                                     n - in->searched)
                            : memmem(start + in->searched, n - in->searched, sep, sep_len);
    if (found != NULL) {
        return found - start;
    }
    in->searched = n + 1 - sep_len;
    return -EAGAIN;
}

/* Bytes before the separator · -ENODATA, -EMSGSIZE, 0 with *is_end at the end, or another error. */
static ssize_t find(struct rove_stream *s, const void *sep, size_t sep_len)
{
    s->in.searched = 0; /* the last call may have had another separator */
    for (;;) {
        ssize_t before = search(&s->in, sep, sep_len);
        if (before >= 0) {
            return (size_t)before > s->in.limit ? -EMSGSIZE : before;
        }
        if (s->in.searched > s->in.limit) {
            return -EMSGSIZE;
        }
        ssize_t rc = fill(s);
        if (rc <= 0) {
            return rc == 0 ? -ENODATA : rc;
        }
    }
}

static ssize_t read_until(struct rove_stream *s, const void *sep, size_t sep_len,
                          const char **data)
{
    ssize_t before = find(s, sep, sep_len);
    if (before == -ENODATA && unread(&s->in) == 0) {
        return 0;
    }
    if (before < 0) {
        return before;
    }
    *data = consume(&s->in, (size_t)before + sep_len);
    return before + (ssize_t)sep_len;
}

ssize_t rove_stream_read_until(rove_stream *s, const void *sep, size_t sep_len, const char **data)
{
    int rc = begin_read(s);
    if (rc < 0) {
        return rc;
    }
    bool is_good = sep != NULL && sep_len > 0 && data != NULL;
    return end_read(s, is_good ? read_until(s, sep, sep_len, data) : -EINVAL);
}

/* As asyncio's readline: of a line that is too long, what has come so far is dropped. */
static void drop_long_line(struct rv_stream_in *in)
{
    in->searched = 0;
    ssize_t before = search(in, "\n", 1);
    consume(in, before < 0 ? unread(in) : (size_t)before + 1);
}

static ssize_t read_line(struct rove_stream *s, const char **line)
{
    ssize_t before = find(s, "\n", 1);
    if (before == -EMSGSIZE) {
        drop_long_line(&s->in);
    }
    if (before == -ENODATA) { /* the last line has no newline */
        size_t n = unread(&s->in);
        *line = n == 0 ? *line : consume(&s->in, n);
        return (ssize_t)n;
    }
    if (before < 0) {
        return before;
    }
    *line = consume(&s->in, (size_t)before + 1);
    return before + 1;
}

ssize_t rove_stream_read_line(rove_stream *s, const char **line)
{
    int rc = begin_read(s);
    if (rc < 0) {
        return rc;
    }
    return end_read(s, line != NULL ? read_line(s, line) : -EINVAL);
}
