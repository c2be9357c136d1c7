// SPDX-License-Identifier: MIT
/*
 * Purpose: the bytes that come in on a connection, received by one request for all of them.
 *
 * Idea: on io_uring a request with many results (io/multi.h) puts what arrives into buffers that
 * the worker's ring lends (io/buffers.h). The reader finds them in a list, or waits until it hears
 * of one. A silent connection holds no buffer; a reader that is cancelled or late just goes away.
 *
 *     kernel -> | piece | piece | piece | -> reader        at most about RV_FLOW_PIECES
 *                last             first, from `offset`
 *
 * Where a plain receive is the better one, the request is ended, and the reader told to do that:
 *     more pieces than RV_FLOW_PIECES unread   the peer has to wait, and others need the buffers
 *     one full piece after the other           bulk data: large receives into the reader's memory
 *     the packets arrive on another worker     io/steer.h: to be received there
 *     few buffers left, or none                the kernel says so, and the reader is not held up
 *
 * Owner: a stream; its reader calls everything here but end.
 * Threads: as io/multi.h: pieces may be of a worker's ring on which the task no longer runs.
 */
#ifndef RV_IO_FLOW_H
#define RV_IO_FLOW_H

#include "io/multi.h"

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

struct rv_buffers;

#define RV_FLOW_PIECES 4 /* arbitrary */
#define RV_FLOW_FULL 4   /* so many full pieces in turn are bulk data; arbitrary */
#define RV_FLOW_CALM 16  /* so many small receives in turn end it; arbitrary */

/* Nothing is on its way: to be started, or received by a plain operation. */
#define RV_FLOW_IDLE ((ssize_t)INT_MIN + 2)

struct rv_flow {
    struct rv_multi multi;     /* its lock guards what follows */
    uint32_t first, last;      /* pieces, linked by rv_buffers.next of multi.uring's */
    uint32_t held;             /* how many */
    bool has_end;              /* `end` comes after them */
    int end;                   /* 0, or a negative errno */
    bool is_refused;           /* the kernel cannot do it on this descriptor */

    /* the reader's */
    bool is_on;                /* constant: a stream socket, and a back-end that knows how */
    uint32_t offset;           /* bytes of the first piece that have been read */
    uint32_t fulls;            /* pieces in turn that were full */
    uint32_t bulk;             /* after those: so many small receives, and it is bulk no more */
};

/* A piece that was lent, with its bytes. */
struct rv_piece {
    struct rv_buffers *lender;
    uint32_t id;
    char *data;                /* RV_BUFFER_BYTES, */
    size_t begin, end;         /* of which these are filled and unread */
};

void rv_flow_init(struct rv_flow *f, struct rv_task *self, int fd, bool is_on);
/* Idle; nobody uses it any more. Gives back what nobody has read. */
void rv_flow_fini(struct rv_flow *f);

/* 1: there are bytes · 0: the end · RV_FLOW_IDLE · -EAGAIN: neither yet · an errno of recv(2). */
ssize_t rv_flow_look(struct rv_flow *f, struct rv_task *self);
/* The same, but waits instead of -EAGAIN: -ECANCELED, -ETIMEDOUT; nothing is lost then. */
ssize_t rv_flow_wait(struct rv_flow *f, struct rv_task *self, int64_t deadline_ns);
/* Idle, and the descriptor held: true: under way. */
bool rv_flow_start(struct rv_flow *f);
/* A plain receive gave n bytes. */
void rv_flow_note_plain(struct rv_flow *f, ssize_t n);

/* There are bytes: copies up to n of them; how many. */
size_t rv_flow_copy(struct rv_flow *f, char *data, size_t n);
/* There are bytes: the first piece is the caller's, to be given back. */
void rv_flow_take(struct rv_flow *f, struct rv_piece *piece);

/* Any task: a send was told that the connection is lost. The reader is to ask by itself: the kernel
 * may have told nobody else (Linux 6.18, once in many resets that come right behind bytes: the
 * request stays among those that wait, for ever). */
void rv_flow_nudge(struct rv_flow *f);
/* Any task: no more is received. Returns when the kernel has let go. Suspends. */
void rv_flow_end(struct rv_flow *f, struct rv_task *self);

void rv_flow_check(struct rv_flow *f);

#endif
