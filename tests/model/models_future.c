// SPDX-License-Identifier: MIT
/*
 * Purpose: models of futures and tasks: set, await, cancel, timeout, callbacks, spawn, join.
 * Threads: see each list: tasks first (rv_double_begin), then plain threads.
 */
#include "double.h"

#include "sched/call.h"
#include "sched/local.h"

#include <errno.h>
#include <rove/sync.h>
#include <rove/wait.h>

static rove_future *f;
static int value;                 /* what the result points at */
static int outcome[RV_MODEL_THREADS];
static RV_ATOMIC(uint32_t) calls; /* of callbacks */

static void begin(unsigned tasks)
{
    rv_double_begin(tasks);
    f = rove_create_future();
    value = 0;
    rv_store_relaxed(&calls, 0u);
    for (int i = 0; i < RV_MODEL_THREADS; i++) {
        outcome[i] = 1;
    }
}

static void setup_one(void)
{
    begin(1);
}

static void setup_two(void)
{
    begin(2);
}

static void setup_three(void)
{
    begin(3);
}

static void finish(void)
{
    rove_release(f);
    rv_double_end();
}

static void await(void)
{
    void *got = NULL;
    int rc = rove_await(f, &got);
    outcome[rv_model_self()] = rc;
    if (rc == 0) {
        RV_MODEL_CHECK(got == &value && value == 7, "the result is there");
    }
}

static void await_ok(void)
{
    await();
    RV_MODEL_CHECK(outcome[rv_model_self()] == 0, "nobody cancels");
}

static void set(void)
{
    value = 7;
    (void)rove_set_result(f, &value);
}

static void set_error(void)
{
    (void)rove_set_error(f, -EIO);
}

static void poll_result(void)
{
    void *got = NULL;
    if (rove_result(f, &got) == 0) {
        RV_MODEL_CHECK(got == &value && value == 7, "the result is there");
    }
}

static void cancel_first(void)
{
    (void)rove_cancel(&rv_double_task(1)->future);
}

static void cancel_future(void)
{
    (void)rove_cancel(f);
}

/* Either the future was cancelled before it was set, or the awaiter has its value. */
static void finish_cancelled(void)
{
    RV_MODEL_CHECK(outcome[1] == 0 || outcome[1] == -ECANCELED, "one of two ends");
    RV_MODEL_CHECK(rove_done(f), "it is done");
    finish();
}

/* Two completers: one wins. */
static void set_first(void)
{
    value = 7;
    outcome[rv_model_self()] = rove_set_result(f, &value);
}

static void fail_first(void)
{
    outcome[rv_model_self()] = rove_set_error(f, -EIO);
}

static void await_any(void)
{
    void *got = NULL;
    int rc = rove_await(f, &got);
    RV_MODEL_CHECK(rc == 0 || rc == -EIO, "one of two");
    outcome[1] = rc;
}

static void finish_completers(void)
{
    RV_MODEL_CHECK((outcome[2] == 0) != (outcome[3] == 0), "one completes");
    RV_MODEL_CHECK((outcome[2] == 0) == (outcome[1] == 0), "and that is what is seen");
    finish();
}

/* Each has a reference of its own: the last one frees. */
static void setup_shared(void)
{
    begin(2);
    (void)rove_retain(f);
}

static void await_and_release(void)
{
    await_ok();
    rove_release(f);
}

static void set_and_release(void)
{
    set();
    rove_release(f);
}

static void finish_released(void)
{
    rv_double_end();
}

/* callbacks */

static void called(rove_future *of, void *ctx)
{
    RV_MODEL_CHECK(of == f && ctx == &calls, "the callback's own");
    RV_MODEL_CHECK(rove_done(f), "after the end");
    (void)rv_fetch_add_relaxed(&calls, 1u);
}

static void add_callback(void)
{
    RV_MODEL_CHECK(rove_add_done_callback(f, called, (void *)&calls) == 0, "memory");
}

static void remove_callback(void)
{
    outcome[3] = rove_remove_done_callback(f, called, (void *)&calls);
}

static void setup_calls(void)
{
    begin(2);
    RV_MODEL_CHECK(rv_calls_start(rv_double_runtime()) == 0, "memory");
}

static void setup_callback(void)
{
    setup_calls();
    add_callback();
}

static void finish_callback(void)
{
    finish();
    rv_calls_free(rv_double_runtime());
}

static void finish_called_once(void)
{
    RV_MODEL_CHECK(rv_load_relaxed(&calls) == 1, "each once");
    finish_callback();
}

static void finish_removed(void)
{
    RV_MODEL_CHECK((int)rv_load_relaxed(&calls) + outcome[3] == 1, "called or removed");
    finish_callback();
}

/* a plain thread waits */

static void wait_blocking(void)
{
    struct rv_waiter w;
    rv_waiter_init(&w, NULL);
    if (!rv_state_is_done(&f->state) && rv_future_add_waiter(f, &w)) {
        int rc = rv_waitq_wait_thread(&f->waiters, &f->lock, &w, -1);
        RV_MODEL_CHECK(rc == 0, "without a deadline there is one end");
    }
    void *got;
    RV_MODEL_CHECK(rv_future_read(f, &got) == 0 && value == 7, "the result is there");
}

static void wait_blocking_a_while(void)
{
    struct rv_waiter w;
    rv_waiter_init(&w, NULL);
    if (!rv_state_is_done(&f->state) && rv_future_add_waiter(f, &w)) {
        int rc = rv_waitq_wait_thread(&f->waiters, &f->lock, &w, 1000);
        RV_MODEL_CHECK(rc == 0 || rc == -ETIMEDOUT, "one of two ends");
        if (rc < 0) {
            return;
        }
    }
    void *got;
    RV_MODEL_CHECK(rv_future_read(f, &got) == 0 && value == 7, "the result is there");
}

/* deadlines */

static void await_with_deadline(void)
{
    void *got = NULL;
    int rc = rove_wait_for(f, 1000, &got);
    RV_MODEL_CHECK(rc == 0 || rc == -ETIMEDOUT, "one of two ends");
    RV_MODEL_CHECK(rc != 0 || value == 7, "the result is there");
    RV_MODEL_CHECK(rove_cancelling(&rv_double_task(1)->future) == 0, "the request is taken back");
}

static void pass_time(void)
{
    rv_double_fire(1);
}

static void await_with_deadline_cancelled(void)
{
    void *got = NULL;
    int rc = rove_wait_for(f, 1000, &got);
    RV_MODEL_CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -ECANCELED || rc == -EIO, "its ends");
    outcome[1] = rc;
}

static RV_NOINLINE void scribble(uint64_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        at[i] = i;
    }
}

/* The timer was in the frame that this one takes the place of. */
static RV_NOINLINE void use_frame(void)
{
    uint64_t frame[60];
    scribble(frame, RV_ARRAY_LEN(frame));
    __asm__ volatile("" : : "r"(frame) : "memory"); /* else nobody would read it */
}

static void nap(void)
{
    outcome[1] = rove_sleep(1000);
    use_frame();
}

static void finish_nap(void)
{
    RV_MODEL_CHECK(outcome[1] == 0 || outcome[1] == -ECANCELED, "one of two ends");
    finish();
}

/* A deadline in the past is armed, or not yet: time passes until the nap is over. */
static void pass_time_until_over(void)
{
    for (int i = 0; i < 2; i++) {
        rv_double_fire(1);
        rv_model_point("time");
    }
    (void)rove_cancel(&rv_double_task(1)->future);
}

/* tasks */

static int compute(void *arg, void **result)
{
    value = 7;
    *result = arg;
    return 0;
}

static void spawn_join(void)
{
    void *got = NULL;
    rove_task *t = rove_create_task(compute, &value);
    RV_MODEL_CHECK(t != NULL, "memory");
    RV_MODEL_CHECK(rove_join(t, &got) == 0, "nobody cancels");
    RV_MODEL_CHECK(got == &value && value == 7, "the task's writes are the joiner's");
}

static void spawn_forget(void)
{
    rove_task *t = rove_create_task(compute, &value);
    rove_release(t);
}

static void spawn_cancel(void)
{
    void *got = NULL;
    rove_task *t = rove_create_task(compute, &value);
    (void)rove_cancel(t);
    int rc = rove_join(t, &got);
    RV_MODEL_CHECK(rc == -ECANCELED || (rc == 0 && value == 7), "one of two ends");
}

static int await_f(void *arg, void **result)
{
    (void)arg;
    return rove_await(f, result);
}

/* A request to the parent goes to the child, and from there to what that awaits. */
static void spawn_awaiter(void)
{
    void *got = NULL;
    rove_task *t = rove_create_task(await_f, NULL);
    int rc = rove_join(t, &got);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED, "one of two ends");
    RV_MODEL_CHECK(rc != 0 || value == 7, "the result is there");
}


static void spawn_two(void)
{
    rove_task *a = rove_create_task(compute, &value);
    void *got = NULL;
    RV_MODEL_CHECK(rove_await(a, NULL) == 0, "first look");
    RV_MODEL_CHECK(rove_join(a, &got) == 0 && got == &value, "done stays done");
}

/* Two tasks use a key for the first time: they agree on its number. */
static rove_local key;

static void setup_local(void)
{
    begin(2);
    rv_model_fill(&key, 0, sizeof key);
    rv_store_relaxed(&rv_local_last_key, 0u);
}

static void set_local(void)
{
    int *own = &outcome[rv_model_self()];
    RV_MODEL_CHECK(rove_local_set(&key, own) == 0, "memory");
    RV_MODEL_CHECK(rove_local_get(&key) == own, "its own value");
}

static void finish_local(void)
{
    for (unsigned i = 1; i <= 2; i++) {
        RV_MODEL_CHECK(rv_double_task(i)->locals != NULL, "it has a value");
        rv_locals_free(rv_double_task(i));
    }
    finish();
}

static const struct rv_model models[] = {
    {"future/set", setup_two, {await_ok, set}, finish, 0},
    {"future/set_outside", setup_one, {await_ok, set}, finish, 0},
    {"future/two_awaiters", setup_three, {await_ok, await_ok, set}, finish, 0},
    {"future/three_awaiters", setup_three, {await_ok, await_ok, await_ok, set}, finish,
     RV_MODEL_WIDE},
    {"future/poll", setup_one, {poll_result, set}, finish, 0},
    {"future/cancel_awaiter", setup_two, {await, set, cancel_first}, finish_cancelled, 0},
    {"future/cancel", setup_two, {await, set, cancel_future}, finish_cancelled, 0},
    {"future/cancel_one_of_two", setup_two, {await, await, set, cancel_first}, finish_cancelled,
     RV_MODEL_WIDE},
    {"future/two_completers", setup_three, {await_any, set_first, fail_first}, finish_completers,
     0},
    {"future/release", setup_shared, {await_and_release, set_and_release}, finish_released, 0},
    {"future/borrowed", setup_one, {await_and_release, set}, finish_released, 0},
    {"future/callback", setup_calls, {add_callback, set}, finish_called_once, 0},
    {"future/callback_first", setup_callback, {await_ok, set}, finish_called_once, 0},
    {"future/callback_remove", setup_callback, {remove_callback, set}, finish_removed, 0},
    {"future/blocking", setup_one, {set, wait_blocking}, finish, 0},
    {"future/blocking_timeout", setup_one, {set, wait_blocking_a_while}, finish, 0},
    {"future/deadline", setup_two, {await_with_deadline, set, pass_time}, finish, 0},
    {"future/deadline_cancel", setup_two, {await_with_deadline_cancelled, set_error, pass_time,
     cancel_first}, finish, RV_MODEL_WIDE},
    {"future/nap", setup_two, {nap, pass_time_until_over}, finish_nap, 0},
    {"task/spawn_join", setup_one, {spawn_join}, finish, 0},
    {"task/spawn_join_twice", setup_one, {spawn_two}, finish, 0},
    {"task/spawn_forget", setup_one, {spawn_forget}, finish, 0},
    {"task/local", setup_local, {set_local, set_local}, finish_local, 0},
    {"task/spawn_cancel", setup_one, {spawn_cancel}, finish, 0},
    {"task/cancel_chain", setup_two, {spawn_awaiter, set, cancel_first}, finish, 0},
};

const struct rv_model_list rv_models_future = {models, sizeof models / sizeof models[0]};
