// SPDX-License-Identifier: MIT
/*
 * Purpose: who waits for a future is told that it is done: its callbacks, its waiters, the gathers
 * and shields over it.
 *
 * Idea: a chain of gathers and shields is as long as a program likes, a stack is not. An outer
 * future that ends by a cell in a queue is done at once, in its place among the waiters, but its
 * own waiters are told when those of the inner one have been: level by level, as in asyncio. The
 * cells that did it are the list of those to come, with a reference of the outer future each. They
 * are linked by `next` alone: who gives up looks at `prev`, under the inner one's lock, for whether
 * the cell is still queued there.
 *
 * Threads: any, with a reference to the future.
 */
#include "core/check.h"
#include "core/os.h"
#include "sched/callback.h"
#include "sched/future.h"
#include "sched/task.h"

/* The cells of outer futures that are to be told on. */
struct due {
    struct rv_waiter *first, **end;
};

/* The solo waiter stores its cell right after its bit: at most a preempted thread is waited for. */
static struct rv_waiter *wait_for_solo(struct rove_future *f)
{
    struct rv_waiter *w;
    /* order: acquire F2. The cell's fields; pairs with rv_join_list and take_back. */
    for (unsigned spins = 0; (w = rv_load_acquire(&f->solo)) == NULL; spins++) {
        if (spins < 100) {
            rv_cpu_relax();
        } else {
            rv_os_sched_yield();
        }
    }
    return w;
}

static RV_ALWAYS_INLINE void wake_solo(struct rove_future *f)
{
    struct rv_waiter *solo = wait_for_solo(f);
    rv_store_relaxed(&f->solo, NULL); /* at rest again, for a task's next life */
    rv_waiter_fire(solo);
}

static void wake_queue(struct rove_future *f, struct due *due)
{
    rv_lock_acquire(&f->lock);
    struct rv_waiter *w;
    while ((w = rv_waitq_pop(&f->waiters)) != NULL) {
        if (RV_LIKELY(w->on_fire == NULL)) {
            rv_waiter_fire(w);
        } else if (w->on_fire(w)) {
            *due->end = w; /* the last one: its `next` is NULL */
            due->end = &w->next;
        }
    }
    rv_lock_release(&f->lock);
}

/* The same of an outer future, if the cell made it done; it was told nothing yet. */
static void tell_outer(struct rove_future *f, struct due *due)
{
    uint64_t word = rv_load_relaxed(&f->state);
    if ((word & RV_STATE_CALLBACKS) != 0 && !rv_callback_run_all(f)) {
        return; /* they do the rest */
    }
    if (word & RV_STATE_SOLO) {
        wake_solo(f);
    }
    if (word & RV_STATE_WAITERS) {
        wake_queue(f, due);
    }
}

static RV_NOINLINE void wake_levels(struct rove_future *f)
{
    struct due due = {.end = &due.first};
    wake_queue(f, &due);
    for (struct rv_waiter *w = due.first; w != NULL;) {
        struct rove_future *outer = w->owner;
        if (rv_waiter_is_fired(w)) {
            tell_outer(outer, &due);
        }
        w = w->next;
        rove_release(outer);
    }
}

void rv_future_wake_waiters(struct rove_future *f)
{
    uint64_t word = rv_load_relaxed(&f->state);
    if (word & RV_STATE_SOLO) {
        wake_solo(f);
    }
    if (word & RV_STATE_WAITERS) {
        wake_levels(f);
    }
}

static bool is_at_home(const struct rv_waiter *w, const struct rove_runtime *runtime)
{
    const struct rv_task *task = w->task;
    return task == NULL ? w->on_fire != NULL
                        : task->runtime == runtime && !(task->future.flags & RV_TASK_PINNED);
}

bool rv_future_is_awaited_at_home(struct rove_future *f, const struct rove_runtime *runtime)
{
    bool is_home = true;
    if (rv_load_relaxed(&f->state) & RV_STATE_SOLO) {
        is_home = is_at_home(wait_for_solo(f), runtime);
    }
    rv_lock_acquire(&f->lock);
    for (const struct rv_waiter *w = f->waiters.first; w != NULL && is_home; w = w->next) {
        is_home = is_at_home(w, runtime);
    }
    rv_lock_release(&f->lock);
    return is_home;
}

/* PATH 13/14 -> sched/task.c rv_task_destroy */
void rv_future_notify(struct rove_future *f, uint64_t before)
{
    if (before & RV_STATE_CALLBACKS) {
        if (rv_callback_run_all(f)) {
            rv_future_wake_waiters(f);
        }
    } else if (before & RV_STATE_AWAITED) {
        rv_future_wake_waiters(f);
    }
}
