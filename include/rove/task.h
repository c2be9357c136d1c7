// SPDX-License-Identifier: MIT
/*
 * Purpose: coroutines, tasks and futures: create, await, cancel, name, complete by hand.
 * Idea:    one handle type for all that can be awaited. A task is a future that a coroutine
 *          completes. Handles are counted references: a call that returns one gives it to the
 *          caller, rove_release drops it, and dropping the last one of a running task detaches it.
 *          Python's `await coro()` is a plain call here: `rc = fn(arg, &result)`.
 * Threads: a call marked "any thread" may be made from threads the runtime does not know; from
 *          there all others return -EPERM (NULL, false or 0 where they return no int).
 *          Calls that suspend are cancellation points: -ECANCELED once for each request, and what
 *          they had begun is over by then.
 */
#ifndef ROVE_TASK_H
#define ROVE_TASK_H

#include <rove/base.h>

ROVE_BEGIN_DECLS

/* A coroutine function: returns 0 or a negative error; *result is NULL until it sets it. A positive
 * number is no error: it is handed on by those who return what the coroutine did. */
typedef int rove_coro(void *arg, void **result);

/* A coroutine object: bound, not started. */
typedef struct rove_call {
    rove_coro *fn;
    void *arg;
} rove_call;

/* What `await` does with an exception: make the call once, and if it failed, return its code from
 * the function that encloses this. What that function has to release, it must see to itself. */
#define ROVE_TRY(call)                                                                             \
    do {                                                                                           \
        ssize_t rove_try_ = (call);                                                                \
        if (rove_try_ < 0)                                                                         \
            return (int)rove_try_;                                                                 \
    } while (0)

typedef struct rove_future rove_future; /* opaque */
typedef rove_future rove_task;          /* a future that a coroutine completes */

typedef struct rove_task_options { /* all-zero = the defaults */
    const char *name;              /* copied; NULL: "task-<id>" */
    size_t stack_size;             /* bytes; 0: the runtime's */
    bool eager;                    /* run at once, on the caller's worker, until it suspends */
    bool pinned;                   /* stays on the worker that first runs it */
} rove_task_options;

/**
 * Start a coroutine as a task; it runs soon, not inside this call (unless the runtime is eager).
 *
 * fn   the coroutine.
 * arg  handed to fn; must live as long as fn uses it.
 *
 * Returns a reference that the caller owns, NULL when memory is exhausted or outside a task.
 * Threads: task. Suspends: no. Cost: one stack from the worker's cache, no system call when warm.
 * asyncio: create_task.
 */
ROVE_API rove_task *rove_create_task(rove_coro *fn, void *arg);

/**
 * Start a coroutine as a task with a name, a stack size, eagerly or pinned.
 *
 * options  read during the call only; NULL: the defaults.
 * fn, arg  as in rove_create_task.
 *
 * Returns a reference that the caller owns, NULL when memory is exhausted or outside a task.
 * Threads: task. Suspends: no; an eager task runs inside the call until its first suspension, but
 * with several workers an idle one may take the caller up meanwhile: fork and join in parallel.
 * Cost: as rove_create_task; a stack size other than the runtime's may cost a system call.
 * asyncio: create_task(name=), eager_task_factory.
 */
ROVE_API rove_task *rove_create_task_with(const rove_task_options *options, rove_coro *fn,
                                          void *arg);

/**
 * Take one more reference.
 *
 * f  any future; the caller holds a reference already.
 *
 * Returns f.
 * Threads: any thread. Suspends: no. Cost: one atomic addition.
 * asyncio: none (Python counts by itself).
 */
ROVE_API rove_future *rove_retain(rove_future *f);

/**
 * Drop one reference; the last one of a running task detaches it, it runs on.
 *
 * f  the reference; NULL is allowed and does nothing.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: one atomic subtraction; the last frees the future.
 * asyncio: del task.
 */
ROVE_API void rove_release(rove_future *f);

/**
 * Wait until `f` is done and take its outcome; many tasks may do so, many times.
 *
 * f       borrowed; whoever sets it may drop the last reference meanwhile.
 * result  receives f's result on return 0; may be NULL.
 *
 * Returns 0 · f's own error · -ECANCELED (the caller was cancelled; an awaited task is then
 * cancelled too, and has ended) · -EDEADLK (f is the caller) · -EINVAL (f is NULL).
 * Threads: task. Suspends: yes, unless f is done. Cost: no allocation; two switches.
 * asyncio: await task.
 */
ROVE_API int rove_await(rove_future *f, void **result);

/**
 * rove_await, then rove_release.
 *
 * t       a reference, given up whatever the outcome.
 * result  receives t's result on return 0; may be NULL.
 *
 * Returns what rove_await returns.
 * Threads: task. Suspends: yes, unless t is done. Cost: as rove_await.
 * asyncio: await create_task(...).
 */
ROVE_API int rove_join(rove_task *t, void **result);

/**
 * Wait for a while; never returns early.
 *
 * d  nanoseconds; 0 lets the others run once; negative sleeps until cancelled.
 *
 * Returns 0 · -ECANCELED · -EPERM.
 * Threads: task. Suspends: yes. Cost: one timer; no allocation.
 * asyncio: sleep.
 */
ROVE_API int rove_sleep(rove_duration d);

/**
 * Wait until a point in time; one that has passed lets the others run once.
 *
 * t  on the clock of rove_now, nanoseconds; negative sleeps until cancelled.
 *
 * Returns 0 · -ECANCELED · -EPERM.
 * Threads: task. Suspends: yes. Cost: one timer; no allocation.
 * asyncio: sleep(when - loop.time()).
 */
ROVE_API int rove_sleep_until(rove_time t);

/**
 * Let the other ready tasks run once.
 *
 * Returns 0 · -ECANCELED · -EPERM.
 * Threads: task. Suspends: yes. Cost: one switch to the next task.
 * asyncio: sleep(0).
 */
ROVE_API int rove_yield(void);

/**
 * Ask for cancellation: the task's present or next suspending call returns -ECANCELED.
 *
 * f  borrowed. A hand-set future ends at once with -ECANCELED; a gather passes the request on.
 *
 * Returns true when the request was made, false when f is done already.
 * Threads: any thread. Suspends: no. Cost: one atomic step, and a wake-up when f is suspended.
 * asyncio: Task.cancel, Future.cancel.
 */
ROVE_API bool rove_cancel(rove_future *f);

/**
 * Take one cancellation request back from the count.
 *
 * t  borrowed.
 *
 * Returns how many requests are left, never below 0.
 * Threads: task. Suspends: no. Cost: one atomic step.
 * asyncio: Task.uncancel.
 */
ROVE_API int rove_uncancel(rove_task *t);

/**
 * Count the cancellation requests made and not taken back.
 *
 * t  borrowed.
 *
 * Returns the count, which stops at 8,388,607: further requests are felt, but not counted.
 * Threads: task. Suspends: no. Cost: one load.
 * asyncio: Task.cancelling.
 */
ROVE_API int rove_cancelling(rove_task *t);

/**
 * Ask whether `f` has an outcome.
 *
 * f  borrowed.
 *
 * Returns true once it has; what the task wrote before is then visible to the caller.
 * Threads: any thread. Suspends: no. Cost: one load.
 * asyncio: Future.done.
 */
ROVE_API bool rove_done(rove_future *f);

/**
 * Ask whether `f` ended by cancellation.
 *
 * f  borrowed.
 *
 * Returns true when it is done with -ECANCELED.
 * Threads: any thread. Suspends: no. Cost: one load.
 * asyncio: Future.cancelled.
 */
ROVE_API bool rove_cancelled(rove_future *f);

/**
 * Take the outcome of `f` without waiting.
 *
 * f       borrowed.
 * result  receives the result on return 0; may be NULL.
 *
 * Returns as rove_await, -EINPROGRESS when f is not done.
 * Threads: any thread. Suspends: no. Cost: one load.
 * asyncio: Future.result, Future.exception.
 */
ROVE_API int rove_result(rove_future *f, void **result);

/**
 * Rename a task.
 *
 * t     borrowed.
 * name  copied; NULL: "task-<id>" again.
 *
 * Returns nothing; out of memory leaves the old name.
 * Threads: task. Suspends: no. Cost: one copy.
 * asyncio: Task.set_name.
 */
ROVE_API void rove_set_name(rove_task *t, const char *name);

/**
 * The name of a task.
 *
 * t  borrowed.
 *
 * Returns a string that is valid while the caller holds a reference and nobody renames t;
 * NULL outside a task.
 * Threads: task. Suspends: no. Cost: a default name is written out at the first call.
 * asyncio: Task.get_name.
 */
ROVE_API const char *rove_get_name(rove_task *t);

/**
 * The number of a task: 1, 2, 3 … within a runtime.
 *
 * t  borrowed.
 *
 * Returns the number; 0 for a future without a coroutine, and outside a task.
 * Threads: task. Suspends: no. Cost: one load.
 * asyncio: id(task).
 */
ROVE_API uint64_t rove_task_id(rove_task *t);

/**
 * The coroutine function a task runs.
 *
 * t  borrowed.
 *
 * Returns the function; NULL for a future without a coroutine, and outside a task.
 * Threads: task. Suspends: no. Cost: one load.
 * asyncio: Task.get_coro.
 */
ROVE_API rove_coro *rove_get_coro(rove_task *t);

/* Called with the future that completed and the caller's context; must not suspend. */
typedef void rove_done_callback(rove_future *f, void *ctx);

/**
 * Have a function called soon after `f` completes, before those who await it resume.
 *
 * f    borrowed.
 * cb   called on a worker, in the order added; never inside this call, even when f is done; never
 *      if f completes after the calling task's runtime has ended.
 * ctx  handed to cb.
 *
 * Returns 0 · -ENOMEM · -EINVAL · -EPERM.
 * Threads: task. Suspends: no. Cost: one allocation.
 * asyncio: Future.add_done_callback.
 */
ROVE_API int rove_add_done_callback(rove_future *f, rove_done_callback *cb, void *ctx);

/**
 * Take callbacks back that have not been called.
 *
 * f        borrowed.
 * cb, ctx  every entry added with both the same is removed.
 *
 * Returns how many were removed · -EPERM.
 * Threads: task. Suspends: no. Cost: a walk over the callbacks of f.
 * asyncio: Future.remove_done_callback.
 */
ROVE_API int rove_remove_done_callback(rove_future *f, rove_done_callback *cb, void *ctx);

/**
 * Make a future that someone completes with rove_set_result or rove_set_error.
 *
 * Returns a reference that the caller owns, NULL when memory is exhausted.
 * Threads: any thread. Suspends: no. Cost: one small object.
 * asyncio: loop.create_future.
 */
ROVE_API rove_future *rove_create_future(void);

/**
 * Complete a hand-set future with a result and wake those who await it.
 *
 * f       borrowed.
 * result  handed on as it is; what was written before is visible to who takes it.
 *
 * Returns 0 · -EALREADY (done) · -EINVAL (f is a task).
 * Threads: any thread. Suspends: no. Cost: one atomic step and the wake-ups.
 * asyncio: Future.set_result.
 */
ROVE_API int rove_set_result(rove_future *f, void *result);

/**
 * Complete a hand-set future with an error and wake those who await it.
 *
 * f      borrowed.
 * error  negative.
 *
 * Returns 0 · -EALREADY (done) · -EINVAL (f is a task, or error is not negative).
 * Threads: any thread. Suspends: no. Cost: one atomic step and the wake-ups.
 * asyncio: Future.set_exception.
 */
ROVE_API int rove_set_error(rove_future *f, int error);

ROVE_END_DECLS

#endif
