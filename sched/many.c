// SPDX-License-Identifier: MIT
/*
 * Purpose: one task waits for many futures at once. many.h has the idea.
 *
 * Threads: everything by the waiting task, but for complete_one, which runs on whatever thread
 * completes a future, under that future's lock.
 * Cost: a cell of 56 bytes, one lock and one countdown for each future; one wake-up in all.
 */
#include "sched/many.h"

#include "core/check.h"
#include "core/os.h"
#include "sched/future.h"
#include "sched/suspend.h"

#include <errno.h>
#include <stdlib.h>

static bool is_decisive(enum rv_many_until until, int error)
{
    switch (until) {
    case RV_MANY_ALL:
        return false;
    case RV_MANY_FIRST:
        return true;
    case RV_MANY_FAILURE:
        return error < 0 && error != -ECANCELED;
    case RV_MANY_ERROR:
        return error < 0;
    }
    RV_UNREACHABLE();
}

/* f is done. True: this ended the wait. */
static bool count_down(struct rv_many *m, struct rove_future *f)
{
    bool ends = false;
    if (is_decisive(m->until, f->error)) {
        struct rove_future *none = NULL;
        /* order: release N1. f's outcome before it is named; pairs with rv_many_is_over. */
        ends = rv_cas_release(&m->decider, &none, f);
    }
    /* order: release N1. f's outcome before the count; pairs with rv_many_is_over. */
    return rv_fetch_sub_release(&m->left, 1) == 1 || ends;
}

/*
 * The cell's on_fire. The task may see the end before the wake and go on to rv_many_fini; `fired`
 * is the last access to its frame, so fini waits for it, if need be on the lock that is held here.
 */
static bool complete_one(struct rv_waiter *w)
{
    struct rv_many *m = w->owner;
    if (count_down(m, w->value)) {
        rv_wake(m->task);
    }
    /* order: release N2. The last use of m before fired; pairs with rv_many_fini. */
    rv_store_release(&w->fired, 1);
    return false;
}

int rv_many_init(struct rv_many *m, struct rv_task *self, size_t n,
                 struct rove_future *const futures[], enum rv_many_until until)
{
    m->task = self;
    m->futures = futures;
    m->n = n;
    m->until = until;
    m->cells = m->inline_cells;
    rv_store_relaxed(&m->left, n);
    rv_store_relaxed(&m->decider, NULL);
    rv_store_relaxed(&m->is_cancelling, 0u);
    m->is_passed_on = false;
    if (n > RV_MANY_INLINE) {
        m->cells = n > SIZE_MAX / sizeof *m->cells ? NULL : malloc(n * sizeof *m->cells);
        if (m->cells == NULL) {
            return -ENOMEM;
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct rv_waiter *w = &m->cells[i];
        rv_waiter_init(w, self);
        w->owner = m;
        w->value = futures[i];
        w->on_fire = complete_one;
        if (rv_state_is_done(&futures[i]->state) || !rv_future_add_waiter(futures[i], w)) {
            rv_store_relaxed(&w->fired, 1);
            count_down(m, futures[i]);
        }
    }
    return 0;
}

void rv_many_fini(struct rv_many *m)
{
    rv_many_settle(m);
    for (size_t i = 0; i < m->n; i++) {
        /* order: acquire N2. Pairs with complete_one. */
        if (rv_load_acquire(&m->cells[i].fired) == 0) {
            rv_future_remove_waiter(m->futures[i], &m->cells[i]);
        }
    }
    if (m->cells != m->inline_cells) {
        free(m->cells);
    }
}

bool rv_many_is_over(const struct rv_many *m)
{
    /* order: acquire N1. Outcomes before the end is seen; pairs with count_down. */
    return rv_load_acquire(&m->left) == 0 || rv_load_acquire(&m->decider) != NULL;
}

bool rv_many_cancel(const struct rv_many *m, unsigned depth)
{
    bool is_accepted = false;
    for (size_t i = 0; i < m->n; i++) {
        is_accepted |= rv_future_cancel_within(m->futures[i], depth);
    }
    return is_accepted;
}

bool rv_many_claim(struct rv_many *m)
{
    /* order: acquire N3. One at a time; pairs with rv_many_pass_on. */
    return rv_exchange_acquire(&m->is_cancelling, 1u) == 0;
}

bool rv_many_pass_on(struct rv_many *m, unsigned depth)
{
    bool is_accepted = rv_many_cancel(m, depth);
    m->is_passed_on |= is_accepted;
    /* order: release N3. The last use of m; pairs with rv_many_settle and rv_many_claim. */
    rv_store_release(&m->is_cancelling, 0u);
    return is_accepted;
}

/* A canceller never suspends: at most a preempted thread is waited for. */
void rv_many_settle(struct rv_many *m)
{
    /* order: acquire N3. Pairs with rv_many_pass_on. */
    while (rv_load_acquire(&m->is_cancelling) != 0) {
        rv_os_sched_yield();
    }
}
