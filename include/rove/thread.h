// SPDX-License-Identifier: MIT
/*
 * Purpose: blocking work on pool threads, and plain callbacks: soon, later, at a time.
 * Idea:    a callback runs on a worker between two tasks and must not suspend. The callbacks of a
 *          runtime run one at a time and in order, however many workers it has. A handle is
 *          counted; releasing it does not cancel the callback.
 * Threads: said at each call.
 */
#ifndef ROVE_THREAD_H
#define ROVE_THREAD_H

#include <rove/base.h>
#include <rove/runtime.h>
#include <rove/task.h>

ROVE_BEGIN_DECLS

/**
 * Run a function that blocks on a thread of the pool.
 *
 * fn, arg  called on that thread, where calls marked "task" return -EPERM.
 * result   receives fn's result on return 0; may be NULL.
 *
 * Returns what fn returned · -ECANCELED (at once if fn had not begun, else after it ended) ·
 * -EAGAIN (no thread could be started) · -EPERM.
 * Threads: task. Suspends: while fn runs. Cost: two hand-overs between threads; no allocation.
 * asyncio: to_thread.
 */
ROVE_API int rove_to_thread(rove_coro *fn, void *arg, void **result);

typedef struct rove_handle rove_handle; /* opaque, counted */

/* Runs once, on a worker, with the caller's context; must not suspend. */
typedef void rove_callback(void *ctx);

/**
 * Have a function called soon, in the order of the requests.
 *
 * cb   called on a worker.
 * ctx  handed to cb.
 *
 * Returns a reference that the caller owns; NULL when memory is exhausted or outside a task
 * (there: rove_call_soon_threadsafe).
 * Threads: task. Suspends: no. Cost: one allocation.
 * asyncio: loop.call_soon.
 */
ROVE_API rove_handle *rove_call_soon(rove_callback *cb, void *ctx);

/**
 * Have a function called when a duration has passed; never early.
 *
 * d        nanoseconds; 0: soon; negative: never.
 * cb, ctx  as in rove_call_soon.
 *
 * Returns a reference that the caller owns; NULL when memory is exhausted or outside a task.
 * Threads: task. Suspends: no. Cost: one allocation, one timer.
 * asyncio: loop.call_later.
 */
ROVE_API rove_handle *rove_call_later(rove_duration d, rove_callback *cb, void *ctx);

/**
 * Have a function called at a point in time; never early.
 *
 * when     on the clock of rove_now, nanoseconds; one that has passed: soon.
 * cb, ctx  as in rove_call_soon.
 *
 * Returns a reference that the caller owns; NULL when memory is exhausted or outside a task.
 * Threads: task. Suspends: no. Cost: one allocation, one timer.
 * asyncio: loop.call_at.
 */
ROVE_API rove_handle *rove_call_at(rove_time when, rove_callback *cb, void *ctx);

/**
 * rove_call_soon on a worker of `runtime`, from anywhere.
 *
 * runtime  running; it must not be stopped during the call.
 * cb, ctx  as in rove_call_soon.
 *
 * Returns a reference that the caller owns; NULL when memory is exhausted or runtime is stopping.
 * Threads: any thread. Suspends: no. Cost: one allocation, and a wake-up when a worker sleeps.
 * asyncio: loop.call_soon_threadsafe.
 */
ROVE_API rove_handle *rove_call_soon_threadsafe(rove_runtime *runtime, rove_callback *cb,
                                                void *ctx);

/**
 * Keep a callback from running.
 *
 * h  borrowed.
 *
 * Returns true when the callback has not run and never will.
 * Threads: any thread. Suspends: no. Cost: one atomic step.
 * asyncio: Handle.cancel.
 */
ROVE_API bool rove_handle_cancel(rove_handle *h);

/**
 * Drop a reference; the callback still runs.
 *
 * h  the reference; NULL is allowed.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: one atomic step.
 * asyncio: del handle.
 */
ROVE_API void rove_handle_release(rove_handle *h);

/**
 * The runtime of the calling task.
 *
 * Returns it, borrowed: valid until it is stopped; NULL outside a task.
 * Threads: any thread. Suspends: no. Cost: one load.
 * asyncio: get_running_loop.
 */
ROVE_API rove_runtime *rove_current_runtime(void);

ROVE_END_DECLS

#endif
