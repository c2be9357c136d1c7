// SPDX-License-Identifier: MIT
/*
 * Purpose: a once that somebody is at, and that fails when it is told to: the next may try.
 * Threads: begin and end in a task; may_end is set by anyone.
 */
#ifndef RV_TESTS_FAILING_ONCE_H
#define RV_TESTS_FAILING_ONCE_H

#include "support/fixture.h"

#include <errno.h>

struct rv_failing_once {
    rove_once once;
    rove_event has_begun, may_end;
    rove_task *runner;
    int calls; /* that came to something */
};

static inline int rv_fail_in_turn(void *ctx)
{
    struct rv_failing_once *o = ctx;
    rove_event_set(&o->has_begun);
    (void)rove_event_wait(&o->may_end);
    return -EIO;
}

static inline int rv_run_failing_once(void *arg, RV_UNUSED void **result)
{
    struct rv_failing_once *o = arg;
    RV_EXPECT_EQ(rove_once_call(&o->once, rv_fail_in_turn, o), -EIO);
    return 0;
}

/* Afterwards the runner is at it. */
static inline void rv_failing_once_begin(struct rv_failing_once *o)
{
    o->runner = rove_create_task(rv_run_failing_once, o);
    RV_EXPECT_EQ(rove_event_wait(&o->has_begun), 0);
}

/* The runner is back, and one call after it has come to something. */
static inline void rv_failing_once_end(struct rv_failing_once *o)
{
    RV_EXPECT_EQ(rove_join(o->runner, NULL), 0);
    RV_EXPECT_EQ(o->calls, 1);
}

#endif
