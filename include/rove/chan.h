// SPDX-License-Identifier: MIT
/*
 * Purpose: queues of pointers as asyncio has them, channels of copied elements and select as Go
 *          has them.
 * Idea:    a queue counts unfinished work and can be shut down; a channel is counted, closed once,
 *          and may be one arm of a select.
 * Errors:  NULL for an object is answered as in sync.h.
 * Threads: usable by tasks of several workers; the try_put of a queue from any thread.
 */
#ifndef ROVE_CHAN_H
#define ROVE_CHAN_H

#include <rove/base.h>
#include <rove/task.h>

ROVE_BEGIN_DECLS

typedef struct rove_queue rove_queue; /* opaque */

/* Order of a priority queue: < 0 when a comes out first. Must not suspend. */
typedef int rove_queue_compare(const void *a, const void *b);

/**
 * Make a queue: first in, first out.
 *
 * maxsize  how many items it holds before put waits; 0: unbounded.
 *
 * Returns a queue, ended by rove_queue_destroy; NULL when memory is exhausted.
 * Threads: any thread. Suspends: no. Cost: one or two allocations.
 * asyncio: Queue.
 */
ROVE_API rove_queue *rove_queue_create(size_t maxsize);

/**
 * Make a queue: last in, first out.
 *
 * maxsize  as in rove_queue_create.
 *
 * Returns as rove_queue_create.
 * Threads: any thread. Suspends: no. Cost: one or two allocations.
 * asyncio: LifoQueue.
 */
ROVE_API rove_queue *rove_queue_create_lifo(size_t maxsize);

/**
 * Make a queue: smallest first.
 *
 * maxsize  as in rove_queue_create.
 * compare  the order; equal items come out in the order they came. Called under a spin lock: it
 *          must be short and call nothing of rove.
 *
 * Returns as rove_queue_create; NULL without an order, too.
 * Threads: any thread. Suspends: no. Cost: one or two allocations.
 * asyncio: PriorityQueue.
 */
ROVE_API rove_queue *rove_queue_create_priority(size_t maxsize, rove_queue_compare *compare);

/**
 * Put an item, waiting while the queue is full.
 *
 * q     borrowed.
 * item  handed on as it is.
 *
 * Returns 0 · -EPIPE (shut down) · -ECANCELED (nothing put) · -ENOMEM · -EPERM.
 * Threads: task. Suspends: while full. Cost: now and then an allocation when it grows.
 * asyncio: Queue.put.
 */
ROVE_API int rove_queue_put(rove_queue *q, void *item);

/**
 * Put an item if that needs no waiting.
 *
 * q, item  as in rove_queue_put.
 *
 * Returns 0 · -EAGAIN (full) · -EPIPE (shut down) · -ENOMEM.
 * Threads: any thread. Suspends: no. Cost: as rove_queue_put.
 * asyncio: Queue.put_nowait.
 */
ROVE_API int rove_queue_try_put(rove_queue *q, void *item);

/**
 * Get an item, waiting while the queue is empty.
 *
 * q     borrowed.
 * item  receives it on return 0.
 *
 * Returns 0 · -EPIPE (shut down and empty) · -ECANCELED (nothing got) · -EPERM.
 * Threads: task. Suspends: while empty. Cost: no allocation.
 * asyncio: Queue.get.
 */
ROVE_API int rove_queue_get(rove_queue *q, void **item);

/**
 * Get an item if that needs no waiting.
 *
 * q, item  as in rove_queue_get.
 *
 * Returns 0 · -EAGAIN (empty) · -EPIPE (shut down and empty) · -EPERM.
 * Threads: task. Suspends: no. Cost: no allocation.
 * asyncio: Queue.get_nowait.
 */
ROVE_API int rove_queue_try_get(rove_queue *q, void **item);

/**
 * Say that the work on an item got earlier is done.
 *
 * q  borrowed.
 *
 * Returns 0 · -EINVAL (called more often than items were got).
 * Threads: any thread. Suspends: no. Cost: the wake-ups of joiners at the last.
 * asyncio: Queue.task_done.
 */
ROVE_API int rove_queue_task_done(rove_queue *q);

/**
 * Wait until every item ever put has been got and its work is done.
 *
 * q  borrowed.
 *
 * Returns 0 · -ECANCELED · -EPERM.
 * Threads: task. Suspends: unless none is unfinished. Cost: no allocation.
 * asyncio: Queue.join.
 */
ROVE_API int rove_queue_join(rove_queue *q);

/**
 * Refuse further puts; gets drain what is there, then fail.
 *
 * q          borrowed.
 * immediate  true: drop what is there at once, counting it as done.
 *
 * Returns 0 · -EINVAL (q is NULL).
 * Threads: any thread. Suspends: no. Cost: the wake-ups.
 * asyncio: Queue.shutdown.
 */
ROVE_API int rove_queue_shutdown(rove_queue *q, bool immediate);

/**
 * How many items are in the queue.
 *
 * q  borrowed.
 *
 * Returns the count, true at some moment of the call.
 * Threads: any thread. Suspends: no. Cost: one load.
 * asyncio: Queue.qsize.
 */
ROVE_API size_t rove_queue_size(const rove_queue *q);

/**
 * Free a queue; its items are not touched.
 *
 * q  nobody waits on it; invalid afterwards; NULL is allowed.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: the frees.
 * asyncio: del queue.
 */
ROVE_API void rove_queue_destroy(rove_queue *q);

typedef struct rove_chan rove_chan; /* opaque, counted */

/**
 * Make a channel of elements of a fixed size, which are copied in and out.
 *
 * element_size  bytes; 0 makes a channel of signals.
 * capacity      how many elements it holds; 0: a sender waits for its receiver.
 *
 * Returns a reference that the caller owns; NULL when memory is exhausted.
 * Threads: any thread. Suspends: no. Cost: one allocation.
 * Go: make(chan T, capacity).
 */
ROVE_API rove_chan *rove_chan_create(size_t element_size, size_t capacity);

/**
 * Send an element, waiting until it is taken or there is room.
 *
 * c        borrowed.
 * element  element_size bytes, read before the return.
 *
 * Returns 0 · -EPIPE (closed) · -ECANCELED (not sent) · -EPERM.
 * Threads: task. Suspends: while there is neither room nor receiver. Cost: one copy.
 * Go: c <- v. Differs: sending on a closed channel is an error, not a panic.
 */
ROVE_API int rove_chan_send(rove_chan *c, const void *element);

/**
 * Receive an element, waiting until there is one.
 *
 * c        borrowed.
 * element  element_size bytes, written on return 0.
 *
 * Returns 0 · -EPIPE (closed, and drained) · -ECANCELED (nothing received) · -EPERM.
 * Threads: task. Suspends: while empty. Cost: one copy.
 * Go: v, ok := <-c.
 */
ROVE_API int rove_chan_recv(rove_chan *c, void *element);

/**
 * Send if that needs no waiting.
 *
 * c, element  as in rove_chan_send.
 *
 * Returns 0 · -EAGAIN · -EPIPE · -EPERM.
 * Threads: task. Suspends: no. Cost: one copy.
 * Go: select with a default case.
 */
ROVE_API int rove_chan_try_send(rove_chan *c, const void *element);

/**
 * Receive if that needs no waiting.
 *
 * c, element  as in rove_chan_recv.
 *
 * Returns 0 · -EAGAIN · -EPIPE · -EPERM.
 * Threads: task. Suspends: no. Cost: one copy.
 * Go: select with a default case.
 */
ROVE_API int rove_chan_try_recv(rove_chan *c, void *element);

/**
 * Close: no more sends; receivers drain it.
 *
 * c  borrowed.
 *
 * Returns 0 · -EPIPE (closed already) · -EINVAL.
 * Threads: any thread. Suspends: no. Cost: the wake-ups.
 * Go: close(c).
 */
ROVE_API int rove_chan_close(rove_chan *c);

/**
 * Take one more reference.
 *
 * c  the caller holds a reference already.
 *
 * Returns c.
 * Threads: any thread. Suspends: no. Cost: one atomic addition.
 * Go: none (collected).
 */
ROVE_API rove_chan *rove_chan_retain(rove_chan *c);

/**
 * Drop a reference; the last frees the channel and what is in it.
 *
 * c  the reference; NULL is allowed.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: one atomic subtraction.
 * Go: none (collected).
 */
ROVE_API void rove_chan_release(rove_chan *c);

typedef enum {
    ROVE_SEND, /* chan and element */
    ROVE_RECV, /* chan and element */
    ROVE_AWAIT /* future; element, if not NULL, points at a void * that receives its result */
} rove_select_op;

typedef struct rove_select_case {
    rove_select_op op;
    rove_chan *chan; /* NULL: never ready */
    void *element;
    rove_future *future;
    int error; /* out: what the operation that went through came to */
} rove_select_case;

/**
 * Wait until one of several operations can go through, and do just that one.
 *
 * n        how many; 0 with a timeout is a sleep.
 * cases    error is written in the one that went through (-EPIPE: its channel is closed).
 * timeout  nanoseconds; negative waits for ever; 0 is the default case.
 *
 * Returns the index of the case, fair among ready ones · -EAGAIN (timeout 0, none ready) ·
 * -ETIMEDOUT · -ECANCELED · -EDEADLK (awaits itself) · -EINVAL · -ENOMEM · -EPERM; no operation
 * went through then.
 * Threads: task. Suspends: unless one is ready. Cost: one allocation for large n.
 * Go: select.
 */
ROVE_API int rove_select(size_t n, rove_select_case cases[], rove_duration timeout);

ROVE_END_DECLS

#endif
