// SPDX-License-Identifier: MIT
/*
 * Purpose: park, wake, yield, sleep. suspend.h has the idea.
 */
#include "sched/suspend.h"

#include "core/check.h"
#include "core/clock.h"
#include "sched/current.h"
#include "sched/ready.h"
#include "sched/runtime.h"
#include "sched/switch.h"
#include "sched/timer.h"

#include <errno.h>

void rv_park(struct rv_task *self, enum rv_wait_kind kind, const void *object)
{
    rv_park_inline(self, kind, object);
}

void rv_wake(struct rv_task *t)
{
    rv_wake_from(rv_current_worker(), t);
}

void rv_yield(struct rv_task *self)
{
    rv_switch_away(self, RV_AFTER_READY);
}

void rv_resume_in_turn(struct rv_task *self)
{
    if (self->runtime->worker_count == 1) {
        rv_yield(self);
    }
}

void rv_put_back_cancel(struct rv_task *self)
{
    rv_state_put_back_cancel(&self->future.state);
}

struct sleeper {
    struct rv_timer timer;
    struct rv_task *task;
    RV_ATOMIC(uint32_t) is_over;
};

static void end_sleep(struct rv_timer *timer)
{
    struct sleeper *s = rv_container_of(timer, struct sleeper, timer);
    struct rv_task *task = s->task;
    /* order: release T1. Nothing of the sleeper is touched after; pairs with sleep_until. */
    rv_store_release(&s->is_over, 1);
    rv_wake(task);
}

static int sleep_until(struct rv_task *self, int64_t deadline_ns)
{
    struct sleeper s = {.task = self};
    rv_heap_node_init(&s.timer.node);
    if (deadline_ns != INT64_MAX) {
        int rc = rv_timer_arm(&s.timer, deadline_ns, end_sleep);
        if (rc < 0) {
            return rc;
        }
    }
    /* order: acquire T1. Pairs with end_sleep. */
    while (rv_load_acquire(&s.is_over) == 0) {
        if (rv_take_cancel(self)) {
            if (deadline_ns != INT64_MAX) {
                rv_timer_disarm(&s.timer);
            }
            return -ECANCELED;
        }
        rv_park(self, RV_WAIT_SLEEP, (const void *)(uintptr_t)deadline_ns);
    }
    return rv_take_cancel(self) ? -ECANCELED : 0;
}

int rove_sleep_until(rove_time t)
{
    if (t >= 0 && t <= rv_clock_now()) {
        return rove_yield();
    }
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    return rv_take_cancel(self) ? -ECANCELED : sleep_until(self, t < 0 ? INT64_MAX : t);
}

int rove_sleep(rove_duration d)
{
    if (d == 0) {
        return rove_yield();
    }
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    return sleep_until(self, d < 0 ? INT64_MAX : rv_clock_add(rv_clock_now(), d));
}

int rove_yield(void)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    rv_yield(self);
    return rv_take_cancel(self) ? -ECANCELED : 0;
}

rove_time rove_now(void)
{
    return rv_clock_now();
}
