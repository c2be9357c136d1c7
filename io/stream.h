// SPDX-License-Identifier: MIT
/*
 * Purpose: a stream: a descriptor with a buffer for what came in and one for what is to go out.
 *
 * Idea:
 *     in    one block, [begin, end) unread. A stream that waits for its peer holds at most
 *           RV_STREAM_SMALL bytes; bulk data lets the block grow, silence lets it shrink.
 *           Where the back-end lends buffers (io/flow.h), a block that was read to its end is
 *           replaced by the next of them, and a stream that waits holds none.
 *     out   a list of chunks. Writers add at the tail, one sender at a time takes from the head.
 *           A write only adds, and sees to it that a flusher task is on its way; so the pieces
 *           a task writes before it suspends leave in one system call. A read that has to ask
 *           the kernel sends first, which leaves the flusher nothing to do.
 *
 * Owner: whoever opened it, until rove_stream_close; of a lent one whoever lends it. References:
 * the owner's, each call's in progress, the flusher's; the last frees. The descriptor is closed by
 * rove_stream_close alone.
 * Threads: tasks. One reader at a time, any number of writers.
 */
#ifndef RV_IO_STREAM_H
#define RV_IO_STREAM_H

#include "core/atomic.h"
#include "core/lock.h"
#include "io/flow.h"
#include "sched/waitq.h"

#include <rove/net.h>
#include <rove/sync.h>

struct rv_task;
struct rv_op;
struct rv_fd_slot;
struct rv_stream_chunk;

#define RV_STREAM_SMALL 1024        /* in: a block while the peer is silent; arbitrary */
#define RV_STREAM_BULK 65536        /* in: the most that is asked for at once; arbitrary */
#define RV_STREAM_LIMIT 65536       /* as asyncio's default */
#define RV_STREAM_HIGH 65536        /* out: writers wait above this, .. */
#define RV_STREAM_LOW 16384         /* .. until no more than this is left; as asyncio's */

struct rv_stream_in { /* the reader's */
    char *data;
    size_t begin, end, capacity;
    struct rv_buffers *lender; /* whose buffer `lent` `data` is; NULL: it is from the heap */
    uint32_t lent;
    size_t wish;          /* capacity that the peer's speed asks for */
    size_t limit;
    size_t searched;      /* bytes from begin in which no separator begins */
    int error;            /* 0, or why no more can be read */
    bool has_ended;       /* the peer said so */
};

struct rv_stream_out { /* under the stream's lock */
    struct rv_stream_chunk *first, *last;
    size_t total;         /* bytes in the chunks */
    int error;            /* 0, or why no more can be sent */
    bool is_sending;      /* some task takes from the head */
    bool is_adding;       /* some task copies into the tail chunk, outside the lock */
    bool has_flusher;     /* a flusher task exists */
    bool is_shut;
    struct rv_waitq waiters; /* for is_sending to end, or total to sink */
};

struct rove_stream {
    /* constant after open */
    bool is_socket;
    bool is_lent;         /* a server's or a process's: its user's close leaves it the memory */
    struct rv_fd_slot *slot; /* of the descriptor; NULL: it never was one */
    int64_t idle_ns;      /* a read waits no longer than this; negative: for ever */

    RV_ATOMIC(int) fd;    /* -1: closed */
    struct rv_lock lock;  /* guards what follows, and `out` */
    uint32_t refs;
    bool is_reading;      /* whoever set it owns `in` */
    struct rv_stream_out out;

    struct rv_stream_in in;
    struct rv_flow flow;  /* what has come and is not in `in` yet; the reader's */
    rove_mutex writers;   /* held while one writer adds: messages stay in one piece */
};

/* One more reference, for a call or a flusher; leave drops one, and may free. */
void rv_stream_enter(struct rove_stream *s);
void rv_stream_leave(struct rove_stream *s);

enum rv_stream_patience {
    RV_STREAM_TRY,           /* what can be done at once, or -EAGAIN */
    RV_STREAM_TRY_THEN_WAIT, /* the same, but suspends instead of -EAGAIN */
    RV_STREAM_WAIT           /* goes straight to the reactor */
};
/* As rv_flow_look, or rv_flow_wait; sends before it waits. RV_FLOW_IDLE: use read_some. */
ssize_t rv_stream_await(struct rove_stream *s, enum rv_stream_patience patience);
/* The block goes back to where it is from. Nothing in it is unread. */
void rv_stream_drop_block(struct rv_stream_in *in);
/* As rove_stream_open, of a connected stream socket. */
struct rove_stream *rv_stream_open_socket(int fd);
/* Reads into, or writes from, [data, data + n): a count, an errno; -EBADF: closed. */
ssize_t rv_stream_read_some(struct rove_stream *s, void *data, size_t n,
                            enum rv_stream_patience patience);
ssize_t rv_stream_write_some(struct rove_stream *s, const void *data, size_t n,
                             enum rv_stream_patience patience);

/* Waits until no more than `level` bytes are to be sent: 0, the stream's error, -ECANCELED. */
int rv_stream_drain(struct rove_stream *s, struct rv_task *self, size_t level);
/* Sends what the kernel takes at once, if nobody else is at it. Never suspends. */
void rv_stream_push(struct rove_stream *s);
/* A read has met the end: 0, the error that a send was told of in its place, or -ECANCELED. */
int rv_stream_why_ended(struct rove_stream *s);
/* True: a connection that is over both ways, as after a reset. */
bool rv_stream_is_dead(struct rove_stream *s);
/* Frees all chunks; nobody uses the stream any more. */
void rv_stream_drop_chunks(struct rove_stream *s);

/* As rove_stream_close, by the owner of a lent stream, which its user may have closed. */
int rv_stream_end(struct rove_stream *s);
/* The same, but sends only what the kernel takes at once. */
int rv_stream_abort(struct rove_stream *s);

/* The stream's invariant; lock not held. */
void rv_stream_check(struct rove_stream *s);

#endif
