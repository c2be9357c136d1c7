// SPDX-License-Identifier: MIT
/*
 * Purpose: deadlines of tasks, over a heap for each worker. timer.h has the idea.
 *
 * Threads: arm on a worker's own thread; disarm and fire on any. Everything under the heap's lock,
 * but for next_ns, a hint for those who decide when to look.
 * Cost: arm and disarm one lock each and O(log4 n); no system call (the reactor sleeps until
 * next_ns).
 */
#include "sched/timer.h"

#include "core/check.h"
#include "sched/current.h"
#include "sched/watch.h"
#include "sched/worker.h"

#include <errno.h>

#define RV_TIMER_FIRE_BATCH 64 /* lock hold time stays in the microseconds; arbitrary */
#define RV_TIMER_AHEAD_BELOW ((uintptr_t)2 * RV_CACHE_LINE)
#define RV_TIMER_AHEAD_LINES 8 /* bench/timers */

int rv_timers_init(struct rv_timers *ts)
{
    *ts = (struct rv_timers){0};
    rv_heap_init(&ts->heap);
    rv_store_relaxed(&ts->next_ns, INT64_MAX);
    return 0;
}

void rv_timers_fini(struct rv_timers *ts)
{
    RV_CHECK(rv_heap_count(&ts->heap) == 0, "no timer outlives its worker");
    rv_heap_fini(&ts->heap);
}

static void note_next(struct rv_timers *ts)
{
    rv_store_relaxed(&ts->next_ns, rv_heap_min_key(&ts->heap));
}

int rv_timer_arm(struct rv_timer *t, int64_t deadline_ns, void (*fire)(struct rv_timer *))
{
    struct rv_worker *w = rv_current_worker();
    RV_CHECK(w != NULL, "timers are armed on a worker");
    t->worker = w;
    t->fire = fire;
    t->deadline_ns = deadline_ns;
    rv_lock_acquire(&w->timers.lock);
    int rc = rv_heap_push(&w->timers.heap, &t->node, deadline_ns);
    if (rc == 0) {
        w->timers.armed++;
        note_next(&w->timers);
    }
    rv_lock_release(&w->timers.lock);
    rv_watch_left_behind(w);
    return rc;
}

bool rv_timer_disarm(struct rv_timer *t)
{
    struct rv_timers *ts = &t->worker->timers;
    rv_lock_acquire(&ts->lock);
    bool was_armed = t->node.slot != RV_HEAP_NONE;
    if (was_armed) {
        rv_heap_remove(&ts->heap, &t->node);
        note_next(ts);
    }
    rv_lock_release(&ts->lock);
    return was_armed;
}

/*
 * A timer lies in the frames of who sleeps: its context some lines below, its first frames and its
 * seat above. Those of a million sleepers have left the caches, and are wanted in this order: the
 * timer, then all of them at once when the task goes on.
 */
static void prefetch_sleeper(const struct rv_heap_node *node)
{
    const uintptr_t at = (uintptr_t)node; /* a number: what it makes may lie outside of the stack */
    if (node != NULL) {
        for (uintptr_t line = 0; line < RV_TIMER_AHEAD_LINES; line++) {
            __builtin_prefetch((const void *)(at - RV_TIMER_AHEAD_BELOW + line * RV_CACHE_LINE), 1);
        }
    }
}

static unsigned fire_some(struct rv_timers *ts, int64_t now_ns)
{
    unsigned n = 0;
    rv_lock_acquire(&ts->lock);
    while (n < RV_TIMER_FIRE_BATCH && rv_heap_min_key(&ts->heap) <= now_ns) {
        struct rv_heap_node *node = rv_heap_pop(&ts->heap);
        struct rv_timer *t = rv_container_of(node, struct rv_timer, node);
        n++;
        ts->fired++;
        prefetch_sleeper(rv_heap_first(&ts->heap));
        t->fire(t); /* t may be gone from here on */
    }
    note_next(ts);
    rv_lock_release(&ts->lock);
    return n;
}

unsigned rv_timers_fire(struct rv_timers *ts, int64_t now_ns)
{
    unsigned n = 0;
    unsigned batch;
    do {
        batch = fire_some(ts, now_ns);
        n += batch;
    } while (batch == RV_TIMER_FIRE_BATCH);
    return n;
}
