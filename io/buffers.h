// SPDX-License-Identifier: MIT
/*
 * Purpose: the buffers that a worker's ring hands to the kernel, for receives that name none.
 *
 * Idea: one block cut into RV_BUFFER_COUNT pieces, and a queue of free ones that the kernel takes
 * from at its head when bytes have arrived. So a connection that is silent holds no memory at all.
 *
 *     free, in the kernel's queue -> taken, named by a completion -> a flow's, a stream's -> given
 *
 * Owner: struct rv_uring; lives until the runtime has ended, later than the ring itself, so that a
 * stream may give a buffer back at any time.
 * Threads: give: any, under the lock: a task that moved holds buffers of another worker's ring.
 * take: who reaps that ring. Data and `next` of a taken one: who holds it.
 */
#ifndef RV_IO_BUFFERS_H
#define RV_IO_BUFFERS_H

#include "core/atomic.h"
#include "core/lock.h"

#include <stdbool.h>
#include <stdint.h>

struct rv_ring;
struct io_uring_buf;

#ifndef RV_BUFFER_BYTES /* tests want few and small ones */
#define RV_BUFFER_BYTES 4096 /* a request and its head fit; arbitrary */
#define RV_BUFFER_COUNT 256  /* a power of two; a MiB a worker, touched as it is used; arbitrary */
#endif
#define RV_BUFFER_NONE UINT32_MAX

struct rv_buffers {
    char *data;                   /* NULL: this ring has no buffers; constant while tasks run */
    struct io_uring_buf *entries; /* the queue; the kernel reads */
    RV_ATOMIC(uint32_t) free;     /* about: how many the kernel has left */
    struct rv_lock lock;          /* guards what follows */
    uint16_t tail;
    uint32_t next[RV_BUFFER_COUNT];  /* by buffer: the holder's, to link them */
    uint32_t bytes[RV_BUFFER_COUNT]; /* by buffer: the holder's, how many are filled */
};

/* The ring's owner. False: kernel or memory do not allow it; there are none, which is no error. */
bool rv_buffers_init(struct rv_buffers *b, struct rv_ring *ring);
/* The ring is gone, and so is every holder. */
void rv_buffers_fini(struct rv_buffers *b);

/* Who reaps: the kernel has filled this one. */
static inline void rv_buffers_take(struct rv_buffers *b, uint32_t id, uint32_t bytes)
{
    b->bytes[id] = bytes;
    b->next[id] = RV_BUFFER_NONE;
    /* order: relaxed. A hint. */
    rv_fetch_sub_relaxed(&b->free, 1);
}

/* The holder, any thread: the kernel may fill it again. */
void rv_buffers_give(struct rv_buffers *b, uint32_t id);

static inline char *rv_buffers_at(const struct rv_buffers *b, uint32_t id)
{
    return b->data + (size_t)id * RV_BUFFER_BYTES;
}

/* Enough are left that a further receive may wait for one. */
static inline bool rv_buffers_suffice(const struct rv_buffers *b)
{
    return rv_load_relaxed(&b->free) > RV_BUFFER_COUNT / 4;
}

#endif
