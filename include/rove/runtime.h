// SPDX-License-Identifier: MIT
/*
 * Purpose: start and stop a runtime, from its first task (rove_run) or from a program that has a
 *          main loop of its own (rove_runtime_start).
 * Idea:    a runtime is a set of worker threads, each with its run queues, timers and its own
 *          io_uring ring or epoll set. Several may live in one process; nothing is shared.
 * Threads: said at each call.
 */
#ifndef ROVE_RUNTIME_H
#define ROVE_RUNTIME_H

#include <rove/base.h>
#include <rove/task.h>

ROVE_BEGIN_DECLS

typedef enum {
    ROVE_BACKEND_AUTO,  /* io_uring where the kernel allows it, else epoll */
    ROVE_BACKEND_URING, /* io_uring or fail */
    ROVE_BACKEND_EPOLL
} rove_backend;

typedef struct rove_options { /* all-zero = the defaults */
    unsigned workers;         /* at most 8192; 0: the CPUs this process may use (affinity mask,
                                 cgroup quota) */
    size_t stack_size;        /* bytes of address space per task; 0: 128 KiB; only touched pages
                                 cost memory */
    unsigned max_threads;     /* rove_to_thread pool limit; 0: 512; started on demand, ended when
                                 idle; an open that waits for a FIFO's other end is beyond it */
    rove_backend backend;     /* env ROVE_BACKEND=uring|epoll overrides AUTO */
    bool eager;               /* every new task runs at once until its first suspension */
    bool debug;               /* env ROVE_DEBUG=1 too: slow steps, leaked handles, unretrieved
                                 errors are logged */
    rove_duration slow_step;  /* a step (run between two suspensions) longer than this is logged in
                                 debug; 0: 100 ms */
    void (*log)(void *ctx, int level, const char *message); /* NULL: stderr; levels of syslog(3);
                                                               any thread; must not suspend */
    void *log_ctx;
    bool deadlock_error; /* end rove_run with -EDEADLK when every task waits and nothing can come:
                            no timer, no I/O, no thread of the process that could wake one */
} rove_options;

typedef struct rove_runtime rove_runtime; /* opaque */

/**
 * Start a runtime, run `main` as its first task, and end everything when it returns.
 *
 * On the process's main thread, and if the program has left SIGINT to its default action: the first
 * SIGINT cancels main, the second kills. rove_signal_wait for SIGINT takes it over.
 *
 * main    the coroutine; when it ends, tasks still alive are cancelled and waited for.
 * arg     handed to main.
 * result  receives main's result on return 0; may be NULL.
 *
 * Returns what main returned · -EINTR: SIGINT alone cancelled it · -EDEADLK inside a task · why
 * the runtime could not start · -ETIMEDOUT (main returned 0, and tasks ignored their cancellation;
 * as rove_runtime_stop). Errors that left tasks end with are logged.
 * Threads: any thread but a task's; several at once get a runtime each. Suspends: no, it blocks
 * the calling thread. Cost: the start and stop of the worker threads.
 * asyncio: run.
 */
ROVE_API int rove_run(rove_coro *main, void *arg, void **result);

/**
 * rove_run with options.
 *
 * options  read during the call only; NULL: the defaults.
 * main, arg, result  as in rove_run.
 *
 * Returns what main returned · -EDEADLK inside a task, or (deadlock_error) when no task can ever
 * run again · -EINVAL · -ENOTSUP (the back-end asked for) · why the runtime could not start.
 * Threads: any thread but a task's. Suspends: no, it blocks the calling thread. Cost: as rove_run.
 * asyncio: Runner.run.
 */
ROVE_API int rove_run_with(const rove_options *options, rove_coro *main, void *arg, void **result);

/**
 * Start a runtime beside the program's own threads.
 *
 * options  read during the call only; NULL: the defaults.
 * runtime  receives the runtime on return 0; ended by rove_runtime_stop.
 *
 * Returns 0 · -EINVAL · -ENOTSUP · -ENOMEM · -EAGAIN (no thread); nothing is left on failure.
 * Threads: any thread. Suspends: no. Cost: the start of the worker threads.
 * asyncio: new_event_loop and a thread with run_forever.
 */
ROVE_API int rove_runtime_start(const rove_options *options, rove_runtime **runtime);

/**
 * End a runtime: wait for its tasks, cancel those that remain, stop the threads, free everything.
 *
 * runtime  invalid after return 0.
 * grace    nanoseconds to let tasks end by themselves; 0 cancels at once; negative waits for ever.
 *
 * Returns 0 · -ETIMEDOUT (tasks ignored their cancellation for 10 s: they are named in the log and
 * abandoned, with their memory) · -EINVAL (NULL) · -EPERM in a task.
 * Threads: any thread but a task's. Suspends: no, it blocks the calling thread. Cost: thread ends.
 * asyncio: Runner.close.
 */
ROVE_API int rove_runtime_stop(rove_runtime *runtime, rove_duration grace);

/**
 * Start a coroutine as a task of `runtime` from anywhere.
 *
 * runtime  running; it must not be stopped during the call.
 * fn, arg  as in rove_create_task.
 *
 * Returns a reference that the caller owns, NULL when memory is exhausted or runtime is stopping.
 * Threads: any thread. Suspends: no. Cost: one task, and a wake-up when a worker sleeps.
 * asyncio: run_coroutine_threadsafe.
 */
ROVE_API rove_task *rove_submit(rove_runtime *runtime, rove_coro *fn, void *arg);

/**
 * Block the calling thread until `f` is done, at most `timeout`.
 *
 * f        borrowed.
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 * result   receives f's result on return 0; may be NULL.
 *
 * Returns 0 · f's own error · -ETIMEDOUT (f runs on) · -EPERM in a task.
 * Threads: any thread but a task's. Suspends: no, it blocks. Cost: one futex wait.
 * asyncio: concurrent.futures.Future.result.
 */
ROVE_API int rove_wait_blocking(rove_future *f, rove_duration timeout, void **result);

ROVE_END_DECLS

#endif
