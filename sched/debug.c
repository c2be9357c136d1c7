// SPDX-License-Identifier: MIT
/*
 * Purpose: what debug mode watches. debug.h has the idea.
 *
 * Idea: steps are looked at in debug_step.c. Futures without a stack get a record in front of
 * them:
 *
 *     [ next prev runtime site ][ struct rove_future .. ]
 *
 * Threads: records under one lock, as a handle may outlive its runtime.
 */
#include "sched/debug.h"

#include "core/check.h"
#include "core/symbol.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/high_water.h"
#include "sched/hold.h"
#include "sched/inspect.h"
#include "sched/runtime.h"
#include "sched/task.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

struct rv_debug_record {
    struct rv_debug_record *next, *prev; /* under records_lock */
    struct rove_runtime *runtime;        /* the same; NULL: it has ended */
    const void *site;
};

static struct rv_lock records_lock; /* guards the lists of all runtimes */

_Static_assert(sizeof(struct rv_debug_record) % _Alignof(max_align_t) == 0,
               "a future behind its record is aligned as malloc's");

/* For failed checks: no lock, so only a name that is there already. */
static void describe(char *buf, size_t n)
{
    const struct rv_worker *w = rv_current_worker();
    const struct rv_task *t = w == NULL ? NULL : rv_load_relaxed(&w->current);
    if (t != NULL) {
        snprintf(buf, n, "rove: on worker %u in task %s (number %llu)", w->idx,
                 t->name == NULL ? "without a name" : t->name, (unsigned long long)t->id);
    } else if (w != NULL) {
        snprintf(buf, n, "rove: on worker %u between tasks", w->idx);
    }
}

void rv_debug_start(struct rove_runtime *runtime)
{
    const rove_options *options = &runtime->options;
    rv_check_set_hook(describe);
    if (options->debug) {
        runtime->high_water = rv_high_water_create(); /* NULL: no report */
    }
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        runtime->workers[i].is_debug = options->debug || options->deadlock_error;
    }
    if (options->debug || options->deadlock_error) {
        rv_deadlock_watch(runtime);
    }
}

static void print_site(const void *site, char line[RV_SYMBOL_LINE])
{
    struct rv_symbols symbols = {0};
    if (site == NULL) {
        snprintf(line, RV_SYMBOL_LINE, "an unknown place");
        return;
    }
    rv_symbol_print(&symbols, site, line, RV_SYMBOL_LINE);
    rv_symbol_fini(&symbols);
}

static struct rv_debug_record *record_of(const struct rove_future *f)
{
    return (struct rv_debug_record *)(uintptr_t)f - 1;
}

void *rv_debug_future_alloc(struct rove_runtime *runtime, size_t bytes)
{
    struct rv_debug_record *r =
        bytes > SIZE_MAX - sizeof(struct rv_debug_record) ? NULL : calloc(1, sizeof *r + bytes);
    if (r == NULL) {
        return NULL;
    }
    r->runtime = runtime;
    rv_lock_acquire(&records_lock);
    r->next = runtime->debug_records;
    if (r->next != NULL) {
        r->next->prev = r;
    }
    runtime->debug_records = r;
    rv_lock_release(&records_lock);
    return r + 1;
}

/* Lock held. */
static void unlink_record(struct rv_debug_record *r)
{
    *(r->prev != NULL ? &r->prev->next : &r->runtime->debug_records) = r->next;
    if (r->next != NULL) {
        r->next->prev = r->prev;
    }
    r->runtime = NULL;
}

void rv_debug_future_free(struct rove_future *f)
{
    struct rv_debug_record *r = record_of(f);
    rv_lock_acquire(&records_lock);
    if (r->runtime != NULL) {
        unlink_record(r);
    }
    rv_lock_release(&records_lock);
    free(r);
}

void rv_debug_set_site(struct rove_future *f, const void *site)
{
    if (f->kind == RV_FUTURE_TASK) {
        rv_task_of(f)->site = site;
    } else {
        record_of(f)->site = site;
    }
}

static const char *kind_name(const struct rove_future *f)
{
    switch ((enum rv_future_kind)f->kind) {
    case RV_FUTURE_TASK:
        return "task";
    case RV_FUTURE_PLAIN:
        return "future";
    case RV_FUTURE_GATHER:
        return "gather";
    case RV_FUTURE_SHIELD:
        return "shield";
    }
    RV_UNREACHABLE();
}

/* Is this a worker whose runtime may log about f? Else f's may have ended. */
static struct rove_runtime *runtime_here(const struct rv_debug_record *r)
{
    const struct rv_worker *w = rv_current_worker();
    rv_lock_acquire(&records_lock);
    struct rove_runtime *runtime = r->runtime;
    rv_lock_release(&records_lock);
    return w != NULL && w->runtime == runtime ? runtime : NULL;
}

void rv_debug_report_unread(struct rove_future *f)
{
    const struct rv_debug_record *r = record_of(f);
    char site[RV_SYMBOL_LINE];
    char line[RV_SYMBOL_LINE * 2];
    if (f->error >= 0 || f->error == -ECANCELED ||
        (rv_load_relaxed(&f->state) & RV_STATE_OBSERVED) != 0) {
        return;
    }
    print_site(r->site, site);
    struct rove_runtime *runtime = runtime_here(r);
    snprintf(line, sizeof line, "rove: the error of a %s, created at %s, was never read: %s",
             kind_name(f), site, rove_strerror(f->error));
    if (runtime != NULL) {
        rv_runtime_log(runtime, LOG_ERR, "%s", line);
    } else {
        fprintf(stderr, "%s\n", line);
    }
}

static void report_task(void *block, void *ctx)
{
    struct rv_task *t = block;
    struct rove_runtime *runtime = ctx;
    uint64_t word = rv_load_relaxed(&t->future.state);
    char name[RV_INSPECT_NAME_BYTES];
    char site[RV_SYMBOL_LINE];
    if (rv_state_phase(word) != RV_PHASE_DONE || rv_state_refs(word) == 0) {
        return;
    }
    rv_inspect_name(t, name);
    print_site(t->site, site);
    rv_runtime_log(runtime, LOG_WARNING,
                   "rove: task %s, created at %s, still has %u handles at stop", name, site,
                   rv_state_refs(word));
}

/* One that has not been freed, to be named; false: no more. */
static bool take_record(struct rove_runtime *runtime, const char **kind, const void **site,
                        unsigned *handles)
{
    rv_lock_acquire(&records_lock);
    struct rv_debug_record *r = runtime->debug_records;
    if (r != NULL) { /* it may be released later still, but then it is nobody's */
        const struct rove_future *f = (const struct rove_future *)(const void *)(r + 1);
        *kind = kind_name(f);
        *site = r->site;
        *handles = rv_state_refs(rv_load_relaxed(&f->state));
        unlink_record(r);
    }
    rv_lock_release(&records_lock);
    return r != NULL;
}

void rv_debug_report_leaks(struct rove_runtime *runtime)
{
    char line[RV_SYMBOL_LINE];
    const char *kind;
    const void *site;
    unsigned handles;
    if (!runtime->options.debug) {
        return;
    }
    rv_hold_report_leaks(runtime);
    rv_high_water_report(runtime);
    rv_runtime_for_each_block(runtime, report_task, runtime);
    while (take_record(runtime, &kind, &site, &handles)) {
        print_site(site, line);
        rv_runtime_log(runtime, LOG_WARNING,
                       "rove: a %s, created at %s, still has %u handles at stop", kind, line,
                       handles);
    }
}

void rv_debug_stop(struct rove_runtime *runtime)
{
    rv_deadlock_unwatch(runtime);
    rv_high_water_destroy(runtime->high_water);
}
