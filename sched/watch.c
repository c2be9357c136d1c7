// SPDX-License-Identifier: MIT
/*
 * Purpose: workers look after each other: what waits behind a step that takes too long is rescued.
 *
 * Idea: a worker counts its switches. Who looks and finds the count of an awake worker unchanged
 * since the last look (50 us or more ago) takes what only that worker could run: the private batch
 * of its run queue (through the biased lock), its newest-but-only eager parent, its due timers, and
 * the completions of its ring (poller->rescue).
 *
 * Who looks: every worker while it is busy, at most every RV_WATCH_BUSY_NS; and one of the idle
 * ones, the watcher, which sleeps with a timeout that doubles from 50 us to 5 ms while all is well.
 * When everybody is asleep nobody watches: idle costs nothing.
 *
 * Whoever queues a task privately (rv_idle_hint) relies on `watching`, without a fence. A watcher
 * stops watching only to go round its worker's loop: it watches again before it sleeps if anyone is
 * awake, and when everyone is asleep no private task is left. When it gets work instead while
 * others sleep on, it wakes one of those if a private task waits somewhere (rv_watch_is_needed).
 *
 * A lone awake worker whose next step may be a long one leaves nothing that a sleeper would have to
 * be woken for: it hands its entries over to the kernel, whose answers wake a guard (io/guard.c).
 * Only for a timer that is due soon, or a second ready task, it wakes a watcher. So a request to an
 * idle program wakes one worker and not two.
 *
 * Threads: a look under the try-lock; nobody waits for it.
 * Rejected: a monitor thread as Go's: one more thread to wake, and it could run nothing it found.
 */
#include "sched/watch.h"

#include "core/check.h"
#include "core/clock.h"
#include "sched/debug.h"
#include "sched/idle.h"
#include "sched/ready.h"
#include "sched/runtime.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <errno.h>
#include <stdlib.h>

#define RV_WATCH_MIN_NS 50000      /* five times a task of 10 us; arbitrary */
#define RV_WATCH_MAX_NS 5000000    /* 200 wake-ups a second while others work; arbitrary */
#define RV_WATCH_BUSY_NS 100000
#define RV_WATCH_STUCK_NS 10000000 /* in debug mode, the step is named; arbitrary */

int rv_watch_init(struct rv_watch *watch, unsigned worker_count)
{
    *watch = (struct rv_watch){.interval_ns = RV_WATCH_MIN_NS};
    watch->seen = calloc(worker_count, sizeof(uint64_t));
    watch->stuck_ns = calloc(worker_count, sizeof(int64_t));
    return watch->seen == NULL || watch->stuck_ns == NULL ? -ENOMEM : 0;
}

void rv_watch_fini(struct rv_watch *watch)
{
    free(watch->seen);
    free(watch->stuck_ns);
    watch->seen = NULL;
    watch->stuck_ns = NULL;
}

/* Inside the bias lock: a run queue's worth of what waits behind the full one of the victim. */
static unsigned take_overflow(struct rv_worker *self, struct rv_worker *victim)
{
    unsigned n = 0;
    struct rv_task *t;
    while (n < RV_RUNQ_CAPACITY / 2 && (t = rv_backlog_pop(&victim->overflow)) != NULL) {
        rv_ready_push_local(self, t);
        n++;
    }
    return n;
}

/* Takes the private tasks of a stuck worker into the own queue. */
static unsigned take_private(struct rv_worker *self, struct rv_worker *victim)
{
    void *first = NULL;
    void *cont = NULL;
    unsigned n = 0;
    if (rv_runq_private_hint(&victim->runq) > 0 && rv_bias_try_enter(&victim->bias)) {
        n = rv_runq_rescue(&victim->runq, &self->runq, &first);
        n += take_overflow(self, victim);
        rv_bias_leave(&victim->bias);
    }
    if (rv_deque_steal(&victim->conts, &cont) == RV_STEAL_OK) {
        rv_ready_push_local(self, cont);
        n++;
    }
    if (first != NULL) {
        rv_ready_push_local(self, first);
    }
    return n;
}

static unsigned help(struct rv_worker *self, struct rv_worker *victim, int64_t now_ns)
{
    rv_store_relaxed(&victim->is_wanted, 1);
    unsigned n = take_private(self, victim);
    if (rv_load_relaxed(&victim->timers.next_ns) <= now_ns) {
        n += rv_timers_fire(&victim->timers, now_ns);
    }
    n += self->runtime->poller->rescue(self, victim);
    if (n > 0) {
        rv_count(&self->count.rescues, n);
        rv_idle_notify(self->runtime); /* all but one can be had by others now */
    }
    return n;
}

/* Lock held, debug mode: says once of each step that it takes too long. */
static RV_COLD void note_stuck(struct rv_worker *victim, int64_t *since_ns, int64_t now_ns)
{
    if (*since_ns == 0) {
        *since_ns = now_ns;
    } else if (*since_ns > 0 && now_ns - *since_ns > RV_WATCH_STUCK_NS) {
        rv_debug_report_stuck(victim, now_ns - *since_ns);
        *since_ns = -1;
    }
}

/* Lock held. */
static unsigned look(struct rv_worker *self, int64_t now_ns)
{
    struct rove_runtime *runtime = self->runtime;
    struct rv_watch *watch = &runtime->watch;
    unsigned n = 0;
    bool is_stuck = false;
    rv_store_relaxed(&watch->looked_ns, now_ns); /* first: the others need not try */
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        struct rv_worker *w = &runtime->workers[i];
        uint64_t step = rv_load_relaxed(&w->step);
        if (w != self && step == watch->seen[i] && rv_load_relaxed(&w->is_running)) {
            is_stuck = true;
            n += help(self, w, now_ns);
            if (RV_UNLIKELY(runtime->options.debug)) {
                note_stuck(w, &watch->stuck_ns[i], now_ns);
            }
        } else {
            watch->stuck_ns[i] = 0;
        }
        watch->seen[i] = step;
    }
    int64_t interval = is_stuck ? RV_WATCH_MIN_NS : rv_load_relaxed(&watch->interval_ns) * 2;
    interval = interval > RV_WATCH_MAX_NS ? RV_WATCH_MAX_NS : interval;
    rv_store_relaxed(&watch->interval_ns, interval);
    return n;
}

unsigned rv_watch_poll(struct rv_worker *self, int64_t now_ns)
{
    struct rv_watch *watch = &self->runtime->watch;
    if (now_ns - rv_load_relaxed(&watch->looked_ns) < RV_WATCH_BUSY_NS ||
        rv_lock_is_held(&watch->lock) || !rv_lock_try(&watch->lock)) {
        return 0;
    }
    unsigned n = look(self, now_ns);
    rv_lock_release(&watch->lock);
    return n;
}

static bool is_anyone_awake(const struct rv_idle *idle)
{
    return rv_load_relaxed(&idle->sleeping) < idle->worker_count;
}

int64_t rv_watch_begin(struct rv_worker *self, int64_t now_ns, int64_t deadline_ns)
{
    struct rv_idle *idle = &self->runtime->idle;
    if (!is_anyone_awake(idle)) {
        return deadline_ns;
    }
    if (!self->is_watching) {
        uint32_t nobody = 0;
        /* order: seq_cst I2. Before its own look at who is awake; one watcher at a time. */
        if (!rv_cas_seq_cst(&idle->watching, &nobody, 1)) {
            return deadline_ns;
        }
        self->is_watching = true;
    }
    int64_t look_at = rv_clock_add(now_ns, rv_load_relaxed(&self->runtime->watch.interval_ns));
    return look_at < deadline_ns ? look_at : deadline_ns;
}

RV_HOT void rv_watch_end(struct rv_worker *self)
{
    struct rv_idle *idle = &self->runtime->idle;
    if (!self->is_watching) {
        return;
    }
    struct rv_watch *watch = &self->runtime->watch;
    int64_t now_ns = self->now_ns;
    if (now_ns - rv_load_relaxed(&watch->looked_ns) >= RV_WATCH_MIN_NS &&
        rv_lock_try(&watch->lock)) {
        look(self, now_ns);
        rv_lock_release(&watch->lock);
    }
    self->is_watching = false;
    /* order: release I2. Its looks before nobody watches; pairs with rv_watch_begin. */
    rv_store_release(&idle->watching, 0);
}

RV_HOT bool rv_watch_is_off(const struct rv_worker *self)
{
    const struct rv_idle *idle = &self->runtime->idle;
    return rv_load_relaxed(&idle->watching) == 0 && rv_load_relaxed(&idle->sleeping) > 0;
}

void rv_watch_left_behind(struct rv_worker *self)
{
    if (self->tick > 1 && rv_watch_is_off(self)) {
        self->tick = 1;
    }
}

bool rv_watch_is_needed(struct rv_worker *self)
{
    struct rove_runtime *runtime = self->runtime;
    if (rv_load_relaxed(&runtime->idle.watching) != 0) {
        return false;
    }
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        struct rv_worker *w = &runtime->workers[i];
        if (w != self && rv_runq_private_hint(&w->runq) > 0) {
            return true;
        }
    }
    return false;
}
