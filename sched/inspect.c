// SPDX-License-Identifier: MIT
/*
 * Purpose: looking at tasks: the current one, all of them, what one waits for, its stack.
 *
 * Idea: inspect.h. A task that is ready to run cannot be pinned without a cost for every switch;
 * its stack is shown only where nobody else could run it meanwhile, in a runtime of one worker.
 */
#include "sched/inspect.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/symbol.h"
#include "core/unwind.h"
#include "sched/current.h"
#include "sched/fork.h"
#include "sched/many.h"
#include "sched/mutex.h"
#include "sched/ready.h"
#include "sched/runtime.h"
#include "sched/switch.h"
#include "sched/task.h"

#include <rove/debug.h>
#include <rove/thread.h>

#include <errno.h>
#include <string.h>

#define RV_INSPECT_FRAMES 64
#define RV_INSPECT_LIBRARY_FRAMES 12 /* more than any public call of ours is deep */

rove_task *rove_current_task(void)
{
    struct rv_task *t = rv_current_task();
    if (t == NULL) {
        return NULL;
    }
    t->future.is_known = 1;
    return &t->future;
}

void rove_set_name(rove_task *t, const char *name)
{
    if (t == NULL || t->kind != RV_FUTURE_TASK || rv_current_worker() == NULL) {
        return;
    }
    rv_lock_acquire(&t->lock);
    rv_task_rename(rv_task_of(t), name);
    rv_lock_release(&t->lock);
}

const char *rove_get_name(rove_task *f)
{
    if (f == NULL || f->kind != RV_FUTURE_TASK || rv_current_worker() == NULL) {
        return NULL;
    }
    return rv_task_name(rv_task_of(f));
}

/* Lock held: makes one up if there is none. */
static const char *name_of(struct rv_task *t)
{
    if (t->name == NULL) {
        snprintf(t->short_name, sizeof t->short_name, "task-%llu", (unsigned long long)t->id);
        t->name = t->short_name;
        t->future.is_named = 1;
    }
    return t->name;
}

const char *rv_task_name(struct rv_task *t)
{
    rv_lock_acquire(&t->future.lock);
    const char *name = name_of(t);
    rv_lock_release(&t->future.lock);
    return name;
}

rove_runtime *rove_current_runtime(void)
{
    struct rv_worker *w = rv_current_worker();
    return w == NULL || rv_load_relaxed(&w->current) == NULL ? NULL : w->runtime;
}

struct selection {
    rove_task **tasks;
    size_t n, capacity;
};

static void select_task(struct rv_task *t, void *ctx)
{
    struct selection *s = ctx;
    if (s->n < s->capacity) {
        s->tasks[s->n] = &t->future;
    } else {
        rove_release(&t->future);
    }
    s->n++;
}

size_t rove_all_tasks(rove_runtime *runtime, rove_task *tasks[], size_t capacity)
{
    struct selection s = {.tasks = tasks, .capacity = tasks == NULL ? 0 : capacity};
    if (runtime == NULL || rv_fork_is_dead(runtime)) {
        return 0;
    }
    rv_runtime_for_each_task(runtime, select_task, &s);
    return s.n;
}

static bool pin(struct rv_task *t)
{
    bool is_busy;
    rv_switch_settle_task(t);
    while (!rv_state_pin(&t->future.state, &is_busy)) {
        if (!is_busy) {
            return false;
        }
        rv_cpu_relax();
    }
    return true;
}

static void unpin(struct rv_task *t)
{
    if (rv_state_unpin(&t->future.state, false)) {
        rv_ready_push(t);
    }
}

static bool is_running(const struct rv_task *t)
{
    const struct rove_runtime *runtime = t->runtime;
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        if (rv_load_relaxed(&runtime->workers[i].current) == t) {
            return true;
        }
    }
    return false;
}

/* The waiting task is pinned, so the aggregate in its frame stays. */
static size_t count_missing(const struct rv_many *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (!rv_state_is_done(&m->futures[i]->state)) {
            if (m->futures[i]->kind != RV_FUTURE_TASK) {
                return 0;
            }
            n++;
        }
    }
    return n;
}

void rv_inspect(struct rv_task *t, struct rv_inspection *seen)
{
    *seen = (struct rv_inspection){0};
    if (pin(t)) {
        seen->activity = RV_TASK_WAITING;
        seen->kind = (enum rv_wait_kind)t->wait_kind;
        seen->object = t->wait_object;
        seen->since_ns = t->wait_since;
        if (seen->kind == RV_WAIT_MUTEX) { /* it exists as long as somebody waits for it */
            seen->holder = rv_mutex_owner(seen->object);
            seen->held_since_ns = rv_mutex_since(seen->object);
        } else if (seen->kind == RV_WAIT_GATHER) {
            seen->missing = count_missing(seen->object);
        }
        unpin(t);
    } else if (rv_state_is_done(&t->future.state)) {
        seen->activity = RV_TASK_OVER;
    } else {
        seen->activity = is_running(t) ? RV_TASK_RUNNING : RV_TASK_READY;
    }
}

const char *rv_inspect_wait_name(enum rv_wait_kind kind)
{
    switch (kind) {
    case RV_WAIT_NONE:
        return "nothing";
    case RV_WAIT_FUTURE:
        return "a future";
    case RV_WAIT_MANY:
    case RV_WAIT_GATHER:
        return "several";
    case RV_WAIT_SLEEP:
        return "the time to come";
    case RV_WAIT_IO:
        return "I/O";
    case RV_WAIT_THREAD:
        return "a pool thread";
    case RV_WAIT_MUTEX:
        return "a mutex";
    case RV_WAIT_ONCE:
        return "a call that is made once";
    case RV_WAIT_RWLOCK:
        return "an rwlock";
    case RV_WAIT_EVENT:
        return "an event";
    case RV_WAIT_COND:
        return "a condition";
    case RV_WAIT_SEMAPHORE:
        return "a semaphore";
    case RV_WAIT_BARRIER:
        return "a barrier";
    case RV_WAIT_QUEUE:
        return "a queue";
    case RV_WAIT_CHAN:
        return "a channel";
    case RV_WAIT_SELECT:
        return "a select";
    case RV_WAIT_SIGNAL:
        return "a signal";
    case RV_WAIT_PROCESS:
        return "a process";
    }
    RV_UNREACHABLE();
}

/* " for 1.234 s", at the end of a line that has room for it or is cut. */
static void add_age(char *line, size_t bytes, int64_t since_ns)
{
    int64_t age_ms = (rv_clock_now() - since_ns) / 1000000;
    size_t used = strlen(line);
    age_ms = age_ms < 0 ? 0 : age_ms;
    snprintf(line + used, bytes - used, " for %lld.%03lld s", (long long)(age_ms / 1000),
             (long long)(age_ms % 1000));
}

/* A task that holds the mutex stands in the graph by itself; a thread is named here. */
static void add_holder(char *line, size_t bytes, const struct rv_inspection *seen)
{
    size_t used = strlen(line);
    if (((uintptr_t)seen->holder & 1) != 0) {
        snprintf(line + used, bytes - used, ", held by thread %lu",
                 (unsigned long)((uintptr_t)seen->holder >> 1));
    } else {
        snprintf(line + used, bytes - used, ", held");
    }
    add_age(line, bytes, seen->held_since_ns);
}

void rv_inspect_describe(const struct rv_inspection *seen, char *line, size_t bytes)
{
    switch (seen->activity) {
    case RV_TASK_READY:
        snprintf(line, bytes, "is ready to run");
        return;
    case RV_TASK_RUNNING:
        snprintf(line, bytes, "is running");
        return;
    case RV_TASK_OVER:
        snprintf(line, bytes, "has ended");
        return;
    case RV_TASK_WAITING:
        snprintf(line, bytes, "has waited for %s", rv_inspect_wait_name(seen->kind));
        add_age(line, bytes, seen->since_ns);
        if (seen->holder != NULL && seen->held_since_ns != 0) {
            add_holder(line, bytes, seen);
        }
        return;
    }
    RV_UNREACHABLE();
}

void rv_inspect_name(struct rv_task *t, char name[RV_INSPECT_NAME_BYTES])
{
    rv_lock_acquire(&t->future.lock);
    const char *own = name_of(t);
    size_t n = strnlen(own, RV_INSPECT_NAME_BYTES - 1);
    memcpy(name, own, n);
    rv_lock_release(&t->future.lock);
    name[n] = '\0';
}

/* Ready, and nobody but the caller's worker could run it: its registers are saved and stay so. */
static bool stands_still_here(const struct rv_worker *w, const struct rv_task *t)
{
    return w != NULL && w->runtime == t->runtime && w->runtime->worker_count == 1 &&
           rv_load_relaxed(&w->current) != t &&
           rv_state_phase(rv_load_relaxed(&t->future.state)) == RV_PHASE_ACTIVE &&
           t->future.is_started;
}

size_t rv_inspect_stack(struct rv_task *t, void *pcs[], size_t capacity)
{
    size_t n = 0;
    if (pin(t)) {
        n = rv_unwind_context(&t->context, pcs, capacity);
        unpin(t);
    } else if (stands_still_here(rv_current_worker(), t)) {
        n = rv_unwind_context(&t->context, pcs, capacity);
    }
    return n;
}

size_t rv_inspect_skip_library(struct rv_symbols *symbols, void *const pcs[], size_t n)
{
    bool was_public = false;
    for (size_t i = 0; i < n && i < RV_INSPECT_LIBRARY_FRAMES; i++) {
        struct rv_symbol symbol;
        rv_symbol_find(symbols, pcs[i], &symbol);
        bool is_public = strncmp(symbol.name, "rove_", 5) == 0;
        if (was_public && !is_public) {
            return i;
        }
        was_public = is_public;
    }
    return 0;
}

RV_NOINLINE size_t rove_task_stack(rove_task *f, void *pcs[], size_t capacity)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL || f == NULL || f->kind != RV_FUTURE_TASK || pcs == NULL) {
        return 0;
    }
    return rv_task_of(f) == self ? rv_unwind_self(__builtin_return_address(0), pcs, capacity)
                                 : rv_inspect_stack(rv_task_of(f), pcs, capacity);
}

/* A suspended task's from the public call outwards: what lies within that is nobody's concern. */
static void print_frames(FILE *out, void *const pcs[], size_t n, bool is_suspended)
{
    struct rv_symbols symbols = {0};
    size_t first = is_suspended ? rv_inspect_skip_library(&symbols, pcs, n) : 0;
    first -= first > 0;
    for (size_t i = first; i < n; i++) {
        char line[RV_SYMBOL_LINE];
        rv_symbol_print(&symbols, pcs[i], line, sizeof line);
        fprintf(out, "  #%-2zu %s\n", i - first, line);
    }
    rv_symbol_fini(&symbols);
    if (n == 0) {
        fputs("  (no stack to be had)\n", out);
    }
}

RV_NOINLINE int rove_print_stack(rove_task *f, FILE *out)
{
    struct rv_task *self = rv_current_task();
    void *pcs[RV_INSPECT_FRAMES];
    char name[RV_INSPECT_NAME_BYTES];
    char line[RV_SYMBOL_LINE];
    struct rv_inspection seen;
    if (self == NULL) {
        return -EPERM;
    }
    if (f == NULL || f->kind != RV_FUTURE_TASK || out == NULL) {
        return -EINVAL;
    }
    struct rv_task *t = rv_task_of(f);
    rv_inspect(t, &seen);
    rv_inspect_name(t, name);
    rv_inspect_describe(&seen, line, sizeof line);
    size_t n = t == self ? rv_unwind_self(__builtin_return_address(0), pcs, RV_INSPECT_FRAMES)
                         : rv_inspect_stack(t, pcs, RV_INSPECT_FRAMES);
    fprintf(out, "task %s %s, innermost call first:\n", name, line);
    print_frames(out, pcs, n, t != self);
    return ferror(out) ? -EIO : 0;
}

uint64_t rove_task_id(rove_task *t)
{
    return t == NULL || t->kind != RV_FUTURE_TASK || rv_current_worker() == NULL
               ? 0
               : rv_task_of(t)->id;
}

rove_coro *rove_get_coro(rove_task *t)
{
    return t == NULL || t->kind != RV_FUTURE_TASK || rv_current_worker() == NULL
               ? NULL
               : rv_task_of(t)->fn;
}
