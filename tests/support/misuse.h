// SPDX-License-Identifier: MIT
/*
 * Purpose: calls every function of a header on handles in every state, and from outside a task.
 * Idea:    a table: a row for each function, a column for each situation, in each the value that
 *          the header documents. A call gets one handle and gives back what it returned, pointers
 *          as 1 or 0.
 * Threads: rv_misuse_check on the main thread; what it calls also in tasks.
 */
#ifndef RV_TESTS_MISUSE_H
#define RV_TESTS_MISUSE_H

#include "support/fixture.h"

#include <errno.h>

#define RV_MISUSE_ERROR (-5001)
#define RV_MISUSE_SKIP (-9998) /* the call has no business there */

enum rv_situation {
    RV_OUTSIDE,        /* a plain thread, a future without outcome */
    RV_NO_HANDLE,      /* a task, NULL */
    RV_DONE,           /* a task, a future with a result */
    RV_FAILED,         /* … with an error */
    RV_CANCELLED,      /* … cancelled */
    RV_DONE_TASK,      /* … a task that has ended, whose other handles have been released */
    RV_CANCELLED_TASK, /* … that was cancelled before it began */
    RV_OUTLIVED,       /* a plain thread, a task that ended with its runtime */
    RV_SITUATIONS
};

struct rv_misuse {
    const char *name;
    long (*call)(rove_future *f);
    long expected[RV_SITUATIONS];
};

static inline int rv_misuse_nothing(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

/* The only handle to a future in that situation. */
static inline rove_future *rv_misuse_handle(enum rv_situation situation)
{
    rove_future *f = NULL;
    switch (situation) {
    case RV_NO_HANDLE:
        return NULL;
    case RV_OUTSIDE:
    case RV_DONE:
    case RV_FAILED:
    case RV_CANCELLED:
        f = rove_create_future();
        break;
    case RV_DONE_TASK:
    case RV_CANCELLED_TASK:
    case RV_OUTLIVED:
    case RV_SITUATIONS:
        f = rove_create_task_with(&(rove_task_options){.name = "subject"}, rv_misuse_nothing, NULL);
        break;
    }
    if (situation == RV_DONE)
        rove_set_result(f, NULL);
    else if (situation == RV_FAILED)
        rove_set_error(f, RV_MISUSE_ERROR);
    else if (situation == RV_CANCELLED || situation == RV_CANCELLED_TASK)
        rove_cancel(f);
    if (situation >= RV_DONE_TASK) {
        rove_retain(f);
        rove_await(f, NULL);
        rove_release(f);
    }
    return f;
}

struct rv_misuse_case {
    const struct rv_misuse *row;
    enum rv_situation situation;
    rove_future *outlived;
};

static inline void rv_misuse_call(const struct rv_misuse *row, enum rv_situation situation,
                                  rove_future *f)
{
    long expected = row->expected[situation];
    if (expected == RV_MISUSE_SKIP)
        return;
    if (!RV_EXPECT_EQ(row->call(f), expected))
        print_message("%s in situation %d\n", row->name, (int)situation);
}

static inline int rv_misuse_in_task(void *arg, RV_UNUSED void **result)
{
    struct rv_misuse_case *c = arg;
    rove_future *f = rv_misuse_handle(c->situation);
    if (c->situation == RV_OUTLIVED) {
        c->outlived = f;
        return 0;
    }
    rv_misuse_call(c->row, c->situation, f);
    rove_release(f);
    return 0;
}

/* One worker: a task does not run, and so is not done, before its creator suspends. */
static inline void rv_misuse_check(const struct rv_misuse *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rove_future *f = rv_misuse_handle(RV_OUTSIDE);
        rv_misuse_call(&rows[i], RV_OUTSIDE, f);
        rove_release(f);
        struct rv_misuse_case c = {.row = &rows[i]};
        for (c.situation = RV_NO_HANDLE; c.situation < RV_OUTLIVED; c.situation++)
            rv_test_run_on(1, rv_misuse_in_task, &c);
        assert_int_equal(
            rove_run_with(&(rove_options){.workers = 1}, rv_misuse_in_task, &c, NULL), 0);
        rv_misuse_call(&rows[i], RV_OUTLIVED, c.outlived);
        rove_release(c.outlived);
    }
    rv_test_settle();
}

#endif
