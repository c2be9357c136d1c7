// SPDX-License-Identifier: MIT
/*
 * Purpose: the sleep protocol: no task stays visible and unseen while a worker sleeps.
 *
 * Idea: two patterns, a full fence in the middle of each (house rule 22):
 *
 *     who makes work visible            who goes to sleep
 *     1 queue the task                  1 enter `sleepers`, sleeping += 1
 *     2 full fence                      2 full fence
 *     3 searching > 0 ? nothing         3 look at every queue once more
 *       : sleeping > 0 ? wake one         work there ? retract : sleep in the kernel
 *
 * Not both can miss: either 3 on the left sees the sleeper, or 3 on the right sees the task. If the
 * left one leaves it to a searcher, that searcher either finds the task, or ends its search (the
 * decrement of `searching` comes before the fence of its own announcement) and then looks again.
 * A searcher that finds work and was the last one wakes another, so a burst spreads as 1, 2, 4 ..
 *
 * Invariant: a task in a run queue, in the injection queue or the second in a deque implies
 * searching > 0, or nobody sleeps, or some worker stands between its steps 1 and 3.
 * Counting a woken worker as a searcher from the moment it is chosen keeps it true on the way.
 *
 * A calm (`calm`, set by a worker that sleeps for a short time only, steal.c) weakens this for
 * short queues: their owner tells nobody. It ends with a search, counted, of the worker that slept,
 * or of the one that this one wakes if it finds other work first; so a task waits 50 us longer, or
 * 400 if its queue was empty at each look before, and is not lost. The calm's end and the look at
 * it are a third pair of the pattern above.
 *
 * Rejected: one fence for every push (4.9 ns of a 10 ns switch): a push onto a queue that is not
 * empty pays none, see ready.c. It may miss, for the time of a store buffer, that a thief has just
 * taken the rest; then the task is its owner's next, and the watcher's if that computes (watch.c).
 * Waking as many as there are tasks: lines bounce, see DESIGN 3.
 * Threads: any; `sleepers` under the lock.
 */
#include "sched/idle.h"

#include "core/check.h"
#include "sched/poller.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <errno.h>
#include <stdlib.h>

#define RV_IDLE_TURNS 64 /* arbitrary: a microsecond */

int rv_idle_init(struct rv_idle *idle, unsigned worker_count)
{
    *idle = (struct rv_idle){.worker_count = worker_count};
    idle->sleepers = calloc(worker_count, sizeof(struct rv_worker *));
    return idle->sleepers == NULL ? -ENOMEM : 0;
}

void rv_idle_fini(struct rv_idle *idle)
{
    free(idle->sleepers);
    idle->sleepers = NULL;
}

/* Lock held: takes the sleeper at this place out; it counts as searching from now on. */
static struct rv_worker *take_sleeper(struct rv_idle *idle, uint32_t place)
{
    struct rv_worker *w = idle->sleepers[place];
    uint32_t count = rv_load_relaxed(&idle->sleeping) - 1;
    idle->sleepers[place] = idle->sleepers[count];
    w->is_listed = false;
    rv_store_relaxed(&idle->sleeping, count);
    /* order: relaxed. Ordered by the lock for sleepers, by the fence in rv_idle_notify for
     * wakers. */
    rv_fetch_add_relaxed(&idle->searching, 1);
    return w;
}

/*
 * For the lock, unless another wakes one meanwhile: on many cores all of them see at once that
 * nobody searches, and would queue for the lock one after the other to see that somebody does.
 */
static bool acquire_to_wake(struct rv_idle *idle)
{
    for (unsigned turn = 0; turn < RV_IDLE_TURNS; turn++) {
        if (rv_load_relaxed(&idle->searching) != 0 || rv_load_relaxed(&idle->sleeping) == 0) {
            return false;
        }
        if (!rv_lock_is_held(&idle->lock) && rv_lock_try(&idle->lock)) {
            return true;
        }
        rv_cpu_relax();
    }
    rv_lock_acquire(&idle->lock);
    return true;
}

static RV_NOINLINE void wake_one(struct rove_runtime *runtime)
{
    struct rv_idle *idle = &runtime->idle;
    struct rv_worker *w = NULL;
    if (!acquire_to_wake(idle)) {
        return;
    }
    uint32_t count = rv_load_relaxed(&idle->sleeping);
    if (count > 0 && rv_load_relaxed(&idle->searching) == 0) {
        w = take_sleeper(idle, count - 1);
    }
    rv_lock_release(&idle->lock);
    if (w != NULL) {
        runtime->poller->wake(w);
    }
}

/* PATH 4/14 -> sched/worker.c loop */
void rv_idle_notify(struct rove_runtime *runtime)
{
    struct rv_idle *idle = &runtime->idle;
    /* order: full I1. The queued task before the look at sleepers; pairs with rv_idle_announce. */
    rv_fence_full();
    if (rv_load_relaxed(&idle->searching) == 0 && rv_load_relaxed(&idle->sleeping) > 0) {
        wake_one(runtime);
    }
}

void rv_idle_notify_queued(struct rove_runtime *runtime)
{
    struct rv_idle *idle = &runtime->idle;
    /* order: full I1. The queued task before the look at calm and at sleepers; pairs with
     * rv_idle_end_calm and rv_idle_announce. */
    rv_fence_full();
    if (rv_load_relaxed(&idle->calm) == 0 && rv_load_relaxed(&idle->searching) == 0 &&
        rv_load_relaxed(&idle->sleeping) > 0) {
        wake_one(runtime);
    }
}

void rv_idle_hint(struct rv_worker *w)
{
    struct rv_idle *idle = &w->runtime->idle;
    if (rv_load_relaxed(&w->current) == NULL || idle->worker_count == 1) {
        return; /* the scheduler context runs the task next; nobody could help */
    }
    /* Relaxed: who misses a watcher that just left is helped at its next queueing or look. */
    if (rv_load_relaxed(&idle->watching) == 0 && rv_load_relaxed(&idle->searching) == 0 &&
        rv_load_relaxed(&idle->sleeping) > 0) {
        wake_one(w->runtime);
    }
}

bool rv_idle_wake_worker(struct rv_worker *w)
{
    struct rv_idle *idle = &w->runtime->idle;
    bool is_chosen = false;
    /* order: full I1, I4. The inbox before the looks; pairs with rv_idle_announce and
     * rv_active_begin_sleep. */
    rv_fence_full();
    if (rv_load_relaxed(&idle->sleeping) > 0) {
        rv_lock_acquire(&idle->lock);
        for (uint32_t i = 0; i < rv_load_relaxed(&idle->sleeping) && !is_chosen; i++) {
            if (idle->sleepers[i] == w) {
                take_sleeper(idle, i);
                is_chosen = true;
            }
        }
        rv_lock_release(&idle->lock);
    }
    /* order: relaxed I4. The note, after that fence; pairs with rv_active_begin_sleep. */
    if (is_chosen || rv_load_relaxed(&w->pace.is_aside) != 0) {
        w->runtime->poller->wake(w);
        return true;
    }
    return false;
}

void rv_idle_notify_worker(struct rv_worker *w)
{
    if (!rv_idle_wake_worker(w)) {
        rv_store_relaxed(&w->is_wanted, 1);
    }
}

void rv_idle_notify_all(struct rove_runtime *runtime)
{
    struct rv_idle *idle = &runtime->idle;
    for (unsigned i = 0; i < idle->worker_count; i++) {
        rv_idle_notify_worker(&runtime->workers[i]);
    }
}

void rv_idle_start_search(struct rv_worker *w)
{
    if (!w->is_searching) {
        /* order: relaxed I3. Who sees it leaves its task to the look that follows the search. */
        rv_fetch_add_relaxed(&w->runtime->idle.searching, 1);
        w->is_searching = true;
    }
}

bool rv_idle_try_search(struct rv_worker *w)
{
    struct rv_idle *idle = &w->runtime->idle;
    if (w->is_searching) {
        return true;
    }
    uint32_t awake = idle->worker_count - rv_load_relaxed(&idle->sleeping);
    if (rv_load_relaxed(&idle->searching) * 2 >= awake) {
        return false;
    }
    rv_idle_start_search(w);
    return true;
}

bool rv_idle_stop_search(struct rv_worker *w)
{
    RV_ASSERT(w->is_searching, "only a searcher ends its search");
    w->is_searching = false;
    uint32_t before = rv_fetch_sub_relaxed(&w->runtime->idle.searching, 1);
    /* order: full I3. The decrement before the last look; pairs with rv_idle_notify's fence. */
    rv_fence_after_update();
    RV_CHECK(before > 0, "searchers are counted");
    return before == 1;
}

RV_HOT void rv_idle_announce(struct rv_worker *w)
{
    struct rv_idle *idle = &w->runtime->idle;
    if (w->is_searching) {
        rv_idle_stop_search(w);
    }
    rv_lock_acquire(&idle->lock);
    uint32_t count = rv_load_relaxed(&idle->sleeping);
    RV_CHECK(count < idle->worker_count, "a worker sleeps once");
    idle->sleepers[count] = w;
    w->is_listed = true;
    rv_store_relaxed(&idle->sleeping, count + 1);
    rv_lock_release(&idle->lock);
    /* order: full I1. The announcement before the last look; pairs with rv_idle_notify. */
    rv_fence_full();
}

bool rv_idle_begin_calm(struct rv_worker *w)
{
    uint32_t nobody = 0;
    /* order: relaxed. Who sees it a little late wakes somebody; it orders nothing. */
    w->thief.is_dozing = rv_cas_relaxed(&w->runtime->idle.calm, &nobody, 1);
    return w->thief.is_dozing;
}

void rv_idle_end_calm(struct rv_worker *w)
{
    w->thief.is_dozing = false;
    rv_store_relaxed(&w->runtime->idle.calm, 0);
    /* order: full I1. Calm is over before the search; pairs with rv_idle_notify_queued. */
    rv_fence_full();
    rv_idle_start_search(w);
}

RV_HOT void rv_idle_retract(struct rv_worker *w)
{
    struct rv_idle *idle = &w->runtime->idle;
    rv_lock_acquire(&idle->lock);
    if (w->is_listed) {
        uint32_t count = rv_load_relaxed(&idle->sleeping);
        uint32_t place = 0;
        while (idle->sleepers[place] != w) {
            place++;
            RV_CHECK(place < count, "a listed worker is among the sleepers");
        }
        idle->sleepers[place] = idle->sleepers[count - 1];
        rv_store_relaxed(&idle->sleeping, count - 1);
        w->is_listed = false;
    } else {
        rv_count(&w->count.wakeups, 1);
        w->thief.is_woken = true;
        w->is_searching = true; /* whoever took it out of the list counted it */
    }
    rv_lock_release(&idle->lock);
}
