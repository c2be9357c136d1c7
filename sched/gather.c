// SPDX-License-Identifier: MIT
/*
 * Purpose: gather: wait for all of a list, in its order, as a call. gather_future.c is the future.
 *
 * Idea: asyncio's gather with the future left out: the aggregate of many.c stands in the frame. A
 * cancellation of the caller goes to every child, from the canceller (cancel.c) or, if the caller
 * was not parked, from here; only if none accepts it does the caller have it at once. A child that
 * was cancelled ends the gather as any other error does.
 *
 * Threads: tasks only.
 */
#include "core/check.h"
#include "sched/cancel.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/many.h"
#include "sched/suspend.h"

#include <rove/wait.h>

#include <errno.h>
#include <stdlib.h>

/* 0, -EPERM, -EINVAL or -EDEADLK. */
static int check_arguments(const struct rv_task *self, size_t n, rove_future *const fs[])
{
    if (self == NULL) {
        return -EPERM;
    }
    if (n != 0 && fs == NULL) {
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        if (fs[i] == NULL) {
            return -EINVAL;
        }
        if (fs[i] == &self->future) {
            return -EDEADLK;
        }
    }
    return 0;
}

enum ending {
    ENDED,     /* it is over */
    PASSED_ON, /* it is over, and on the way a cancellation went to the children */
    REFUSED    /* the caller was cancelled, and no child accepted that */
};

static enum ending wait_over(struct rv_task *self, struct rv_many *m)
{
    enum ending ending = ENDED;
    if (rv_many_is_over(m)) {
        return ENDED;
    }
    do {
        if (!rv_take_cancel(self)) {
            rv_park(self, RV_WAIT_GATHER, m);
        } else if (rv_cancel_pass_on_many(self, m)) {
            ending = PASSED_ON;
        } else {
            return REFUSED;
        }
    } while (!rv_many_is_over(m));
    rv_many_settle(m);
    rv_resume_in_turn(self);
    ending = m->is_passed_on ? PASSED_ON : ending;
    return rv_take_cancel(self) ? REFUSED : ending;
}

/* The error that ended the gather; nobody will ask the others for theirs. */
static int read_error(const struct rv_many *m, struct rove_future *decider)
{
    for (size_t i = 0; i < m->n; i++) {
        rv_state_observe(&m->futures[i]->state);
    }
    return rv_future_read(decider, NULL);
}

/* What gather returns, with the results if that is 0. */
static int conclude(const struct rv_many *m, enum ending ending, void *results[])
{
    struct rove_future *decider = rv_load_relaxed(&m->decider);
    if (ending != REFUSED && decider != NULL) {
        return read_error(m, decider);
    }
    if (ending != ENDED) {
        return -ECANCELED;
    }
    for (size_t i = 0; results != NULL && i < m->n; i++) {
        rv_future_read(m->futures[i], &results[i]);
    }
    return 0;
}

/* Each of fs is held by the caller or its caller. */
static int gather_held(struct rv_task *self, size_t n, rove_future *const fs[], void *results[])
{
    struct rv_many m;
    int rc = rv_many_init(&m, self, n, fs, RV_MANY_ERROR);
    if (rc < 0) {
        return rc;
    }
    rc = conclude(&m, wait_over(self, &m), results);
    rv_many_fini(&m);
    return rc;
}

int rove_gather(size_t n, rove_future *const fs[], void *results[])
{
    struct rv_task *self = rv_current_task();
    int rc = check_arguments(self, n, fs);
    if (rc < 0 || n == 0) {
        return rc;
    }
    rv_futures_retain(n, fs);
    rc = gather_held(self, n, fs, results);
    rv_futures_release(n, fs);
    return rc;
}

static int gather_all(struct rv_task *self, size_t n, rove_future *const fs[],
                      rove_outcome outcomes[])
{
    struct rv_many m;
    int rc = rv_many_init(&m, self, n, fs, RV_MANY_ALL);
    if (rc < 0) {
        return rc;
    }
    rc = wait_over(self, &m) == ENDED ? 0 : -ECANCELED;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        outcomes[i].result = NULL;
        outcomes[i].error = rv_future_read(fs[i], &outcomes[i].result);
    }
    rv_many_fini(&m);
    return rc;
}

int rove_gather_outcomes(size_t n, rove_future *const fs[], rove_outcome outcomes[])
{
    struct rv_task *self = rv_current_task();
    int rc = check_arguments(self, n, fs);
    if (rc == 0 && n != 0 && outcomes == NULL) {
        rc = -EINVAL;
    }
    if (rc < 0 || n == 0) {
        return rc;
    }
    rv_futures_retain(n, fs);
    rc = gather_all(self, n, fs, outcomes);
    rv_futures_release(n, fs);
    return rc;
}

/* Cancels what still runs and waits for its end; a cancellation meanwhile stays pending. */
static void end_children(struct rv_task *self, size_t n, rove_future *const fs[])
{
    unsigned cancels = 0;
    for (size_t i = 0; i < n; i++) {
        rv_future_cancel(fs[i]);
    }
    for (size_t i = 0; i < n; i++) {
        rv_future_wait_uncancelled(fs[i], &cancels);
        rv_state_observe(&fs[i]->state);
    }
    if (cancels > 0) {
        rv_put_back_cancel(self);
    }
}

/* Creates a task for each call: how many there are, n unless memory is exhausted. */
static size_t create_all(size_t n, const rove_call calls[], rove_future *fs[])
{
    size_t count = 0;
    while (count < n && (fs[count] = rove_create_task(calls[count].fn, calls[count].arg)) != NULL) {
        count++;
    }
    return count;
}

static bool are_callable(size_t n, const rove_call calls[])
{
    bool are = calls != NULL;
    for (size_t i = 0; are && i < n; i++) {
        are = calls[i].fn != NULL;
    }
    return are;
}

int rove_gather_calls(size_t n, const rove_call calls[], void *results[])
{
    struct rv_task *self = rv_current_task();
    rove_future *in_frame[RV_MANY_INLINE];
    if (self == NULL) {
        return -EPERM;
    }
    if (n == 0 || !are_callable(n, calls)) {
        return n == 0 ? 0 : -EINVAL;
    }
    rove_future **fs = in_frame;
    if (n > RV_MANY_INLINE) {
        fs = n > SIZE_MAX / sizeof(*fs) ? NULL : malloc(n * sizeof(*fs));
    }
    if (fs == NULL) {
        return -ENOMEM;
    }
    size_t count = create_all(n, calls, fs);
    int rc = count < n ? -ENOMEM : gather_held(self, n, fs, results);
    if (rc < 0) {
        end_children(self, count, fs);
    }
    for (size_t i = 0; i < count; i++) {
        rove_release(fs[i]);
    }
    if (fs != in_frame) {
        free(fs);
    }
    return rc;
}
