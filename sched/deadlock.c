// SPDX-License-Identifier: MIT
/*
 * Purpose: notices that every task of a runtime waits and nothing in it can wake any.
 *
 * Idea: the last worker to fall asleep looks. Suspicious: all workers are announced as asleep, no
 * timer is armed, no pool thread works, nothing is queued, and every task is parked in a wait that
 * only another task could end. Since a thread that the runtime does not know may be in the middle
 * of a wake, the suspicion must last RV_DEADLOCK_CONFIRM_NS without a single switch.
 *
 * What it cannot know: whether such a thread will ever set a future or an event. So it is looked
 * for only where asked (debug mode: a warning, once; options.deadlock_error: rove_run ends).
 *
 * Threads: a worker in its scheduler context, announced as asleep.
 * Rejected: following the waits until a circle closes: a task that waits on an event nobody will
 * set is as dead, and no circle.
 */
#include "sched/deadlock.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/os.h"
#include "sched/future.h"
#include "sched/hold.h"
#include "sched/inspect.h"
#include "sched/runtime.h"
#include "sched/task.h"

#include <rove/debug.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define RV_DEADLOCK_CONFIRM_NS (INT64_C(20) * 1000000) /* arbitrary: a preempted thread's turn */
#define RV_DEADLOCK_ENDS 16 /* a main task that waits again after each cancellation; arbitrary */

/* Grows with everything that happens in the runtime; never 0. */
static uint64_t count_events(struct rove_runtime *runtime)
{
    uint64_t n = 1 + rv_load_relaxed(&runtime->created_outside);
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        n += rv_load_relaxed(&runtime->workers[i].step);
    }
    return n;
}

static bool is_everybody_asleep(struct rove_runtime *runtime)
{
    rv_lock_acquire(&runtime->idle.lock);
    bool is_asleep = rv_load_relaxed(&runtime->idle.sleeping) == runtime->worker_count;
    rv_lock_release(&runtime->idle.lock);
    return is_asleep;
}

static bool is_timer_armed(struct rove_runtime *runtime)
{
    size_t armed = 0;
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        struct rv_timers *ts = &runtime->workers[i].timers;
        rv_lock_acquire(&ts->lock);
        armed += rv_heap_count(&ts->heap);
        rv_lock_release(&ts->lock);
    }
    return armed > rv_hold_timers(runtime); /* those wake nobody */
}

/* Spares a server, which has operations in flight whenever it sleeps, the walk over its tasks. */
static bool is_io_under_way(struct rove_runtime *runtime)
{
    uint64_t submitted = 0;
    uint64_t completed = 0;
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        submitted += rv_load_relaxed(&runtime->workers[i].count.ops_submitted);
        completed += rv_load_relaxed(&runtime->workers[i].count.ops_completed);
    }
    return submitted != completed;
}

/* Could something but a task end this wait? Timers and pool threads are looked at apart. */
static bool is_wait_open(enum rv_wait_kind kind)
{
    switch (kind) {
    case RV_WAIT_IO:
    case RV_WAIT_THREAD:
    case RV_WAIT_SIGNAL:
    case RV_WAIT_PROCESS:
        return true;
    case RV_WAIT_NONE:
    case RV_WAIT_FUTURE:
    case RV_WAIT_MANY:
    case RV_WAIT_GATHER:
    case RV_WAIT_SLEEP:
    case RV_WAIT_MUTEX:
    case RV_WAIT_ONCE:
    case RV_WAIT_RWLOCK:
    case RV_WAIT_EVENT:
    case RV_WAIT_COND:
    case RV_WAIT_SEMAPHORE:
    case RV_WAIT_BARRIER:
    case RV_WAIT_QUEUE:
    case RV_WAIT_CHAN:
    case RV_WAIT_SELECT:
        return false;
    }
    RV_UNREACHABLE();
}

/* There are tasks, all of them parked, each in a wait that only another could end. */
static bool are_all_stranded(struct rove_runtime *runtime)
{
    size_t n;
    struct rv_task **tasks = rv_runtime_tasks(runtime, &n);
    /* Callback tasks are live but not among them: one of those is at work, then. */
    bool is_stranded = n > 0 && rv_runtime_live(runtime) == n;
    for (size_t i = 0; i < n; i++) {
        struct rv_inspection seen;
        rv_inspect(tasks[i], &seen);
        is_stranded = is_stranded && seen.activity == RV_TASK_WAITING && !is_wait_open(seen.kind);
        rove_release(&tasks[i]->future);
    }
    free(tasks);
    return is_stranded;
}

static bool is_suspicious(struct rove_runtime *runtime)
{
    return rv_load_relaxed(&runtime->is_stopping) == 0 &&
           rv_load_relaxed(&runtime->outside_pending) == 0 &&
           rv_load_relaxed(&runtime->injected_count) == 0 && is_everybody_asleep(runtime) &&
           !is_timer_armed(runtime) && !is_io_under_way(runtime) && are_all_stranded(runtime);
}

static void log_call_graph(struct rove_runtime *runtime)
{
    char *text = NULL;
    size_t bytes = 0;
    char *rest = NULL;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL) {
        return;
    }
    rove_print_call_graph(runtime, out);
    fclose(out);
    char *line = text == NULL ? NULL : strtok_r(text, "\n", &rest);
    for (; line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        rv_runtime_log(runtime, LOG_WARNING, "%s", line);
    }
    free(text);
}

/* Confirmed. True: a task may have been woken, by the log's receiver or by its cancellation. */
static bool act(struct rove_runtime *runtime, struct rv_deadlock *d)
{
    bool is_news = !d->is_reported;
    if (is_news) {
        d->is_reported = true;
        rv_runtime_log(runtime, LOG_WARNING,
                       "rove: every task waits, and only another thread could wake one:");
        log_call_graph(runtime);
    }
    if (!runtime->options.deadlock_error || d->main == NULL || d->ended == RV_DEADLOCK_ENDS) {
        return is_news;
    }
    d->ended++;
    d->is_found = true;
    return rv_future_cancel(&d->main->future) || is_news;
}

int64_t rv_deadlock_look(struct rv_worker *w, int64_t deadline_ns)
{
    struct rove_runtime *runtime = w->runtime;
    struct rv_deadlock *d = &runtime->deadlock;
    if (!rv_lock_try(&d->lock)) {
        return deadline_ns;
    }
    if ((d->is_reported && !runtime->options.deadlock_error) || !is_suspicious(runtime)) {
        rv_lock_release(&d->lock);
        return deadline_ns;
    }
    uint64_t events = count_events(runtime);
    int64_t real_ns = rv_os_clock_ns();
    int64_t now_ns = rv_clock_now();
    int64_t until_ns = rv_clock_add(now_ns, RV_DEADLOCK_CONFIRM_NS);
    if (d->seen != events) {
        d->seen = events;
        d->suspected_ns = real_ns;
    } else if (real_ns - d->suspected_ns >= RV_DEADLOCK_CONFIRM_NS) {
        d->suspected_ns = real_ns;
        until_ns = act(runtime, d) ? now_ns : deadline_ns;
    }
    rv_lock_release(&d->lock);
    return until_ns < deadline_ns ? until_ns : deadline_ns;
}

void rv_deadlock_set_main(struct rove_runtime *runtime, struct rv_task *main)
{
    rv_lock_acquire(&runtime->deadlock.lock);
    runtime->deadlock.main = main;
    rv_lock_release(&runtime->deadlock.lock);
}

bool rv_deadlock_forget_main(struct rove_runtime *runtime)
{
    rv_lock_acquire(&runtime->deadlock.lock);
    runtime->deadlock.main = NULL;
    bool is_found = runtime->deadlock.is_found;
    rv_lock_release(&runtime->deadlock.lock);
    return is_found;
}
