// SPDX-License-Identifier: MIT
/*
 * Purpose: wait for some of many futures, with a deadline that is no error. Cancels nothing.
 *
 * Idea: the aggregate of many.c and a timer in one frame. As in asyncio the call always suspends:
 * when there is nothing to wait for, it lets the others run for two rounds, one for what is ready,
 * one for what that made ready, and then reports.
 *
 * Threads: tasks only; the timer fires on any worker.
 */
#include "core/check.h"
#include "core/clock.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/many.h"
#include "sched/suspend.h"
#include "sched/timer.h"

#include <rove/wait.h>

#include <errno.h>

struct wait {
    struct rv_many many;
    struct rv_timer timer;
    bool is_armed;
    RV_ATOMIC(uint32_t) is_expired;
};

static void expire(struct rv_timer *timer)
{
    struct wait *w = rv_container_of(timer, struct wait, timer);
    struct rv_task *task = w->many.task;
    /* order: release T1. The last use of w before is_expired; pairs with wait_until. */
    rv_store_release(&w->is_expired, 1u);
    rv_wake(task);
}

/* 0, or -ECANCELED: the caller was. */
static int wait_until(struct rv_task *self, struct wait *w)
{
    /* order: acquire T1. Pairs with expire. */
    while (!rv_many_is_over(&w->many) && rv_load_acquire(&w->is_expired) == 0) {
        if (rv_take_cancel(self)) {
            return -ECANCELED;
        }
        rv_park(self, RV_WAIT_MANY, &w->many);
    }
    if (rv_many_is_over(&w->many)) {
        rv_resume_in_turn(self);
    }
    return rv_take_cancel(self) ? -ECANCELED : 0;
}

static int let_others_run(void)
{
    int rc = rove_yield();
    return rc < 0 ? rc : rove_yield();
}

static int wait_some(struct rv_task *self, struct wait *w, rove_duration timeout)
{
    if (timeout == 0 || rv_many_is_over(&w->many)) {
        return let_others_run();
    }
    if (timeout > 0) {
        rv_heap_node_init(&w->timer.node);
        int rc = rv_timer_arm(&w->timer, rv_clock_add(rv_clock_now(), timeout), expire);
        if (rc < 0) {
            return rc;
        }
        w->is_armed = true;
    }
    int rc = wait_until(self, w);
    if (w->is_armed) {
        rv_timer_disarm(&w->timer);
    }
    return rc;
}

static int check_arguments(const struct rv_task *self, size_t n, rove_future *const fs[],
                           bool needs_all)
{
    if (self == NULL) {
        return -EPERM;
    }
    if (n == 0 || fs == NULL) {
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        if (fs[i] == NULL) {
            return -EINVAL;
        }
        if (needs_all && fs[i] == &self->future) {
            return -EDEADLK;
        }
    }
    return 0;
}

static ssize_t count_done(size_t n, rove_future *const fs[], bool done[])
{
    ssize_t count = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_done = rv_state_is_done(&fs[i]->state);
        count += is_done;
        if (done != NULL) {
            done[i] = is_done;
        }
    }
    return count;
}

ssize_t rove_wait(size_t n, rove_future *const fs[], rove_return_when when, rove_duration timeout,
                  bool done[])
{
    static const enum rv_many_until until[] = {
        [ROVE_ALL_COMPLETED] = RV_MANY_ALL,
        [ROVE_FIRST_COMPLETED] = RV_MANY_FIRST,
        [ROVE_FIRST_ERROR] = RV_MANY_FAILURE,
    };
    struct rv_task *self = rv_current_task();
    struct wait w;
    int rc = check_arguments(self, n, fs, when == ROVE_ALL_COMPLETED && timeout < 0);
    if (rc < 0) {
        return rc;
    }
    if ((unsigned)when >= RV_ARRAY_LEN(until)) {
        return -EINVAL;
    }
    w.is_armed = false;
    rv_store_relaxed(&w.is_expired, 0u);
    rc = rv_many_init(&w.many, self, n, fs, until[when]);
    if (rc < 0) {
        return rc;
    }
    rv_futures_retain(n, fs);
    rc = wait_some(self, &w, timeout);
    rv_many_fini(&w.many);
    ssize_t count = rc < 0 ? rc : count_done(n, fs, done);
    rv_futures_release(n, fs);
    return count;
}
