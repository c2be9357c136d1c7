// SPDX-License-Identifier: MIT
/*
 * Purpose: the locks, queues and channels for threads that no runtime knows.
 * Idea:    each call is the twin of a suspending one: the same object, the same line of waiters,
 *          but the OS thread blocks, for at most `timeout`. Everything that does not wait
 *          (unlock, set, release, task_done, close) is the call that tasks use.
 * Threads: plain threads only; on a worker's thread they would stop its tasks, and return -EPERM.
 */
#ifndef ROVE_BLOCKING_H
#define ROVE_BLOCKING_H

#include <rove/base.h>
#include <rove/chan.h>
#include <rove/sync.h>

ROVE_BEGIN_DECLS

/**
 * Lock a mutex; rove_mutex_unlock by the same thread ends it.
 *
 * m        as for tasks.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 · -ETIMEDOUT · -EDEADLK (this thread holds it) · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * asyncio: Lock.acquire.
 */
ROVE_API int rove_mutex_lock_blocking(rove_mutex *m, rove_duration timeout);

/**
 * Lock for reading; rove_rwlock_unlock ends it.
 *
 * l        as for tasks.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 · -ETIMEDOUT · -EDEADLK (this thread writes) · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * Man: pthread_rwlock_timedrdlock(3).
 */
ROVE_API int rove_rwlock_rdlock_blocking(rove_rwlock *l, rove_duration timeout);

/**
 * Lock for writing; rove_rwlock_unlock by the same thread ends it.
 *
 * l        as for tasks.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 · -ETIMEDOUT · -EDEADLK (this thread writes) · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * Man: pthread_rwlock_timedwrlock(3).
 */
ROVE_API int rove_rwlock_wrlock_blocking(rove_rwlock *l, rove_duration timeout);

/**
 * Wait until an event is set.
 *
 * e        as for tasks.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 · -ETIMEDOUT · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * asyncio: Event.wait.
 */
ROVE_API int rove_event_wait_blocking(rove_event *e, rove_duration timeout);

/**
 * Unlock `m`, wait for a notification, lock `m` again, however long that takes.
 *
 * c        as for tasks.
 * m        locked by this thread, as it is again on every return.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 · -ETIMEDOUT · -EINVAL (m is not this thread's) · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * asyncio: Condition.wait.
 */
ROVE_API int rove_cond_wait_blocking(rove_cond *c, rove_mutex *m, rove_duration timeout);

/**
 * Take one from a semaphore.
 *
 * s        as for tasks.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 · -ETIMEDOUT (nothing taken) · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * asyncio: Semaphore.acquire.
 */
ROVE_API int rove_semaphore_acquire_blocking(rove_semaphore *s, rove_duration timeout);

/**
 * Be one of the parties of a barrier.
 *
 * b        initialised.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0..parties-1 · -EPIPE (broken) · -ETIMEDOUT (left again) · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * asyncio: Barrier.wait.
 */
ROVE_API int rove_barrier_wait_blocking(rove_barrier *b, rove_duration timeout);

/**
 * Call `fn` on this thread unless that has been done.
 *
 * o        as for tasks.
 * fn, ctx  as for tasks; fn must not suspend here.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 (done, by whomever) · -ETIMEDOUT (another still does it) · what fn failed with ·
 * -EDEADLK · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * Go: sync.Once.
 */
ROVE_API int rove_once_call_blocking(rove_once *o, rove_once_fn *fn, void *ctx,
                                     rove_duration timeout);

/**
 * Put an item into a queue.
 *
 * q        borrowed.
 * item     handed on as it is.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 · -EPIPE (shut down) · -ETIMEDOUT (nothing put) · -ENOMEM · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * asyncio: Queue.put.
 */
ROVE_API int rove_queue_put_blocking(rove_queue *q, void *item, rove_duration timeout);

/**
 * Get an item from a queue.
 *
 * q        borrowed.
 * item     receives it on return 0.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 · -EPIPE (shut down and empty) · -ETIMEDOUT (nothing got) · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * asyncio: Queue.get.
 */
ROVE_API int rove_queue_get_blocking(rove_queue *q, void **item, rove_duration timeout);

/**
 * Send an element.
 *
 * c        borrowed.
 * element  read before the return.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 · -EPIPE (closed) · -ETIMEDOUT (not sent) · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * Go: c <- v.
 */
ROVE_API int rove_chan_send_blocking(rove_chan *c, const void *element, rove_duration timeout);

/**
 * Receive an element.
 *
 * c        borrowed.
 * element  written on return 0.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns 0 · -EPIPE (closed, and drained) · -ETIMEDOUT (nothing received) · -EINVAL · -EPERM.
 * Threads: plain thread. Suspends: blocks the thread. Cost: a futex wait if it waits.
 * Go: v, ok := <-c.
 */
ROVE_API int rove_chan_recv_blocking(rove_chan *c, void *element, rove_duration timeout);

ROVE_END_DECLS

#endif
