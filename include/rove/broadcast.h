// SPDX-License-Identifier: MIT
/*
 * Purpose: values handed on otherwise than in a queue: once (oneshot), to all (broadcast), the
 *          latest (watch).
 * Idea:    a oneshot lies in place and carries one pointer. A broadcast keeps the last elements
 *          in a ring; a subscriber that is too slow is told how many it missed. A watch keeps one
 *          value and a version; who waits for a change may skip versions, never the last.
 * Errors:  NULL for an object is answered as in sync.h.
 * Threads: senders may be any thread and never wait; receivers are tasks, or threads (_blocking).
 */
#ifndef ROVE_BROADCAST_H
#define ROVE_BROADCAST_H

#include <rove/base.h>

ROVE_BEGIN_DECLS

typedef struct rove_oneshot { /* private; all-zero: not sent */
    uint32_t lock_;
    uint32_t state_;
    void *value_;
    void *first_;
    void *last_;
} rove_oneshot;

/**
 * Send the one value.
 *
 * o      all-zero at first.
 * value  handed on as it is.
 *
 * Returns 0 · -EALREADY (sent before; value stays the caller's) · -EPIPE (closed) · -EINVAL.
 * Threads: any thread. Suspends: no. Cost: one short critical section, at most one wake-up.
 * Go: a channel of capacity 1.
 */
ROVE_API int rove_oneshot_send(rove_oneshot *o, void *value);

/**
 * Receive the value; the first to ask gets it, cancelled ones not counted.
 *
 * o      all-zero at first.
 * value  receives it on return 0; may be NULL.
 *
 * Returns 0 · -EPIPE (closed unsent, or received by another) · -ECANCELED · -EINVAL · -EPERM.
 * Threads: task. Suspends: until sent or closed. Cost: no allocation.
 * asyncio: await a Future, once.
 */
ROVE_API int rove_oneshot_recv(rove_oneshot *o, void **value);

/**
 * Receive the value on a plain thread.
 *
 * o        all-zero at first.
 * value    receives it on return 0; may be NULL.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns as rove_oneshot_recv, -ETIMEDOUT for -ECANCELED.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * asyncio: Future.result of concurrent.futures.
 */
ROVE_API int rove_oneshot_recv_blocking(rove_oneshot *o, void **value, rove_duration timeout);

/**
 * Give up sending: who waits, or will, gets -EPIPE. A value sent before stays.
 *
 * o  all-zero at first.
 *
 * Returns 0 · -EALREADY (sent or closed before) · -EINVAL.
 * Threads: any thread. Suspends: no. Cost: the wake-ups.
 * Go: close(c).
 */
ROVE_API int rove_oneshot_close(rove_oneshot *o);

typedef struct rove_broadcast rove_broadcast;   /* opaque, counted */
typedef struct rove_subscriber rove_subscriber; /* opaque; of one task at a time */

/**
 * Make a broadcast of elements of a fixed size.
 *
 * element_size  bytes.
 * capacity      how many elements a subscriber may lag behind before it misses some; at least 1.
 *
 * Returns a reference that the caller owns; NULL when memory is exhausted.
 * Threads: any thread. Suspends: no. Cost: one allocation.
 * Go: none.
 */
ROVE_API rove_broadcast *rove_broadcast_create(size_t element_size, size_t capacity);

/**
 * Hand an element to every subscriber; overwrites the oldest, never waits for a slow one.
 *
 * b        borrowed.
 * element  element_size bytes, copied.
 *
 * Returns 0 · -EPIPE (closed) · -EINVAL.
 * Threads: any thread. Suspends: no. Cost: one copy and the wake-ups.
 * Go: none.
 */
ROVE_API int rove_broadcast_send(rove_broadcast *b, const void *element);

/**
 * Send no more; subscribers drain what is kept, then get -EPIPE.
 *
 * b  borrowed.
 *
 * Returns 0 · -EPIPE (closed already) · -EINVAL.
 * Threads: any thread. Suspends: no. Cost: the wake-ups.
 * Go: close(c).
 */
ROVE_API int rove_broadcast_close(rove_broadcast *b);

/**
 * Drop the caller's reference; subscribers keep the broadcast alive.
 *
 * b  the reference; NULL is allowed.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: one atomic subtraction.
 * Go: none (collected).
 */
ROVE_API void rove_broadcast_release(rove_broadcast *b);

/**
 * Subscribe: all that is sent from now on.
 *
 * b  borrowed; kept alive by the subscriber.
 *
 * Returns a subscriber, ended by rove_subscriber_release; NULL when memory is exhausted.
 * Threads: any thread. Suspends: no. Cost: one allocation.
 * Go: none.
 */
ROVE_API rove_subscriber *rove_broadcast_subscribe(rove_broadcast *b);

/**
 * Receive the next element that is still kept.
 *
 * s        borrowed.
 * element  element_size bytes, written on return 0.
 * missed   receives how many were overwritten before it; may be NULL.
 *
 * Returns 0 · -EPIPE (closed, and drained) · -ECANCELED (nothing received) · -EINVAL · -EPERM.
 * Threads: task. Suspends: while there is none. Cost: one copy; no allocation.
 * Go: v, ok := <-c.
 */
ROVE_API int rove_subscriber_recv(rove_subscriber *s, void *element, uint64_t *missed);

/**
 * Receive if that needs no waiting.
 *
 * s, element, missed  as in rove_subscriber_recv.
 *
 * Returns 0 · -EAGAIN · -EPIPE · -EINVAL.
 * Threads: any thread. Suspends: no. Cost: one copy.
 * Go: select with a default case.
 */
ROVE_API int rove_subscriber_try_recv(rove_subscriber *s, void *element, uint64_t *missed);

/**
 * Receive on a plain thread.
 *
 * s                borrowed.
 * element, missed  as in rove_subscriber_recv.
 * timeout          nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns as rove_subscriber_recv, -ETIMEDOUT for -ECANCELED.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * Go: v, ok := <-c.
 */
ROVE_API int rove_subscriber_recv_blocking(rove_subscriber *s, void *element, uint64_t *missed,
                                           rove_duration timeout);

/**
 * End a subscription.
 *
 * s  nobody waits in it; NULL is allowed.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: one free.
 * Go: none (collected).
 */
ROVE_API void rove_subscriber_release(rove_subscriber *s);

typedef struct rove_watch rove_watch; /* opaque, counted */

/**
 * Make a watch: one value that changes.
 *
 * element_size  bytes.
 * initial       the first value, version 1; NULL: zero bytes.
 *
 * Returns a reference that the caller owns; NULL when memory is exhausted.
 * Threads: any thread. Suspends: no. Cost: one allocation.
 * Go: none.
 */
ROVE_API rove_watch *rove_watch_create(size_t element_size, const void *initial);

/**
 * Set a new value, one version on.
 *
 * w        borrowed.
 * element  element_size bytes, copied.
 *
 * Returns 0 · -EPIPE (closed) · -EINVAL.
 * Threads: any thread. Suspends: no. Cost: one copy and the wake-ups.
 * Go: atomic.Value.Store.
 */
ROVE_API int rove_watch_send(rove_watch *w, const void *element);

/**
 * Read the present value.
 *
 * w        borrowed.
 * element  element_size bytes; NULL: only the version.
 *
 * Returns its version, from 1 on.
 * Threads: any thread. Suspends: no. Cost: one copy.
 * Go: atomic.Value.Load.
 */
ROVE_API uint64_t rove_watch_read(rove_watch *w, void *element);

/**
 * Wait for a version other than the one seen last.
 *
 * w        borrowed.
 * seen     in: the version seen last, 0: none; out on return 0: the version read now.
 * element  element_size bytes, written on return 0; NULL: only the version.
 *
 * Returns 0 · -EPIPE (closed, and the last version has been seen) · -ECANCELED · -EINVAL · -EPERM.
 * Threads: task. Suspends: while *seen is the present version. Cost: one copy; no allocation.
 * Go: none.
 */
ROVE_API int rove_watch_wait(rove_watch *w, uint64_t *seen, void *element);

/**
 * Wait for another version on a plain thread.
 *
 * w              borrowed.
 * seen, element  as in rove_watch_wait.
 * timeout        nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns as rove_watch_wait, -ETIMEDOUT for -ECANCELED.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * Go: none.
 */
ROVE_API int rove_watch_wait_blocking(rove_watch *w, uint64_t *seen, void *element,
                                      rove_duration timeout);

/**
 * Set no more values; the last stays readable.
 *
 * w  borrowed.
 *
 * Returns 0 · -EPIPE (closed already) · -EINVAL.
 * Threads: any thread. Suspends: no. Cost: the wake-ups.
 * Go: close(c).
 */
ROVE_API int rove_watch_close(rove_watch *w);

/**
 * Take one more reference.
 *
 * w  the caller holds a reference already.
 *
 * Returns w.
 * Threads: any thread. Suspends: no. Cost: one atomic addition.
 * Go: none (collected).
 */
ROVE_API rove_watch *rove_watch_retain(rove_watch *w);

/**
 * Drop a reference; the last frees the watch.
 *
 * w  the reference; NULL is allowed.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: one atomic subtraction.
 * Go: none (collected).
 */
ROVE_API void rove_watch_release(rove_watch *w);

ROVE_END_DECLS

#endif
