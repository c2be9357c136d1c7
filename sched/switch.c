// SPDX-License-Identifier: MIT
/*
 * Purpose: the places where tasks leave. switch.h has the idea.
 */
#include "sched/switch.h"

#include "core/check.h"
#include "sched/current.h"
#include "sched/ready.h"
#include "sched/task.h"

RV_NOINLINE struct rv_task *rv_switch_next_odd(struct rv_worker *w, struct rv_task *self,
                                               enum rv_after after)
{
    return rv_switch_next(w, self, after);
}

RV_HOT RV_NOINLINE RV_NO_STACK_PROTECTOR void rv_switch_away(struct rv_task *self,
                                                             enum rv_after after)
{
    rv_switch_away_inline(self->worker, self, after);
}

RV_NO_STACK_PROTECTOR void rv_switch_to_child(struct rv_task *self, struct rv_task *child)
{
    (void)rv_switch_to_child_inline(self, child, false);
}

RV_HOT RV_NO_STACK_PROTECTOR void rv_switch_from_scheduler(struct rv_worker *w, struct rv_task *t)
{
    if (RV_UNLIKELY(!rv_switch_seat(w, t))) {
        return;
    }
    rv_switch_prepare(w, t);
    w->after = RV_AFTER_NOTHING;
    rv_context_switch(&w->scheduler, &t->context, t);
    RV_ASSERT(rv_load_relaxed(&w->current) == NULL, "nobody runs while the scheduler does");
    rv_switch_arrive(w);
    rv_switch_settle(w); /* nobody runs who might wake it */
}

void rv_switch_settle_task(const struct rv_task *t)
{
    struct rv_worker *w = rv_current_worker();
    if (w != NULL && w->after_task == t) {
        rv_switch_settle(w);
    }
}
