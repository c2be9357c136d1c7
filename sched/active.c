// SPDX-License-Identifier: MIT
/*
 * Purpose: how many workers run, sched/active.h.
 */
#include "sched/active.h"

#include "core/clock.h"
#include "core/os.h"
#include "sched/idle.h"
#include "sched/ready.h"
#include "sched/runtime.h"
#include "sched/steal.h"
#include "sched/watch.h"
#include "sched/worker.h"

#include <syslog.h>

#define WINDOW_NS 10000000 /* some turns of the kernel's scheduler */
#define SETTLE_NS 10000000 /* after a change: what waits on the rings of others comes in */
#define TRIAL_NS 20000000
#define LOOK_NS 1000000    /* arbitrary: some thousandths of a processor */
#define STILL_LOOKS 20     /* arbitrary */
#define STUCK_LOOKS 20     /* arbitrary: longer than most wait for a processor */
#define CALM_WINDOWS 3     /* arbitrary */
#define RATE_LEAST 10000   /* arbitrary: fewer operations a second do not wait for each other */
#define WANT_LEAST 100     /* thousandths of a processor more than they were given; arbitrary */
#define WAITED_LEAST 200   /* thousandths of what they want; arbitrary */
#define CALM_MOST 400      /* thousandths of a processor for each; arbitrary */
#define SPARE 150          /* thousandths of a processor that are noise */
#define PAUSE_MIN_NS INT64_C(50000000)
#define PAUSE_MAX_NS INT64_C(16000000000)
#define HOLD_MIN_NS INT64_C(500000000)
#define HOLD_MAX_NS INT64_C(8000000000)

/* Twice as long as last time, within bounds. */
static int64_t twice(int64_t ns, int64_t min_ns, int64_t max_ns)
{
    int64_t twice_ns = ns * 2;
    return twice_ns < min_ns ? min_ns : twice_ns > max_ns ? max_ns : twice_ns;
}

/* How many of those who run are too many: they want more than they get, wait for it, and as many as
 * the processors that they were given would do. 0: that cannot be said. */
static uint32_t count_surplus(const struct rv_active_sight *s, uint32_t active)
{
    uint32_t wanted = s->used + s->waited;
    uint32_t given = s->used < 1000 ? 1 : (s->used + 1000 - SPARE) / 1000;
    bool is_crowded = s->rate >= RATE_LEAST && wanted >= given * (1000 + WANT_LEAST) &&
                      s->waited >= (uint64_t)wanted * WAITED_LEAST / 1000;
    return is_crowded && given < active ? active - given : 0;
}

static uint32_t begin_trial(struct rv_active *a, const struct rv_active_sight *s, uint32_t aside)
{
    uint32_t surplus = count_surplus(s, s->workers - aside);
    if (surplus == 0 && aside == 0) {
        return 0;
    }
    a->aside_before = aside;
    a->waited = s->waited;
    if (surplus > 0) {
        a->phase = RV_ACTIVE_FEWER;
        return aside + surplus;
    }
    a->phase = RV_ACTIVE_MORE;
    return aside / 2;
}

static uint32_t go_on(struct rv_active *a, const struct rv_active_sight *s, uint32_t aside)
{
    uint32_t active = s->workers - aside;
    a->rate = a->rate == 0 ? s->rate : (a->rate + s->rate) / 2;
    bool is_calm = s->used + s->waited < active * CALM_MOST || s->rate < RATE_LEAST;
    a->calm = is_calm ? a->calm + 1 : 0;
    if (aside > 0 && a->calm >= CALM_WINDOWS) {
        a->next_trial_ns = 0;
        a->rate = 0;
        return 0;
    }
    return s->now_ns < a->next_trial_ns ? aside : begin_trial(a, s, aside);
}

/* Fewer are right if they wait less than half as long and get as much done. A window may lie: a
 * trial that failed is repeated, and one that did not is asked after by one with more. */
static uint32_t end_trial_of_fewer(struct rv_active *a, const struct rv_active_sight *s,
                                   uint32_t aside)
{
    if (s->waited <= a->waited / 2 && s->rate >= a->rate) {
        a->hold_ns = a->hold_ns / 2 < HOLD_MIN_NS ? HOLD_MIN_NS : a->hold_ns / 2;
        a->next_trial_ns = s->now_ns + a->hold_ns;
        a->pause_ns /= 2;
        a->rate = s->rate;
        return aside;
    }
    a->pause_ns = twice(a->pause_ns, PAUSE_MIN_NS, PAUSE_MAX_NS);
    a->next_trial_ns = s->now_ns + a->pause_ns;
    return a->aside_before;
}

static uint32_t end_trial_of_more(struct rv_active *a, const struct rv_active_sight *s,
                                  uint32_t aside)
{
    if (count_surplus(s, s->workers - aside) == 0) { /* the crowd is gone */
        a->pause_ns = 0;
        a->next_trial_ns = s->now_ns;
        a->rate = s->rate;
        return aside;
    }
    if (s->rate > a->rate) { /* they wait, and get more done: not to be asked again soon */
        a->pause_ns = twice(a->pause_ns, PAUSE_MIN_NS, PAUSE_MAX_NS);
        a->next_trial_ns = s->now_ns + a->pause_ns;
        a->rate = s->rate;
        return aside;
    }
    a->hold_ns = twice(a->hold_ns, HOLD_MIN_NS, HOLD_MAX_NS);
    a->next_trial_ns = s->now_ns + a->hold_ns;
    return a->aside_before;
}

uint32_t rv_active_decide(struct rv_active *a, const struct rv_active_sight *sight)
{
    uint32_t aside = rv_load_relaxed(&a->aside);
    enum rv_active_phase phase = a->phase;
    a->phase = RV_ACTIVE_STEADY;
    switch (phase) {
    case RV_ACTIVE_FEWER:
        return end_trial_of_fewer(a, sight, aside);
    case RV_ACTIVE_MORE:
        return end_trial_of_more(a, sight, aside);
    default:
        return go_on(a, sight, aside);
    }
}

static uint64_t count_operations(const struct rove_runtime *runtime)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        n += rv_load_relaxed(&runtime->workers[i].count.ops_completed);
    }
    return n;
}

static void sum_shares(const struct rove_runtime *runtime, struct rv_active_sight *sight)
{
    unsigned active = rv_active_count(runtime);
    for (unsigned i = 0; i < active; i++) {
        const struct rv_pace *p = &runtime->workers[i].pace;
        if (sight->now_ns - rv_load_relaxed(&p->shared_ns) < 2 * WINDOW_NS) {
            sight->used += rv_load_relaxed(&p->used);
            sight->waited += rv_load_relaxed(&p->waited);
        } /* else it sleeps */
    }
}

/* Lock held. */
static void set_aside(struct rv_active *a, uint32_t aside, int64_t now_ns)
{
    a->is_settling = aside != rv_load_relaxed(&a->aside);
    rv_store_relaxed(&a->aside, aside);
    a->began_ns = now_ns;
    int64_t window_ns = a->phase == RV_ACTIVE_STEADY ? WINDOW_NS : TRIAL_NS;
    a->due_ns = now_ns + (a->is_settling ? SETTLE_NS : window_ns);
}

/* Lock held, the window is over. */
static void judge(struct rove_runtime *runtime, int64_t now_ns)
{
    struct rv_active *a = &runtime->active;
    uint32_t aside = rv_load_relaxed(&a->aside);
    uint64_t ops = count_operations(runtime);
    int64_t lasted_ns = now_ns - a->began_ns;
    bool is_short = lasted_ns < 2 * TRIAL_NS; /* else all slept, or steps are that long: calm */
    if (!a->is_settling && (is_short || (aside > 0 && a->phase == RV_ACTIVE_STEADY))) {
        struct rv_active_sight sight = {.now_ns = now_ns, .workers = runtime->worker_count};
        sight.rate = (int64_t)(ops - a->began_ops) * 1000 / (lasted_ns / 1000000);
        sum_shares(runtime, &sight);
        aside = rv_active_decide(a, &sight);
    }
    a->began_ops = ops;
    set_aside(a, aside, now_ns);
}

/* All run, as if there had never been a crowd. */
static void forget(struct rv_active *a, int64_t now_ns)
{
    rv_lock_acquire(&a->lock);
    a->phase = RV_ACTIVE_STEADY;
    a->next_trial_ns = 0;
    a->rate = 0;
    set_aside(a, 0, now_ns);
    rv_lock_release(&a->lock);
}

void rv_active_start(struct rv_worker *w)
{
    struct rove_runtime *runtime = w->runtime;
    struct rv_pace *p = &w->pace;
    bool may = runtime->worker_count > 1 && !runtime->options.debug;
    p->fd = may ? rv_os_turns_open() : -1;
    p->due_ns = may ? 0 : INT64_MAX;
}

void rv_active_stop(struct rv_worker *w)
{
    if (w->pace.fd >= 0) {
        rv_os_turns_close(w->pace.fd);
    }
}

unsigned rv_active_count(const struct rove_runtime *runtime)
{
    return runtime->worker_count - rv_load_relaxed(&runtime->active.aside);
}

RV_HOT bool rv_active_is_aside(const struct rv_worker *w)
{
    return w->idx >= rv_active_count(w->runtime);
}

static uint32_t thousandths(int64_t part_ns, int64_t whole_ns)
{
    return part_ns <= 0 ? 0 : part_ns >= whole_ns ? 1000 : (uint32_t)(part_ns * 1000 / whole_ns);
}

/* False: the kernel does not say. */
static bool take_shares(struct rv_pace *p, int64_t now_ns)
{
    struct rv_os_turns turns;
    int64_t whole_ns = now_ns - p->at_ns;
    if (!rv_os_turns_read(p->fd, &turns)) {
        return false;
    }
    if (whole_ns > 0) {
        rv_store_relaxed(&p->used, thousandths(turns.used_ns - p->turns.used_ns, whole_ns));
        rv_store_relaxed(&p->waited,
                         thousandths(turns.waited_ns - p->turns.waited_ns, whole_ns));
        rv_store_relaxed(&p->shared_ns, now_ns);
    }
    p->at_ns = now_ns;
    p->turns = turns;
    return true;
}

/* Nobody is awake but those who stand aside, and little was done since the last look. (Among the
 * announced sleepers are those who slept before they were to stand aside.) */
static bool is_still(const struct rove_runtime *runtime, struct rv_pace *p)
{
    unsigned active = rv_active_count(runtime);
    for (unsigned i = 0; i < active; i++) {
        if (rv_load_relaxed(&runtime->workers[i].is_running) != 0) {
            return false;
        }
    }
    uint64_t before = p->ops;
    p->ops = count_operations(runtime);
    return p->ops - before < RATE_LEAST / (1000000000 / LOOK_NS);
}

/* Looks at the next of those who run. */
static void turn_to_next(const struct rove_runtime *runtime, struct rv_pace *p)
{
    p->seen = p->seen + 1 < rv_active_count(runtime) ? p->seen + 1 : 0;
    const struct rv_worker *seen = &runtime->workers[p->seen];
    p->seen_step = rv_load_relaxed(&seen->step);
    p->seen_used_ns = rv_os_turns_used_by(seen->tid);
    p->seen_looks = 0;
}

/*
 * One who runs computes in the same step as at the last look. If it only waits for a processor, it
 * has the one on which this worker does not run, sooner than anybody could help. But after a while
 * it does not matter what it does: it may wait in a call for what only another task brings about.
 * A look at one of them is enough: they look after each other (watch.c).
 */
static bool is_stuck(const struct rove_runtime *runtime, struct rv_pace *p)
{
    const struct rv_worker *seen = &runtime->workers[p->seen];
    bool is_same = p->seen < rv_active_count(runtime) &&
                   rv_load_relaxed(&seen->step) == p->seen_step &&
                   rv_load_relaxed(&seen->is_running) != 0;
    if (!is_same) {
        turn_to_next(runtime, p);
        return false;
    }
    int64_t before_ns = p->seen_used_ns;
    p->seen_used_ns = rv_os_turns_used_by(seen->tid);
    p->seen_looks++;
    return p->is_helping || p->seen_looks >= STUCK_LOOKS ||
           p->seen_used_ns - before_ns > LOOK_NS / 2;
}

void rv_active_force(struct rove_runtime *runtime, uint32_t aside)
{
    struct rv_active *a = &runtime->active;
    rv_lock_acquire(&a->lock);
    rv_store_relaxed(&a->is_off, 1);
    set_aside(a, aside, 0);
    rv_lock_release(&a->lock);
}

static void look_from_aside(struct rv_worker *w, int64_t now_ns)
{
    struct rv_pace *p = &w->pace;
    if (now_ns < p->look_ns) {
        return;
    }
    p->look_ns = now_ns + LOOK_NS;
    p->is_helping = is_stuck(w->runtime, p); /* or no more: it goes on by itself */
    if (p->is_helping) {
        rv_store_relaxed(&w->runtime->workers[p->seen].is_wanted, 1); /* to judge, too */
    }
    p->still = is_still(w->runtime, p) ? p->still + 1 : 0;
    if (p->still == STILL_LOOKS) {
        p->still = 0;
        forget(&w->runtime->active, now_ns);
    }
}

/* What there is to say after a judgement, if anything. */
static void tell(struct rove_runtime *runtime, uint32_t aside)
{
    if (aside == 0) {
        rv_runtime_log(runtime, LOG_INFO, "rove: all %u workers run", runtime->worker_count);
    } else {
        rv_runtime_log(runtime, LOG_INFO, "rove: %u of %u workers run: others use the processors",
                       runtime->worker_count - aside, runtime->worker_count);
    }
}

static void judge_if_due(struct rv_worker *w, int64_t now_ns)
{
    struct rv_active *a = &w->runtime->active;
    if (!rv_lock_try(&a->lock)) {
        return;
    }
    if (now_ns >= a->due_ns && rv_load_relaxed(&a->is_off) == 0) {
        judge(w->runtime, now_ns);
    }
    uint32_t aside = rv_load_relaxed(&a->aside);
    bool is_news = a->phase == RV_ACTIVE_STEADY && aside != a->told;
    a->told = is_news ? aside : a->told;
    rv_lock_release(&a->lock);
    if (is_news) {
        tell(w->runtime, aside);
    }
}

void rv_active_look(struct rv_worker *w, int64_t now_ns)
{
    struct rv_active *a = &w->runtime->active;
    if (RV_UNLIKELY(rv_active_is_aside(w))) {
        look_from_aside(w, now_ns);
    } else if (RV_LIKELY(now_ns < w->pace.due_ns)) {
        return;
    } else if (rv_load_relaxed(&a->is_off) == 0 && take_shares(&w->pace, now_ns)) {
        w->pace.due_ns = now_ns + WINDOW_NS / 2;
        judge_if_due(w, now_ns);
    } else { /* once: its own file cannot be read, or another's, or a test decides */
        w->pace.due_ns = INT64_MAX;
        if (rv_exchange_relaxed(&a->is_off, 1) == 0) {
            forget(a, now_ns);
        }
    }
}

/* Helping, and with nothing left: what thieves may take. */
static struct rv_task *take_of_others(struct rv_worker *w)
{
    rv_idle_start_search(w);
    struct rv_task *t = rv_steal_search(w);
    w->thief.is_churn = false; /* it does not doze */
    return t;
}

struct rv_task *rv_active_pick(struct rv_worker *w)
{
    bool *is_helping = &w->pace.is_helping;
    struct rv_task *t;
    while ((t = rv_ready_pick_fair(w)) != NULL && !*is_helping && !rv_ready_is_bound(t)) {
        rv_runtime_inject(w->runtime, t);
    }
    if (t == NULL && *is_helping) {
        t = take_of_others(w);
        *is_helping = t != NULL;
    }
    if (w->is_searching && rv_idle_stop_search(w) &&
        (rv_steal_is_work_visible(w) || rv_watch_is_needed(w))) {
        rv_idle_notify(w->runtime); /* as any last searcher (idle.c) */
    }
    return t;
}

int64_t rv_active_begin_sleep(struct rv_worker *w)
{
    int64_t next_ns = rv_load_relaxed(&w->timers.next_ns);
    rv_store_relaxed(&w->pace.is_aside, 1);
    /* order: full I4. The note before the last look; pairs with rv_idle_wake_worker. */
    rv_fence_full();
    if (!rv_inbox_is_empty(&w->inbox) || rv_load_relaxed(&w->runtime->is_stopping) == 2) {
        return 0;
    }
    return next_ns < w->pace.look_ns ? next_ns : w->pace.look_ns;
}

void rv_active_end_sleep(struct rv_worker *w)
{
    rv_store_relaxed(&w->pace.is_aside, 0);
}
