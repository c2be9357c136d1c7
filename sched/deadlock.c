// SPDX-License-Identifier: MIT
/*
 * Purpose: notices that every task of a runtime waits and nothing in it can wake any.
 *
 * Idea: the last worker to fall asleep looks. Quiet: all workers are announced as asleep, no timer
 * is armed, no pool thread works, nothing is queued, and every task is parked in a wait that only
 * another task or thread could end. Then the threads of the process are counted that could: all
 * but the workers and pool threads of quiet runtimes, those asleep in a call of ours without a
 * limit (outside.h), and those that wait for the end of one of these. Nothing will ever happen
 * again, and it is certain, if
 *     there are none, or
 *     the tasks wait for one another only, and all of them were created by tasks: then a thread
 *     could do no more than cancel one
 * twice in a row, a while apart, and nothing has happened in between.
 *
 *     quiet --CONFIRM--> counted: certain --CONFIRM--> again: told, ended
 *                        counted: threads --pause--> looks again, less and less often
 *
 * It is looked for only where asked (debug mode: a warning, once; options.deadlock_error: rove_run
 * ends). docs/decisions/0009-deadlocks.md.
 *
 * Threads: a worker in its scheduler context, announced as asleep.
 */
#include "sched/deadlock.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/os.h"
#include "core/os_process.h"
#include "sched/fork.h"
#include "sched/future.h"
#include "sched/hold.h"
#include "sched/inspect.h"
#include "sched/outside.h"
#include "sched/pool.h"
#include "sched/runtime.h"
#include "sched/task.h"

#include <rove/debug.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define RV_DEADLOCK_CONFIRM_NS (INT64_C(20) * 1000000) /* arbitrary: a preempted thread's turn */
#define RV_DEADLOCK_PAUSE_NS (INT64_C(1000) * 1000000)  /* the longest; arbitrary */
#define RV_DEADLOCK_HINT_NS (INT64_C(100) * 1000000)    /* debug mode tells of it; arbitrary */
#define RV_DEADLOCK_ENDS 16 /* a main task that waits again after each cancellation; arbitrary */

static struct rv_lock watched_lock;                    /* guards the list; whoever is in it lives */
static struct rv_list watched = {&watched, &watched};  /* the runtimes that look */

void rv_deadlock_watch(struct rove_runtime *runtime)
{
    rv_list_init(&runtime->deadlock.link);
    rv_lock_acquire(&watched_lock);
    rv_list_push_back(&watched, &runtime->deadlock.link);
    rv_lock_release(&watched_lock);
    rv_outside_watch();
}

void rv_deadlock_unwatch(struct rove_runtime *runtime)
{
    if (runtime->deadlock.link.next == NULL) {
        return; /* it never was */
    }
    rv_outside_unwatch();
    rv_lock_acquire(&watched_lock);
    rv_list_remove(&runtime->deadlock.link);
    rv_lock_release(&watched_lock);
}

/* NULL: no more. The lock is held. Those of the parent of a fork are none of ours. */
static struct rove_runtime *next_watched(struct rv_list **at)
{
    while ((*at = (*at)->next) != &watched) {
        struct rv_deadlock *d = rv_container_of(*at, struct rv_deadlock, link);
        struct rove_runtime *runtime = rv_container_of(d, struct rove_runtime, deadlock);
        if (!rv_fork_is_dead(runtime)) {
            return runtime;
        }
    }
    return NULL;
}

static uint64_t count_steps(struct rove_runtime *runtime)
{
    uint64_t n = rv_load_relaxed(&runtime->created_outside);
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        n += rv_load_relaxed(&runtime->workers[i].step);
    }
    return n;
}

/* Changes with everything that happens in the runtimes or in threads that slept; never 0. */
static uint64_t count_events(void)
{
    struct rove_runtime *runtime;
    uint64_t n = 1 + rv_outside_changes();
    rv_lock_acquire(&watched_lock);
    for (struct rv_list *at = &watched; (runtime = next_watched(&at)) != NULL;) {
        n += count_steps(runtime);
    }
    rv_lock_release(&watched_lock);
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

/* All tasks, at least `least` of them, are parked, each in a wait that only another could end. */
static bool are_all_stranded(struct rove_runtime *runtime, size_t least)
{
    size_t n;
    struct rv_task **tasks = rv_runtime_tasks(runtime, &n);
    /* Callback tasks are live but not among them: one of those is at work, then. */
    bool is_stranded = n >= least && rv_runtime_live(runtime) == n;
    for (size_t i = 0; i < n; i++) {
        struct rv_inspection seen;
        rv_inspect(tasks[i], &seen);
        is_stranded = is_stranded && seen.activity == RV_TASK_WAITING && !is_wait_open(seen.kind);
        rove_release(&tasks[i]->future);
    }
    free(tasks);
    return is_stranded;
}

static bool is_quiet(struct rove_runtime *runtime, size_t least)
{
    return rv_load_relaxed(&runtime->is_stopping) == 0 &&
           rv_load_relaxed(&runtime->outside_pending) == 0 &&
           rv_load_relaxed(&runtime->injected_count) == 0 && is_everybody_asleep(runtime) &&
           !is_timer_armed(runtime) && !is_io_under_way(runtime) &&
           are_all_stranded(runtime, least);
}

/* The lock is held. What a quiet runtime's threads could do is nothing. */
static void strike_runtime(struct rove_runtime *runtime, pid_t tids[], size_t n)
{
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        for (size_t k = 0; k < n; k++) {
            tids[k] = tids[k] == runtime->workers[i].tid ? 0 : tids[k];
        }
    }
    rv_pool_strike(runtime, tids, n);
}

static bool is_among(pid_t tid, const pid_t tids[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (tids[i] == tid) {
            return true;
        }
    }
    return false;
}

/* Strikes who joins a thread of `all` that is struck; true: there was one, so look again. */
static bool strike_joiners(pid_t tids[], const pid_t all[], size_t n)
{
    bool is_struck = false;
    for (size_t i = 0; i < n; i++) {
        pid_t joined = tids[i] == 0 ? 0 : rv_os_joined_by(tids[i]);
        if (joined > 0 && is_among(joined, all, n) && !is_among(joined, tids, n)) {
            tids[i] = 0;
            is_struck = true;
        }
    }
    return is_struck;
}

/* Sets those of the numbers to 0 whose threads will do nothing while this runtime is quiet. */
static void strike(struct rove_runtime *quiet, pid_t tids[], const pid_t all[], size_t n)
{
    struct rove_runtime *runtime;
    rv_lock_acquire(&watched_lock);
    for (struct rv_list *at = &watched; (runtime = next_watched(&at)) != NULL;) {
        if (runtime == quiet || is_quiet(runtime, 0)) {
            strike_runtime(runtime, tids, n);
        }
    }
    rv_lock_release(&watched_lock);
    rv_outside_strike(tids, n);
    while (strike_joiners(tids, all, n)) {
    }
}

/* Threads of the process that could wake a task; SIZE_MAX: that cannot be known. */
static size_t count_able_threads(struct rove_runtime *quiet)
{
    pid_t *all;
    ssize_t listed = rv_os_list_threads(&all);
    size_t n = listed < 0 ? 0 : (size_t)listed;
    pid_t *tids = calloc(n + 1, sizeof *tids);
    size_t able = tids == NULL || n == 0 ? SIZE_MAX : 0;
    if (able == 0) {
        memcpy(tids, all, n * sizeof *tids);
        strike(quiet, tids, all, n);
        for (size_t i = 0; i < n; i++) {
            able += tids[i] != 0;
        }
    }
    free(tids);
    free(all);
    return able;
}

/* Were all tasks but rove_run's main created by tasks? */
static bool is_on_its_own(struct rove_runtime *runtime)
{
    uint64_t hidden = rv_load_relaxed(&runtime->hidden_outside);
    return runtime->deadlock.main != NULL &&
           rv_load_relaxed(&runtime->created_outside) - hidden == 1;
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

/* Said once: it may be the program's way, and it may be why it stands still. */
static void hint(struct rove_runtime *runtime, struct rv_deadlock *d)
{
    d->is_hinted = true;
    rv_runtime_log(runtime, LOG_NOTICE,
                   "rove: all tasks have waited for a while; another thread could wake one:");
    log_call_graph(runtime);
}

/* Confirmed. True: a task may have been woken, by the log's receiver or by its cancellation. */
static bool act(struct rove_runtime *runtime, struct rv_deadlock *d)
{
    bool is_news = !d->is_reported;
    if (is_news) {
        d->is_reported = true;
        rv_runtime_log(runtime, LOG_WARNING,
                       "rove: every task waits, and nothing can wake any (a deadlock):");
        log_call_graph(runtime);
    }
    if (!runtime->options.deadlock_error || d->main == NULL || d->ended == RV_DEADLOCK_ENDS) {
        return is_news;
    }
    d->ended++;
    d->is_found = true;
    return rv_future_cancel(&d->main->future) || is_news;
}

/* Other threads could wake a task: how long until the next look; INT64_MAX: none is needed. */
static int64_t wait_for_threads(struct rove_runtime *runtime, struct rv_deadlock *d, bool is_known)
{
    bool may_hint = runtime->options.debug && !d->is_hinted;
    if (may_hint && rv_os_clock_ns() - d->suspected_ns >= RV_DEADLOCK_HINT_NS) {
        hint(runtime, d);
        may_hint = false;
    }
    if (!is_known && !may_hint) {
        return INT64_MAX;
    }
    int64_t pause_ns = d->pause_ns;
    d->pause_ns = pause_ns * 2 < RV_DEADLOCK_PAUSE_NS ? pause_ns * 2 : RV_DEADLOCK_PAUSE_NS;
    return pause_ns;
}

/* Quiet for a while. How long until the next look; 0: a task may have been woken. */
static int64_t confirm(struct rove_runtime *runtime, struct rv_deadlock *d)
{
    size_t able = count_able_threads(runtime);
    bool was_certain = d->is_certain;
    d->is_certain =
        able == 0 || (is_on_its_own(runtime) && rv_call_graph_is_closed(runtime));
    if (!d->is_certain) {
        return wait_for_threads(runtime, d, able != SIZE_MAX);
    }
    if (!was_certain || d->seen != count_events()) {
        return RV_DEADLOCK_CONFIRM_NS;
    }
    d->is_certain = false;
    d->suspected_ns = rv_os_clock_ns();
    return act(runtime, d) ? 0 : INT64_MAX;
}

/* The lock is held. How long until the next look; INT64_MAX: none is needed. */
static int64_t look(struct rove_runtime *runtime, struct rv_deadlock *d)
{
    if ((d->is_reported && !runtime->options.deadlock_error) || !is_quiet(runtime, 1)) {
        return INT64_MAX;
    }
    uint64_t events = count_events();
    int64_t real_ns = rv_os_clock_ns();
    if (d->seen != events) {
        d->seen = events;
        d->suspected_ns = real_ns;
        d->pause_ns = RV_DEADLOCK_CONFIRM_NS;
        d->is_certain = false;
    } else if (real_ns - d->suspected_ns >= RV_DEADLOCK_CONFIRM_NS) {
        return confirm(runtime, d);
    }
    return RV_DEADLOCK_CONFIRM_NS;
}

int64_t rv_deadlock_look(struct rv_worker *w, int64_t deadline_ns)
{
    struct rv_deadlock *d = &w->runtime->deadlock;
    if (!rv_lock_try(&d->lock)) {
        return deadline_ns;
    }
    int64_t pause_ns = look(w->runtime, d);
    rv_lock_release(&d->lock);
    int64_t until_ns =
        pause_ns == INT64_MAX ? INT64_MAX : rv_clock_add(rv_clock_now(), pause_ns);
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
