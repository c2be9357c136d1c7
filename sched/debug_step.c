// SPDX-License-Identifier: MIT
/*
 * Purpose: what debug mode looks at when a task stops running.
 *
 * Idea: a step is timed from switch to switch; who stops running is asked how long it took and
 * where it stopped, which is the first frame outside of the library. And what belongs to a thread
 * and not to a task must be as it was: a signal mask or a held lock would be left to the next task,
 * and this one would go on without, on another thread. Each is said once, not at every switch.
 *
 * Locks are counted by librove_lockwatch (tools/lockwatch), where that is loaded.
 *
 * Threads: the worker's owner, but for rv_debug_report_stuck.
 */
#include "core/clock.h"
#include "core/os_process.h"
#include "core/symbol.h"
#include "core/unwind.h"
#include "sched/debug.h"
#include "sched/high_water.h"
#include "sched/inspect.h"
#include "sched/runtime.h"
#include "sched/task.h"

#include <stdio.h>
#include <syslog.h>

#define RV_DEBUG_FRAMES 16

/* How many locks the calling thread holds. Weak: NULL where nobody counts. */
__attribute__((weak)) unsigned rove_lockwatch_held(void);

static unsigned held_locks(void)
{
    return rove_lockwatch_held == NULL ? 0 : rove_lockwatch_held();
}

void rv_debug_step_begin(struct rv_worker *w)
{
    w->debug_step.began_ns = rv_clock_now();
    w->debug_step.locks = held_locks();
    if (w->debug_step.mask == 0) {
        w->debug_step.mask = rv_os_signal_mask();
    }
}

/* Where the caller's caller's .. stands in the code of its user. */
static void print_here(char line[RV_SYMBOL_LINE])
{
    void *pcs[RV_DEBUG_FRAMES];
    struct rv_symbols symbols = {0};
    size_t n = rv_unwind_self(NULL, pcs, RV_DEBUG_FRAMES);
    size_t at = rv_inspect_skip_library(&symbols, pcs, n);
    if (at < n) {
        rv_symbol_print(&symbols, pcs[at], line, RV_SYMBOL_LINE);
    }
    rv_symbol_fini(&symbols);
}

static RV_COLD void report_slow(struct rv_task *self, int64_t took_ns, bool is_last)
{
    char name[RV_INSPECT_NAME_BYTES];
    char where[RV_SYMBOL_LINE] = "its end";
    rv_inspect_name(self, name);
    if (!is_last) {
        print_here(where);
    }
    rv_runtime_log(self->runtime, LOG_WARNING,
                   "rove: task %s ran for %lld ms without suspending, until %s", name,
                   (long long)(took_ns / 1000000), where);
}

/* "rove: task NAME <what>, and suspends" */
static RV_COLD void report_change(struct rv_task *self, bool is_last, const char *what)
{
    char name[RV_INSPECT_NAME_BYTES];
    rv_inspect_name(self, name);
    rv_runtime_log(self->runtime, LOG_WARNING, "rove: task %s %s, and %s", name, what,
                   is_last ? "ended" : "suspends");
}

static void look_at_thread(struct rv_worker *w, struct rv_task *self, bool is_last)
{
    struct rv_debug_step *step = &w->debug_step;
    uint64_t mask = rv_os_signal_mask();
    uint64_t float_mode = rv_context_float_mode();
    if (mask != step->mask) {
        step->mask = mask;
        report_change(self, is_last, "changed the signal mask, which stays with the thread");
    }
    if (held_locks() > step->locks) {
        report_change(self, is_last, "holds a lock that belongs to the thread (pthread_mutex_t)");
    }
    if (!is_last && float_mode != w->runtime->float_mode && float_mode != step->float_mode) {
        step->float_mode = float_mode;
        report_change(self, is_last, "computes with a rounding mode or exception mask of its own");
    }
}

void rv_debug_step_end(struct rv_worker *w, struct rv_task *self, bool is_last)
{
    int64_t took_ns = rv_clock_now() - w->debug_step.began_ns;
    if (!w->runtime->options.debug) {
        return;
    }
    if (took_ns > w->runtime->options.slow_step) {
        report_slow(self, took_ns, is_last);
    }
    look_at_thread(w, self, is_last);
    if (is_last) {
        rv_high_water_note(w->runtime->high_water, self);
    }
}

void rv_debug_report_stuck(struct rv_worker *w, int64_t stuck_ns)
{
    struct rv_task *t = rv_load_relaxed(&w->current);
    char name[RV_INSPECT_NAME_BYTES];
    /* Blocks are type-stable; the reference makes sure that it is still that task. */
    if (t == NULL || !rv_state_retain_live(&t->future.state)) {
        return;
    }
    if (rv_load_relaxed(&w->current) == t) {
        rv_inspect_name(t, name);
        rv_runtime_log(w->runtime, LOG_WARNING,
                       "rove: task %s has kept worker %u for %lld ms; others take over its work",
                       name, w->idx, (long long)(stuck_ns / 1000000));
    }
    rove_release(&t->future);
}
