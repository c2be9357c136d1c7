// SPDX-License-Identifier: MIT
/*
 * Purpose: what a worker without work takes from the others, and what it leaves to them.
 *
 * Idea: an eager parent is taken at once, and half of a long queue. Tasks in a short one are taken
 * on trial. If they end here, or keep the thief busy for a millisecond, it was right to take them.
 * If instead they are gone in no time, woken by their partners and so back on the other worker,
 * they hand messages to each other: spread over two processors they only pass the lines of their
 * channel to and fro, at ten times the cost of the work (bench/channel, bench/queue, bench/select).
 * Then the next trial waits for RV_STEAL_TRIAL_PRICE times as long as this one lasted, and until
 * then only what lingers is taken: tasks that were queued at one look and still are at the next.
 *
 * A worker that has left tasks to their owner, or was woken a few times for tasks that were gone
 * when it came, dozes: it sleeps as any other, but for RV_STEAL_DOZE_NS or a few times that, and
 * while it does nobody is woken for one more queued task (idle.c, `calm`). Then it looks again.
 *
 * What lingers is told by the counters of the queue, without a clock: an index below the end that
 * was seen is still at or behind head.
 *
 * Threads: owner; the queues are everybody's.
 * Rejected: only what lingers, and no trials: pairs and yielding tasks that have nothing to do with
 * each other stayed on one worker (rove-cores: 1.3 times as fast on 4 cores instead of 2.8).
 * The time of each push in the queue: a look at the clock for each.
 */
#include "sched/steal.h"

#include "core/clock.h"
#include "sched/ready.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <errno.h>
#include <stdlib.h>

#define RV_STEAL_ROUNDS 8             /* a microsecond or two; arbitrary */
#define RV_STEAL_VAIN 8                /* arbitrary */
#define RV_STEAL_DOZE_NS 50000         /* as the watcher's first look */
#define RV_STEAL_DOUBLINGS 3           /* 400 us, if there was nothing each time */
#define RV_STEAL_TRIAL_PRICE 4         /* bad trials fill a fifth of the time; arbitrary */
#define RV_STEAL_TRIAL_LEAST_NS 1000
#define RV_STEAL_TRIAL_GOOD_NS 1000000 /* arbitrary: more than partners stay apart */

int rv_thief_init(struct rv_thief *thief, unsigned worker_count)
{
    *thief = (struct rv_thief){.seen = calloc(worker_count, sizeof(uint32_t))};
    return thief->seen == NULL ? -ENOMEM : 0;
}

void rv_thief_fini(struct rv_thief *thief)
{
    free(thief->seen);
    thief->seen = NULL;
}

static struct rv_task *take_cont(struct rv_worker *w, struct rv_worker *victim)
{
    void *first = NULL;
    if (rv_deque_steal(&victim->conts, &first) != RV_STEAL_OK) {
        return NULL;
    }
    rv_count(&w->count.steals, 1);
    return first;
}

static struct rv_task *take_half(struct rv_worker *w, struct rv_worker *victim)
{
    void *first = NULL;
    unsigned n = rv_runq_steal(&victim->runq, &w->runq, &first);
    if (n > 0) {
        rv_count(&w->count.steals, n);
    }
    return first;
}

/* One look at every other worker. *churner: its tasks do not linger, or not yet. */
static struct rv_task *look(struct rv_worker *w, bool has_waited, struct rv_worker **churner)
{
    struct rove_runtime *runtime = w->runtime;
    unsigned n = runtime->worker_count;
    unsigned start = (unsigned)rv_rand_below(&w->rand, n);
    *churner = NULL;
    for (unsigned i = 0; i < n; i++) {
        unsigned at = (start + i) % n;
        struct rv_worker *victim = &runtime->workers[at];
        struct rv_task *t = victim == w ? NULL : take_cont(w, victim);
        uint32_t size = victim == w || t != NULL ? 0 : rv_runq_size_hint(&victim->runq);
        if (size > 0) {
            bool lingers = has_waited && rv_runq_is_beyond(&victim->runq, w->thief.seen[at]);
            t = lingers || size >= RV_IDLE_MANY ? take_half(w, victim) : NULL;
            *churner = t == NULL ? victim : *churner;
        }
        if (t != NULL) {
            return t;
        }
    }
    return NULL;
}

/* Notes the end of each queue. Has one moved since the last time? */
static bool remember(struct rv_worker *w)
{
    bool has_moved = false;
    for (unsigned i = 0; i < w->runtime->worker_count; i++) {
        uint32_t tail = rv_runq_tail_hint(&w->runtime->workers[i].runq);
        has_moved = has_moved || (tail != w->thief.seen[i] && i != w->idx);
        w->thief.seen[i] = tail;
    }
    return has_moved;
}

/* Out of work: was the last trial worth it, and when may the next one be? */
static void judge_trial(struct rv_worker *w)
{
    struct rv_thief *thief = &w->thief;
    if (thief->tried_ns != 0) {
        int64_t now_ns = rv_clock_now();
        int64_t lasted_ns = now_ns - thief->tried_ns;
        bool was_good = lasted_ns > RV_STEAL_TRIAL_GOOD_NS ||
                        rv_load_relaxed(&w->count.finished) != thief->tried_finished;
        thief->tried_ns = 0;
        thief->trial_at_ns =
            was_good ? 0 : now_ns + RV_STEAL_TRIAL_LEAST_NS + lasted_ns * RV_STEAL_TRIAL_PRICE;
    }
}

/* Half of a short queue, on trial; or NULL: not now. */
static struct rv_task *try_out(struct rv_worker *w, struct rv_worker *churner)
{
    struct rv_thief *thief = &w->thief;
    int64_t now_ns = rv_clock_now();
    struct rv_task *t = now_ns < thief->trial_at_ns ? NULL : take_half(w, churner);
    if (t != NULL) {
        thief->tried_ns = now_ns;
        thief->tried_finished = rv_load_relaxed(&w->count.finished);
    }
    return t;
}

/* Nothing was there. Is that what it will find whenever it is woken? */
static bool came_in_vain(struct rv_thief *thief, bool has_moved, bool has_dozed)
{
    thief->vain = !has_moved ? 0 : thief->vain + (uint32_t)thief->is_woken;
    thief->is_woken = false;
    return has_moved && (has_dozed || thief->vain >= RV_STEAL_VAIN);
}

/* PATH 6/14 -> sched/worker.c run */
struct rv_task *rv_steal_search(struct rv_worker *w)
{
    struct rv_thief *thief = &w->thief;
    bool has_dozed = thief->is_churn; /* what it remembers is that old */
    bool has_moved = false;
    judge_trial(w);
    thief->is_churn = false;
    for (unsigned round = 0; round < RV_STEAL_ROUNDS && !thief->is_churn; round++) {
        struct rv_worker *churner;
        struct rv_task *t = look(w, has_dozed, &churner);
        if (t == NULL && rv_load_relaxed(&w->runtime->injected_count) > 0) {
            rv_ready_take_injected(w);
            return rv_ready_pick_fair(w);
        }
        if (t == NULL && churner != NULL) {
            t = try_out(w, churner);
            thief->is_churn = t == NULL;
        }
        if (t != NULL) {
            thief->vain = 0;
            thief->is_woken = false;
            return t;
        }
        if (round == 0) {
            has_moved = remember(w);
        }
        rv_cpu_relax();
    }
    thief->dozes = thief->is_churn || !has_dozed ? 0 : thief->dozes + 1;
    thief->is_churn = thief->is_churn || came_in_vain(thief, has_moved, has_dozed);
    return NULL;
}

RV_HOT bool rv_steal_is_work_visible(struct rv_worker *w)
{
    struct rove_runtime *runtime = w->runtime;
    if (rv_load_relaxed(&runtime->injected_count) > 0 || !rv_inbox_is_empty(&w->inbox) ||
        rv_load_relaxed(&runtime->is_stopping) == 2) {
        return true;
    }
    if (w->is_alone) {
        return false;
    }
    uint32_t enough = rv_load_relaxed(&runtime->idle.calm) != 0 ? RV_IDLE_MANY : 1;
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        struct rv_worker *victim = &runtime->workers[i];
        if (rv_runq_size_hint(&victim->runq) >= enough || rv_deque_size_hint(&victim->conts) > 1) {
            return true;
        }
    }
    return false;
}

int64_t rv_steal_doze_until(const struct rv_worker *w, int64_t deadline_ns)
{
    uint32_t dozes = w->thief.dozes;
    uint32_t doublings = dozes < RV_STEAL_DOUBLINGS ? dozes : RV_STEAL_DOUBLINGS;
    int64_t end_ns = w->now_ns + ((int64_t)RV_STEAL_DOZE_NS << doublings);
    if (w->thief.trial_at_ns > w->now_ns && w->thief.trial_at_ns < end_ns) {
        end_ns = w->thief.trial_at_ns;
    }
    return end_ns < deadline_ns ? end_ns : deadline_ns;
}
