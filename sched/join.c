// SPDX-License-Identifier: MIT
/*
 * Purpose: making way for the awaited task. join.h has the idea.
 */
#include "sched/join.h"

#include "core/check.h"
#include "sched/future.h"
#include "sched/ready.h"
#include "sched/suspend.h"
#include "sched/switch.h"
#include "sched/task.h"
#include "sched/worker.h"

bool rv_join_list(struct rv_join *j, struct rv_task *self)
{
    struct rove_future *f = j->future;
    rv_waiter_init(&j->cell, self);
    enum rv_solo got = rv_state_announce_solo(&f->state);
    if (got == RV_SOLO_OURS) {
        /* order: release F2. The cell before its address; pairs with wait_for_solo. */
        rv_store_release(&f->solo, &j->cell);
    }
    j->is_solo = got == RV_SOLO_OURS;
    j->is_listed = j->is_solo || (got == RV_SOLO_TAKEN && rv_future_add_waiter(f, &j->cell));
    return j->is_listed;
}

#ifdef RV_MODEL_TASKS
bool rv_join_make_way(struct rv_join *j, struct rv_task *self)
{
    (void)j;
    (void)self;
    return false;
}
#else
/* The next to run, and nobody waits for it, cancels it or wants the worker. */
static RV_ALWAYS_INLINE bool is_next(struct rv_worker *w, const struct rove_future *f)
{
    return w->only != NULL && &w->only->future == f && w->parks_late && w->tick > 1 &&
           !w->is_pinned_first && rv_deque_size_hint(&w->conts) == 0 &&
           (rv_load_relaxed(&f->state) & (RV_STATE_AWAITED | RV_STATE_CANCEL)) == 0 &&
           !rv_load_relaxed(&w->is_wanted);
}

RV_NO_STACK_PROTECTOR bool rv_join_make_way(struct rv_join *j, struct rv_task *self)
{
    struct rv_worker *w = self->worker;
    if (!is_next(w, j->future)) {
        return false;
    }
    struct rv_task *child = rv_task_of(j->future);
    rv_switch_settle(w); /* whom the caller made way for itself, or who left before */
    if (RV_UNLIKELY(w->only != child)) {
        return false; /* that one was woken meanwhile, and is ready behind it */
    }
    w->only = NULL;
    if (RV_UNLIKELY(!rv_switch_seat(w, child))) {
        return false;
    }
    w->tick--;
    w->join = j;
    w->after = RV_AFTER_JOIN;
    w->after_task = self;
    self->wait_kind = RV_WAIT_FUTURE;
    self->wait_object = j->future;
    self->wait_since = w->now_ns;
    rv_context_switch(&self->context, &rv_switch_prepare(w, child)->context, child);
    self->wait_kind = RV_WAIT_NONE;
    rv_switch_arrive(self->worker);
    return true;
}

RV_NOINLINE void rv_join_settle(struct rv_worker *w)
{
    struct rv_task *t = w->after_task;
    w->after = RV_AFTER_NOTHING;
    bool is_listed = rv_join_list(w->join, t);
    RV_CHECK(is_listed, "a task that runs is not done");
    if (RV_UNLIKELY(!rv_state_park(&t->future.state))) {
        rv_ready_push_local(w, t);
    }
}
#endif
