// SPDX-License-Identifier: MIT
/*
 * Purpose: models of waits for many: gather, wait, as_completed, shield, groups, timers' handles.
 * Idea:    each child writes something plain before it ends; who waits for all reads all of it. The
 *          aggregates lie in the waiting task's frame or are freed by it: who still writes there
 *          uses what is free, or races with the next use of the frame.
 * Threads: 1 waits, the others complete.
 */
#include "double.h"

#include <errno.h>
#include <rove/group.h>
#include <rove/wait.h>

static rove_future *fs[2];
static rove_future *outer;
static int values[2];
static int outcome[RV_MODEL_THREADS];

static void begin(unsigned tasks)
{
    rv_double_begin(tasks);
    for (int i = 0; i < 2; i++) {
        fs[i] = rove_create_future();
        values[i] = 0;
    }
    outer = NULL;
    for (int i = 0; i < RV_MODEL_THREADS; i++) {
        outcome[i] = 1;
    }
}

static void setup(void)
{
    begin(3);
}

static void finish(void)
{
    rove_release(outer);
    rove_release(fs[0]);
    rove_release(fs[1]);
    rv_double_end();
}

static void set(int i)
{
    values[i] = i + 1;
    (void)rove_set_result(fs[i], &values[i]);
}

static void set_first(void)
{
    set(0);
}

static void set_second(void)
{
    set(1);
}

static void fail_first(void)
{
    values[0] = 1;
    (void)rove_set_error(fs[0], -EIO);
}

static void set_both(void)
{
    set(0);
    set(1);
}

static void cancel_waiter(void)
{
    (void)rove_cancel(&rv_double_task(1)->future);
}

static RV_NOINLINE void scribble(uint64_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        at[i] = i;
    }
}

/* What was the frame of the call is something else now. */
static RV_NOINLINE void use_frame(void)
{
    uint64_t frame[250];
    scribble(frame, RV_ARRAY_LEN(frame));
    __asm__ volatile("" : : "r"(frame) : "memory"); /* else nobody would read it */
}

static void gather(void)
{
    void *results[2] = {NULL, NULL};
    int rc = rove_gather(2, fs, results);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED, "its ends");
    if (rc == 0) {
        RV_MODEL_CHECK(results[0] == &values[0] && results[1] == &values[1], "all results");
        RV_MODEL_CHECK(values[0] == 1 && values[1] == 2, "and what they point at");
    }
    use_frame();
}

/* A child that has been asked to end twice, by way of the task that gathers it, and ends well. */
static RV_ATOMIC(uint32_t) told;

static void setup_child(void)
{
    begin(4);
    set(1);
    rv_store_relaxed(&told, 0u);
}

static void gather_child(void)
{
    rove_future *const both[2] = {&rv_double_task(4)->future, fs[1]};
    void *results[2] = {NULL, NULL};
    int rc = rove_gather(2, both, results);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED, "its ends");
    use_frame();
}

static void cancel_and_tell(void)
{
    cancel_waiter();
    (void)rv_fetch_add_relaxed(&told, 1u);
}

static void end_when_told(void)
{
    struct rove_future *child = &rv_double_task(4)->future;
    while (rv_load_relaxed(&told) < 2) {
        rv_cpu_relax();
    }
    child->result = &values[0];
    rv_future_notify(child, rv_state_finish(&child->state, 0));
}

static void gather_failing(void)
{
    void *results[2] = {NULL, NULL};
    RV_MODEL_CHECK(rove_gather(2, fs, results) == -EIO, "the first error");
    RV_MODEL_CHECK(values[0] == 1, "what came before it");
    use_frame();
}

static void wait_first(void)
{
    bool done[2];
    ssize_t n = rove_wait(2, fs, ROVE_FIRST_COMPLETED, -1, done);
    RV_MODEL_CHECK(n >= 1, "one is done");
    for (int i = 0; i < 2; i++) {
        RV_MODEL_CHECK(!done[i] || values[i] == i + 1, "what a done one wrote is there");
    }
    use_frame();
}

static void wait_all_a_while(void)
{
    bool done[2];
    ssize_t n = rove_wait(2, fs, ROVE_ALL_COMPLETED, 1000, done);
    RV_MODEL_CHECK(n >= 0 && n <= 2, "so many are done");
    for (int i = 0; i < 2; i++) {
        RV_MODEL_CHECK(!done[i] || values[i] == i + 1, "what a done one wrote is there");
    }
    use_frame();
}

static void pass_time(void)
{
    rv_double_fire(1);
}

static void take_as_completed(void)
{
    rove_as_completed *it = rove_as_completed_open(2, fs, -1);
    for (int i = 0; i < 2; i++) {
        rove_future *done = NULL;
        RV_MODEL_CHECK(rove_as_completed_next(it, &done) == 1, "two will come");
        RV_MODEL_CHECK(*(done == fs[0] ? &values[0] : &values[1]) != 0, "what it wrote is there");
    }
    rove_as_completed_close(it);
}

static void take_one_and_close(void)
{
    rove_future *done = NULL;
    rove_as_completed *it = rove_as_completed_open(2, fs, -1);
    RV_MODEL_CHECK(rove_as_completed_next(it, &done) == 1, "one will come");
    rove_as_completed_close(it);
}

/* gather and shield as futures */

static void setup_gather(void)
{
    begin(2);
    outer = rove_gather_future(2, fs);
}

static void await_outer(void)
{
    void *results = NULL;
    int rc = rove_await(outer, &results);
    outcome[1] = rc;
    if (rc == 0) {
        void **list = results;
        RV_MODEL_CHECK(list[0] == &values[0] && list[1] == &values[1], "no hole in the list");
        RV_MODEL_CHECK(values[0] == 1 && values[1] == 2, "and what they point at");
    }
}

static void gather_and_await(void)
{
    outer = rove_gather_future(2, fs);
    await_outer();
}

static void cancel_outer(void)
{
    outcome[2] = rove_cancel(outer);
}

/* Accepted means cancelled, unless a child refused in between; refused means results. */
static void finish_gather(void)
{
    RV_MODEL_CHECK(outcome[1] == 0 || outcome[1] == -ECANCELED, "one of two ends");
    RV_MODEL_CHECK(outcome[2] == 1 || outcome[1] == 0, "a refused request has no effect");
    RV_MODEL_CHECK(outcome[2] == 0 || outcome[1] == -ECANCELED, "an accepted one has");
    finish();
}

static void setup_two(void)
{
    begin(1);
}

static void setup_gather_done(void)
{
    begin(2);
    set(1);
    outer = rove_gather_future(2, fs);
}

static void setup_shield(void)
{
    begin(2);
    set(1);
    outer = rove_shield(fs[0]);
}

static void await_shield(void)
{
    void *result = NULL;
    int rc = rove_await(outer, &result);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED, "one of two ends");
    RV_MODEL_CHECK(rc != 0 || (result == &values[0] && values[0] == 1), "the inner's result");
}

static void finish_shield(void)
{
    RV_MODEL_CHECK(values[0] == 1 && rove_done(fs[0]) && !rove_cancelled(fs[0]),
                   "the inner one goes on");
    finish();
}

/* groups */

static int work(void *arg, void **result)
{
    (void)result;
    *(int *)arg = 7;
    return 0;
}

static int fail(void *arg, void **result)
{
    (void)result;
    *(int *)arg = 7;
    return -EIO;
}

static void setup_group(void)
{
    begin(1);
    set(0);
    set(1);
    values[0] = 0;
    values[1] = 0;
}

static void run_group(void)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    RV_MODEL_CHECK(rove_task_group_create_task(&g, work, &values[0]) != NULL, "memory");
    RV_MODEL_CHECK(rove_task_group_create_task(&g, work, &values[1]) != NULL, "memory");
    RV_MODEL_CHECK(rove_task_group_exit(&g, 0) == 0, "nobody fails");
    RV_MODEL_CHECK(values[0] == 7 && values[1] == 7, "all children have ended");
    use_frame();
}

static void run_failing_group(void)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    RV_MODEL_CHECK(rove_task_group_create_task(&g, fail, &values[0]) != NULL, "memory");
    RV_MODEL_CHECK(rove_task_group_exit(&g, 0) == -EIO, "the child's error");
    RV_MODEL_CHECK(values[0] == 7, "the child has ended");
    RV_MODEL_CHECK(rove_cancelling(&rv_double_task(1)->future) == 0, "the request is taken back");
    use_frame();
}

static void run_group_cancelled(void)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_task *child = rove_task_group_create_task(&g, work, &values[0]);
    int rc = rove_task_group_exit(&g, 0);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED, "one of two ends");
    RV_MODEL_CHECK(child != NULL, "memory");
    use_frame();
}

static const struct rv_model models[] = {
    {"many/gather", setup, {gather, set_first, set_second}, finish, 0},
    {"many/gather_cancel", setup, {gather, set_both, cancel_waiter}, finish, RV_MODEL_WIDE},
    {"many/gather_two_cancels", setup, {gather, cancel_waiter, cancel_waiter, set_both}, finish,
     RV_MODEL_WIDE},
    {"many/gather_child", setup_child,
     {gather_child, cancel_and_tell, cancel_and_tell, end_when_told}, finish, RV_MODEL_WIDE},
    {"many/gather_fails", setup, {gather_failing, fail_first, set_second}, finish, 0},
    {"many/wait_first", setup, {wait_first, set_first, set_second}, finish, 0},
    {"many/wait_timeout", setup, {wait_all_a_while, set_both, pass_time}, finish, RV_MODEL_WIDE},
    {"many/as_completed", setup, {take_as_completed, set_first, set_second}, finish, 0},
    {"many/as_completed_close", setup, {take_one_and_close, set_first, set_second}, finish, 0},
    {"many/gather_future", setup_gather_done, {await_outer, set_first, cancel_outer}, finish_gather,
     RV_MODEL_WIDE},
    {"many/gather_future_both", setup_gather, {await_outer, set_both}, finish, RV_MODEL_WIDE},
    {"many/gather_future_each", setup_gather, {await_outer, set_first, set_second}, finish,
     RV_MODEL_WIDE},
    {"many/gather_future_late", setup_two, {gather_and_await, set_first, set_second}, finish,
     RV_MODEL_WIDE},
    {"many/shield", setup_shield, {await_shield, set_first, cancel_waiter}, finish_shield,
     RV_MODEL_WIDE},
    {"group/two", setup_group, {run_group}, finish, 0},
    {"group/fails", setup_group, {run_failing_group}, finish, RV_MODEL_WIDE},
    {"group/cancel", setup_group, {run_group_cancelled, cancel_waiter}, finish, RV_MODEL_WIDE},
};

const struct rv_model_list rv_models_many = {models, sizeof models / sizeof models[0]};
