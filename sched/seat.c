// SPDX-License-Identifier: MIT
/*
 * Purpose: the rare side of seats: promises by the batch, other sizes, the last stacks. seat.h has
 * the idea.
 */
#include "sched/seat.h"

#include "sched/idle.h"

RV_COLD bool rv_seat_promise_more(struct rv_worker *w)
{
    unsigned n = RV_SEAT_PROMISES / 2;
    if (!rv_stack_pool_promise(w->stacks.pool, n)) {
        n = 1; /* address space is nearly out */
        if (!rv_stack_pool_promise(w->stacks.pool, n)) {
            return false;
        }
    }
    w->promises = n;
    return true;
}

RV_COLD void rv_seat_promise_less(struct rv_worker *w)
{
    rv_stack_pool_unpromise(w->stacks.pool, RV_SEAT_PROMISES / 2);
    w->promises -= RV_SEAT_PROMISES / 2;
}

void rv_seat_give_up(struct rv_worker *w)
{
    rv_stack_pool_unpromise(w->stacks.pool, w->promises);
    w->promises = 0;
    rv_stack_cache_flush(&w->stacks);
}

RV_COLD void rv_seat_starve(struct rv_worker *w, struct rv_task *t)
{
    struct rove_runtime *runtime = w->runtime;
    rv_fetch_add_relaxed(&runtime->starved, 1);
    rv_runtime_inject(runtime, t);
    rv_idle_notify_all(runtime);
}

RV_COLD void rv_seat_share(struct rv_worker *w)
{
    w->starved_seen = rv_load_relaxed(&w->runtime->starved);
    rv_stack_cache_flush(&w->stacks);
}

RV_COLD bool rv_seat_reserve(struct rv_task *t, struct rove_runtime *runtime, size_t stack_bytes)
{
    struct rv_stack_pool *pool = rv_runtime_stack_class(runtime, stack_bytes);
    if (pool == NULL) {
        return false;
    }
    struct rv_stack_cache cache;
    rv_stack_cache_init(&cache, pool);
    t->seat = rv_stack_alloc(&cache);
    rv_stack_cache_flush(&cache);
    return t->seat != NULL;
}
