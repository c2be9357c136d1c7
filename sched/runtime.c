// SPDX-License-Identifier: MIT
/*
 * Purpose: a runtime's life: start, submit, run, stop.
 *
 * Start: 1 options  2 memory  3 a back-end that starts  4 threads, each starts its part of it;
 *        a back-end refused on any worker: all end, the next one is tried.
 * Stop:  1 no more submissions  2 grace: tasks may end  3 cancel what lives, wait  4 callbacks and
 *        pool threads end  5 workers end, joined  6 back-end, memory.
 * Who waits for the last task (step 2, 3) sleeps on `stopper` and is told by each worker that finds
 * nothing to do: the last task's worker does, after the announcement's full fence.
 *
 * Threads: start and stop on any thread that is no worker; submit on any.
 */
#include "sched/runtime.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/os.h"
#include "sched/call.h"
#include "sched/current.h"
#include "sched/debug.h"
#include "sched/fork.h"
#include "sched/interrupt.h"
#include "sched/overflow.h"
#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/seat.h"
#include "sched/task.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define RV_RUNTIME_WORKERS_MAX 8192u /* some 200 KiB each; arbitrary */
#define RV_RUNTIME_LOOK_NS (INT64_C(50) * 1000000) /* between looks at who is left; arbitrary */

enum { RV_LAUNCH_WAIT, RV_LAUNCH_RUN, RV_LAUNCH_END };

static void fill_options(rove_options *options, const rove_options *given)
{
    *options = given == NULL ? (rove_options){0} : *given;
    if (options->workers == 0) {
        options->workers = rv_os_cpu_count();
    }
    if (options->stack_size == 0) {
        options->stack_size = (size_t)128 * 1024;
    }
    if (options->max_threads == 0) {
        options->max_threads = 512;
    }
    if (options->slow_step == 0) {
        options->slow_step = ROVE_MS(100);
    }
    const char *debug = getenv("ROVE_DEBUG");
    options->debug = options->debug || (debug != NULL && strcmp(debug, "1") == 0);
}

static void destroy(struct rove_runtime *runtime)
{
    rv_debug_stop(runtime);
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        rv_worker_fini(&runtime->workers[i]);
    }
    rv_stack_pool_release(runtime->stacks);
    for (unsigned i = 0; i < RV_RUNTIME_STACK_CLASSES; i++) {
        rv_stack_pool_release(runtime->stack_classes[i]);
    }
    rv_block_pool_release(runtime->blocks);
    rv_watch_fini(&runtime->watch);
    rv_idle_fini(&runtime->idle);
    rv_calls_free(runtime);
    free(runtime->workers);
    free(runtime);
}

static int init_workers(struct rove_runtime *runtime)
{
    unsigned n = runtime->options.workers;
    size_t bytes = n * sizeof(struct rv_worker);
    runtime->workers = aligned_alloc(RV_CACHE_LINE, bytes);
    if (runtime->workers == NULL) {
        return -ENOMEM;
    }
    memset(runtime->workers, 0, bytes);
    for (unsigned i = 0; i < n; i++) {
        int rc = rv_worker_init(&runtime->workers[i], runtime, i);
        if (rc < 0) {
            return rc;
        }
        runtime->worker_count = i + 1;
    }
    rv_debug_start(runtime);
    return 0;
}

static int create(const rove_options *options, struct rove_runtime **out)
{
    struct rove_runtime *runtime = aligned_alloc(RV_CACHE_LINE, sizeof *runtime);
    if (runtime == NULL) {
        return -ENOMEM;
    }
    memset(runtime, 0, sizeof *runtime);
    fill_options(&runtime->options, options);
    runtime->float_mode = rv_context_float_mode();
    rv_store_relaxed(&runtime->next_task_id, 1);
    int rc = rv_fork_start(runtime);
    if (rc == 0) {
        rc = rv_stack_pool_create(runtime->options.stack_size, sizeof(struct rv_seat),
                                  offsetof(struct rv_seat, stack), &runtime->stacks);
    }
    if (rc == 0) {
        rc = rv_block_pool_create(sizeof(struct rv_task), &runtime->blocks);
    }
    if (rc == 0) {
        rc = rv_idle_init(&runtime->idle, runtime->options.workers);
    }
    if (rc == 0) {
        rc = rv_watch_init(&runtime->watch, runtime->options.workers);
    }
    if (rc == 0) {
        rc = rv_calls_start(runtime);
    }
    if (rc == 0) {
        rc = init_workers(runtime);
    }
    if (rc < 0) {
        destroy(runtime);
        return rc;
    }
    *out = runtime;
    return 0;
}

bool rv_runtime_worker_ready(struct rove_runtime *runtime, int rc)
{
    if (rc < 0) {
        rv_store_relaxed(&runtime->launch_error, rc); /* any one's reason will do */
        rv_fetch_add_relaxed(&runtime->failed_count, 1);
    }
    /* order: release R2. This worker's start before its count; pairs with launch. */
    rv_fetch_add_release(&runtime->ready_count, 1);
    rv_os_futex_wake(&runtime->ready_count, INT_MAX);
    /* order: acquire R2. The whole runtime before it runs; pairs with launch. */
    while (rv_load_acquire(&runtime->launch) == RV_LAUNCH_WAIT) {
        rv_os_futex_wait(&runtime->launch, RV_LAUNCH_WAIT, -1);
    }
    return rv_load_relaxed(&runtime->launch) == RV_LAUNCH_RUN;
}

static void join_workers(struct rove_runtime *runtime, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        rv_os_thread_join(runtime->workers[i].thread);
    }
}

/* Starts the threads; they run only if all of them, and their part of the back-end, started. */
static int launch(struct rove_runtime *runtime)
{
    unsigned n = 0;
    int rc = 0;
    sigset_t mask;
    rv_store_relaxed(&runtime->launch, RV_LAUNCH_WAIT);
    rv_store_relaxed(&runtime->ready_count, 0);
    rv_store_relaxed(&runtime->failed_count, 0);
    rv_os_block_async_signals(&mask);
    while (n < runtime->worker_count && rc == 0) {
        struct rv_worker *w = &runtime->workers[n];
        rc = rv_os_thread_create(&w->thread, rv_worker_main, w);
        n += rc == 0;
    }
    rv_os_restore_signals(&mask);
    uint32_t ready;
    /* order: acquire R2. The workers' starts; pairs with rv_runtime_worker_ready. */
    while ((ready = rv_load_acquire(&runtime->ready_count)) < n) {
        rv_os_futex_wait(&runtime->ready_count, ready, -1);
    }
    if (rc == 0 && rv_load_relaxed(&runtime->failed_count) > 0) {
        rc = rv_load_relaxed(&runtime->launch_error);
    }
    /* order: release R2. Everything the workers will read; pairs with rv_runtime_worker_ready. */
    rv_store_release(&runtime->launch, rc == 0 ? RV_LAUNCH_RUN : RV_LAUNCH_END);
    rv_os_futex_wake(&runtime->launch, INT_MAX);
    if (rc < 0) {
        join_workers(runtime, n);
    }
    return rc;
}

static int start_with_some_poller(struct rove_runtime *runtime)
{
    int rc = -ENOTSUP;
    const struct rv_poller_ops *poller, *refused = NULL;
    int error = 0;
    for (unsigned n = 0; (poller = rv_poller_pick(runtime->options.backend, n)) != NULL; n++) {
        runtime->poller = poller;
        rc = poller->runtime_start(runtime);
        if (rc == 0) {
            rc = launch(runtime);
            if (rc == 0) {
                break;
            }
            poller->runtime_stop(runtime);
        }
        refused = poller;
        error = rc;
    }
    rv_poller_report(runtime, refused, error);
    return rc;
}

int rove_runtime_start(const rove_options *options, rove_runtime **runtime)
{
    bool is_possible = options == NULL || ((unsigned)options->backend <= ROVE_BACKEND_EPOLL &&
                                           options->workers <= RV_RUNTIME_WORKERS_MAX);
    if (runtime == NULL || !is_possible) {
        return -EINVAL;
    }
    int rc = rv_context_is_supported();
    if (rc < 0) {
        return rc;
    }
    rv_fence_init();
    rv_overflow_start();
    struct rove_runtime *made;
    rc = create(options, &made);
    if (rc < 0) {
        return rc;
    }
    rc = start_with_some_poller(made);
    if (rc < 0) {
        destroy(made);
        return rc;
    }
    *runtime = made;
    return 0;
}

static rove_task *submit(rove_runtime *runtime, const rove_call *call, const void *site,
                         bool is_main)
{
    if (runtime == NULL || call->fn == NULL || rv_fork_is_dead(runtime)) {
        return NULL;
    }
    struct rv_worker *w = rv_current_worker();
    if (w != NULL && w->runtime != runtime) {
        w = NULL;
    }
    struct rv_task *t = rv_task_create(runtime, w, NULL, call->fn, call->arg, 0);
    if (t == NULL) {
        return NULL;
    }
    /* order: seq_cst R1. The task is counted, then the look; pairs with begin_stop. */
    if (w == NULL && rv_load_seq_cst(&runtime->is_stopping) != 0) {
        rv_task_refuse(t);
        return NULL;
    }
    if (RV_UNLIKELY(t->future.flags & RV_TASK_DEBUG)) {
        t->site = site;
    }
    if (is_main) {
        rv_deadlock_set_main(runtime, t);
    }
    rv_ready_push(t);
    return &t->future;
}

rove_task *rove_submit(rove_runtime *runtime, rove_coro *fn, void *arg)
{
    const rove_call call = {fn, arg};
    return submit(runtime, &call, __builtin_return_address(0), false);
}

int rove_wait_blocking(rove_future *f, rove_duration timeout, void **result)
{
    if (rv_current_worker() != NULL) {
        return -EPERM;
    }
    if (f == NULL) {
        return -EINVAL;
    }
    if (!rv_state_is_done(&f->state) && f->kind == RV_FUTURE_TASK &&
        rv_fork_is_dead(rv_task_of(f)->runtime)) {
        return -EOWNERDEAD;
    }
    return rv_future_wait_thread(f, timeout, result);
}

uint64_t rv_runtime_live(struct rove_runtime *runtime)
{
    /* order: seq_cst R1. After the mark of begin_stop; pairs with submit. */
    uint64_t ended = rv_load_seq_cst(&runtime->finished_outside);
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        /* order: acquire R3. A task's end before what it created is counted; with rv_task_bury. */
        ended += rv_load_acquire(&runtime->workers[i].count.finished);
    }
    /* order: seq_cst R1. After the mark of begin_stop; pairs with rv_task_create. */
    uint64_t created = rv_load_seq_cst(&runtime->created_outside);
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        created += rv_load_relaxed(&runtime->workers[i].count.created);
    }
    return created - ended;
}

RV_HOT void rv_runtime_note_idle(struct rove_runtime *runtime)
{
    if (RV_UNLIKELY(rv_load_relaxed(&runtime->is_stopping) == 1)) {
        rv_park_notify_all(&runtime->stopper);
    }
}

/* True: no task is left. */
static bool wait_for_tasks(struct rove_runtime *runtime, int64_t timeout_ns)
{
    int64_t deadline = rv_clock_add(rv_clock_now(), timeout_ns);
    for (;;) {
        uint32_t key = rv_park_prepare(&runtime->stopper);
        int64_t left = deadline - rv_clock_now();
        bool is_over = rv_runtime_live(runtime) == 0; /* who is counted later is refused */
        if (is_over || left <= 0) {
            rv_park_cancel(&runtime->stopper);
            return is_over;
        }
        rv_park_commit(&runtime->stopper, key, deadline == INT64_MAX ? -1 : left);
    }
}

static void cancel_one(struct rv_task *t, RV_UNUSED void *ctx)
{
    rv_future_cancel(&t->future);
    rove_release(&t->future);
}

static void count_one(struct rv_task *t, void *ctx)
{
    size_t *n = ctx;
    (*n)++;
    rove_release(&t->future);
}

static bool has_tasks(struct rove_runtime *runtime)
{
    size_t n = 0;
    rv_runtime_for_each_task(runtime, count_one, &n);
    return n > 0;
}

/* Until all of them have ended, or the deadline has come. Releases them. */
static void wait_for_each(struct rove_runtime *runtime, struct rv_task *tasks[], size_t n,
                          int64_t deadline_ns)
{
    for (size_t i = 0; i < n; i++) {
        while (!rv_state_is_done(&tasks[i]->future.state) && rv_clock_now() < deadline_ns &&
               !wait_for_tasks(runtime, RV_RUNTIME_LOOK_NS)) {
        }
        if (rv_state_is_done(&tasks[i]->future.state)) {
            rv_task_report_leftover(tasks[i]);
        }
        rove_release(&tasks[i]->future);
    }
}

/*
 * Cancels what lives and waits for its end. What that starts while it cleans up is its own affair;
 * what it leaves behind is the next round's. Without the memory for a list the two cannot be told
 * apart, but a stop has to come to an end. False: none was there.
 */
static bool cancel_round(struct rove_runtime *runtime, int64_t deadline_ns)
{
    size_t n;
    struct rv_task **tasks = rv_runtime_tasks(runtime, &n);
    for (size_t i = 0; i < n; i++) {
        rv_future_cancel(&tasks[i]->future);
    }
    if (tasks == NULL) {
        rv_runtime_for_each_task(runtime, cancel_one, NULL);
        wait_for_tasks(runtime, RV_RUNTIME_LOOK_NS);
    }
    wait_for_each(runtime, tasks, n, deadline_ns);
    free(tasks);
    return n > 0 || has_tasks(runtime);
}

static void name_leftover(struct rv_task *t, RV_UNUSED void *ctx)
{
    rv_runtime_log(t->runtime, LOG_ERR, "rove: task %s ignores its cancellation; abandoned",
                   rv_task_name(t));
    rove_release(&t->future);
}

/* Tasks that nobody can end keep their memory, and their worker if they never suspend. */
static int abandon(struct rove_runtime *runtime)
{
    rv_runtime_for_each_task(runtime, name_leftover, NULL);
    rv_calls_close(runtime);
    /* order: seq_cst R1. As in begin_stop. */
    rv_store_seq_cst(&runtime->is_stopping, 2);
    rv_idle_notify_all(runtime);
    return -ETIMEDOUT;
}

/*
 * False: some task does not end. Callbacks go on meanwhile, as clean-up may count on them; but one
 * that asks for itself again and again is as good as a task, so they stop when no other is left.
 */
static bool end_tasks(struct rove_runtime *runtime, int64_t grace_ns)
{
    bool has_left = false;
    if (!wait_for_tasks(runtime, grace_ns)) {
        int64_t deadline = rv_clock_add(rv_clock_now(), RV_RUNTIME_PATIENCE_NS);
        while (rv_runtime_live(runtime) != 0 && cancel_round(runtime, deadline) &&
               rv_clock_now() < deadline) {
        }
        has_left = rv_clock_now() >= deadline && has_tasks(runtime);
    }
    rv_calls_stop(runtime);
    return wait_for_tasks(runtime, has_left ? 0 : RV_RUNTIME_PATIENCE_NS);
}

/* The last task may have been woken by a thread that is still about to wake a worker: a few
 * instructions and a system call, so at most a preempted thread is waited for. */
static void wait_for_visitors(struct rove_runtime *runtime)
{
    /* order: acquire R4. Their last use of the runtime; pairs with push_from_outside. */
    while (rv_load_acquire(&runtime->visitors) != 0) {
        rv_os_sched_yield();
    }
}

int rv_runtime_end(struct rove_runtime *runtime, int64_t grace_ns)
{
    /* order: seq_cst R1. The mark before the counts are read; pairs with rove_submit. */
    rv_store_seq_cst(&runtime->is_stopping, 1);
    if (!end_tasks(runtime, grace_ns)) {
        return abandon(runtime);
    }
    /* Who completes a future elsewhere may still be making a hidden task for its callbacks. */
    rv_calls_close(runtime);
    wait_for_visitors(runtime);
    if (!wait_for_tasks(runtime, RV_RUNTIME_PATIENCE_NS)) {
        return abandon(runtime);
    }
    rv_pool_stop(runtime);
    /* order: seq_cst R1. As in begin_stop. */
    rv_store_seq_cst(&runtime->is_stopping, 2);
    rv_idle_notify_all(runtime);
    join_workers(runtime, runtime->worker_count);
    wait_for_visitors(runtime);
    runtime->poller->runtime_stop(runtime);
    rv_debug_report_leaks(runtime);
    destroy(runtime);
    return 0;
}

int rove_runtime_stop(rove_runtime *runtime, rove_duration grace)
{
    if (runtime == NULL) {
        return -EINVAL;
    }
    if (rv_fork_is_dead(runtime)) {
        return -EOWNERDEAD;
    }
    if (rv_current_worker() != NULL) {
        return -EPERM;
    }
    return rv_runtime_end(runtime, grace);
}

int rove_run_with(const rove_options *options, rove_coro *main, void *arg, void **result)
{
    if (rv_current_worker() != NULL || main == NULL) {
        return rv_current_worker() != NULL ? -EDEADLK : -EINVAL;
    }
    rove_runtime *runtime;
    sigset_t mask;
    rv_os_read_signals(&mask);
    int rc = rove_runtime_start(options, &runtime);
    if (rc < 0) {
        return rc;
    }
    const rove_call call = {main, arg};
    bool is_caught = rv_interrupt_begin(runtime);
    rove_task *t = submit(runtime, &call, __builtin_return_address(0), true);
    rv_interrupt_aim(is_caught ? t : NULL);
    rc = t == NULL ? -ENOMEM : rove_wait_blocking(t, ROVE_FOREVER, result);
    rc = is_caught ? rv_interrupt_end(rc) : rc;
    bool was_deadlocked = rv_deadlock_forget_main(runtime);
    rove_release(t);
    int stopped = rv_runtime_end(runtime, 0);
    rv_os_restore_signals(&mask); /* rove_signal_wait may have blocked some here */
    return was_deadlocked ? -EDEADLK : rc == 0 ? stopped : rc;
}

int rove_run(rove_coro *main, void *arg, void **result)
{
    return rove_run_with(NULL, main, arg, result);
}
