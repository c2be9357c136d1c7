// SPDX-License-Identifier: MIT
/*
 * Purpose: wait for many futures at once, or for one with a deadline.
 * Idea:    gather keeps the order of what it was given, wait and as_completed the order of events;
 *          a timeout block turns a deadline into one cancellation and back into -ETIMEDOUT.
 * Threads: tasks only. Futures are borrowed: the caller's references must outlive the call.
 */
#ifndef ROVE_WAIT_H
#define ROVE_WAIT_H

#include <rove/base.h>
#include <rove/task.h>

ROVE_BEGIN_DECLS

typedef struct rove_outcome {
    int error; /* 0 or negative */
    void *result;
} rove_outcome;

/**
 * Wait for all of `fs`, or for the first error.
 *
 * n        how many; 0 returns 0 at once.
 * fs       borrowed; the same future may stand twice.
 * results  receives n results in the order of fs; may be NULL; entries of futures that have not
 *          succeeded are not written.
 *
 * Returns 0 · the first error, at once, while the others run on · -ECANCELED (the caller was
 * cancelled; all of fs are then cancelled).
 * Threads: task. Suspends: yes. Cost: one allocation for large n.
 * asyncio: gather.
 */
ROVE_API int rove_gather(size_t n, rove_future *const fs[], void *results[]);

/**
 * Wait for all of `fs`, whatever becomes of each.
 *
 * n         how many.
 * fs        borrowed.
 * outcomes  receives n outcomes in the order of fs.
 *
 * Returns 0 when all are done · -ECANCELED (the caller was cancelled; all of fs are then too).
 * Threads: task. Suspends: yes. Cost: one allocation for large n.
 * asyncio: gather(return_exceptions=True).
 */
ROVE_API int rove_gather_outcomes(size_t n, rove_future *const fs[], rove_outcome outcomes[]);

/**
 * Start a task for each call and gather them; all have ended when it returns.
 *
 * n        how many.
 * calls    read during the call only.
 * results  receives n results in the order of calls; may be NULL.
 *
 * Returns 0 · the first error (the rest were cancelled and have ended) · -ECANCELED · -ENOMEM.
 * Threads: task. Suspends: yes. Cost: n tasks and one allocation.
 * asyncio: gather(coro(), ...). Differs: no task outlives the call.
 */
ROVE_API int rove_gather_calls(size_t n, const rove_call calls[], void *results[]);

/**
 * A gather as a future of its own, which nests and can be cancelled as one.
 *
 * n   how many; 0 gives a future that is done.
 * fs  retained as long as the gather is; one that is not done and no task, while the gather has a
 *     handle.
 *
 * Returns a reference that the caller owns; its result is a void *[n] owned by the future.
 * NULL when memory is exhausted or outside a task.
 * Threads: task. Suspends: no. Cost: one allocation.
 * asyncio: gather, not awaited.
 */
ROVE_API rove_future *rove_gather_future(size_t n, rove_future *const fs[]);

typedef enum {
    ROVE_ALL_COMPLETED,   /* when every future is done */
    ROVE_FIRST_COMPLETED, /* when any is */
    ROVE_FIRST_ERROR      /* when any ended with an error but -ECANCELED, else as ALL_COMPLETED */
} rove_return_when;

/**
 * Wait for some of `fs`, cancelling none.
 *
 * n        how many; 0 is -EINVAL.
 * fs       borrowed.
 * when     what ends the wait.
 * timeout  nanoseconds; negative waits for ever; 0 lets the others run and looks. Passing it is
 *          no error.
 * done     receives n flags in the order of fs; may be NULL.
 *
 * Returns how many are done · -EINVAL · -ECANCELED (the caller was cancelled; fs are not).
 * Threads: task. Suspends: yes. Cost: one allocation for large n, one timer.
 * asyncio: wait.
 */
ROVE_API ssize_t rove_wait(size_t n, rove_future *const fs[], rove_return_when when,
                           rove_duration timeout, bool done[]);

typedef struct rove_as_completed rove_as_completed; /* opaque */

/**
 * Begin to take futures in the order in which they complete.
 *
 * n        how many.
 * fs       retained until the close.
 * timeout  nanoseconds for the whole iteration, from now; negative: none.
 *
 * Returns the iteration, ended by rove_as_completed_close; NULL when memory is exhausted or
 * outside a task.
 * Threads: task. Suspends: no. Cost: one allocation.
 * asyncio: as_completed.
 */
ROVE_API rove_as_completed *rove_as_completed_open(size_t n, rove_future *const fs[],
                                                   rove_duration timeout);

/**
 * Wait for the next future that completes.
 *
 * it  the iteration; one task at a time.
 * f   receives the future on return 1, borrowed from fs.
 *
 * Returns 1 · 0 (no more) · -ETIMEDOUT · -ECANCELED.
 * Threads: task. Suspends: yes, unless one is done. Cost: no allocation.
 * asyncio: for f in as_completed(...).
 */
ROVE_API int rove_as_completed_next(rove_as_completed *it, rove_future **f);

/**
 * End the iteration; futures that are not done run on.
 *
 * it  invalid afterwards; NULL is allowed.
 *
 * Returns nothing.
 * Threads: task. Suspends: no. Cost: one release per future.
 * asyncio: leaving the loop.
 */
ROVE_API void rove_as_completed_close(rove_as_completed *it);

/**
 * Wait until `f` is done, at most `timeout`.
 *
 * f        borrowed; cancelled when the time is over.
 * timeout  nanoseconds; negative waits for ever; 0: f is cancelled unless it is done.
 * result   receives f's result on return 0; may be NULL.
 *
 * Returns 0 · f's own error · -ETIMEDOUT (f was cancelled and has ended) · -ECANCELED (the caller
 * was cancelled, and f with it).
 * Threads: task. Suspends: yes, unless f is done. Cost: one timer; no allocation.
 * asyncio: wait_for. Differs: f's late result is returned if it finished first.
 */
ROVE_API int rove_wait_for(rove_future *f, rove_duration timeout, void **result);

/**
 * Run a coroutine in the calling task, at most `timeout`; it has ended when this returns.
 *
 * fn, arg  as in rove_create_task.
 * timeout  nanoseconds; negative waits for ever; 0: fn is not called.
 * result   receives fn's result on return 0; may be NULL.
 *
 * Returns what fn returned · -ETIMEDOUT (fn saw -ECANCELED and returned it) · -ECANCELED.
 * Threads: task. Suspends: as fn does. Cost: one timer; no allocation.
 * asyncio: wait_for(coro(), timeout).
 */
ROVE_API int rove_wait_for_call(rove_coro *fn, void *arg, rove_duration timeout, void **result);

/**
 * A future with `f`'s outcome; cancelling it, or who awaits it, leaves `f` running.
 *
 * f  retained as long as the shield is; if it is not done and no task, while that has a handle.
 *
 * Returns a reference that the caller owns; NULL when memory is exhausted or outside a task.
 * Threads: task. Suspends: no. Cost: one allocation.
 * asyncio: shield.
 */
ROVE_API rove_future *rove_shield(rove_future *f);

/* In place: a block with a deadline, in the frame of the task that entered it, until it is left. */
typedef struct rove_timeout {
    void *opaque[8];
} rove_timeout;

/**
 * Begin a block that is cancelled when a duration has passed.
 *
 * t  the caller's storage; used until rove_timeout_exit, which must follow in the same task. NULL:
 *    no block.
 * d  nanoseconds; negative: never; 0: at the next suspension.
 *
 * Returns nothing.
 * Threads: task. Suspends: no. Cost: one timer; no allocation.
 * asyncio: async with timeout(d).
 */
ROVE_API void rove_timeout_enter(rove_timeout *t, rove_duration d);

/**
 * Begin a block that is cancelled at a point in time.
 *
 * t     as in rove_timeout_enter.
 * when  on the clock of rove_now, nanoseconds; negative: never.
 *
 * Returns nothing.
 * Threads: task. Suspends: no. Cost: one timer; no allocation.
 * asyncio: async with timeout_at(when).
 */
ROVE_API void rove_timeout_enter_at(rove_timeout *t, rove_time when);

/**
 * Move the deadline of a block that has not expired.
 *
 * t     entered, by the calling task or by another one of the runtime, which does not leave it
 *       before this returns.
 * when  on the clock of rove_now, nanoseconds; negative: never.
 *
 * Returns 0 · -EALREADY (it has expired) · -EINVAL (not entered, or left; NULL) · -EPERM.
 * Threads: task. Suspends: no. Cost: one timer.
 * asyncio: Timeout.reschedule.
 */
ROVE_API int rove_timeout_reschedule(rove_timeout *t, rove_time when);

/**
 * Ask whether the block ran out of time.
 *
 * t  entered, or left.
 *
 * Returns true once its deadline has cancelled the block; false for NULL.
 * Threads: task. Suspends: no. Cost: one load.
 * asyncio: Timeout.expired.
 */
ROVE_API bool rove_timeout_expired(const rove_timeout *t);

/**
 * End the block and translate its outcome; blocks nest, the innermost ends first.
 *
 * t   entered by the calling task.
 * rc  what the block came to.
 *
 * Returns -ETIMEDOUT if t expired, rc is -ECANCELED and nobody else asked for cancellation;
 * else rc, also for NULL.
 * Threads: task. Suspends: no. Cost: one timer removed.
 * asyncio: Timeout.__aexit__.
 */
ROVE_API int rove_timeout_exit(rove_timeout *t, int rc);

ROVE_END_DECLS

#endif
