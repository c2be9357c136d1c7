// SPDX-License-Identifier: MIT
/*
 * Purpose: models of event, once and barrier.
 * Idea:    as models_sync.c. Who has waited for an event may free it at once: a use after free says
 *          that the setter still touches it.
 * Threads: tasks first, then plain threads.
 */
#include "double.h"

#include <errno.h>
#include <rove/blocking.h>
#include <rove/sync.h>

static rove_event *event;
static rove_once once;
static rove_barrier barrier;
static int guarded, entered[RV_MODEL_THREADS];
static RV_ATOMIC(uint32_t) told;

static void begin(unsigned tasks)
{
    rv_double_begin(tasks);
    rv_model_fill(&once, 0, sizeof once);
    rv_model_fill(&barrier, 0, sizeof barrier);
    rv_model_fill(entered, 0, sizeof entered);
    guarded = 0;
    rv_store_relaxed(&told, 0u);
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
    rv_double_end();
}

static void cancel_first(void)
{
    (void)rove_cancel(&rv_double_task(1)->future);
}

/* event: the waiter's own, gone when the wait is over */

static void setup_event(void)
{
    begin(2);
    event = rv_model_malloc(sizeof *event);
    rv_model_fill(event, 0, sizeof *event);
}

static void setup_event_threads(void)
{
    begin(0);
    event = rv_model_malloc(sizeof *event);
    rv_model_fill(event, 0, sizeof *event);
}

static void wait_event_and_free(void)
{
    RV_MODEL_CHECK(rove_event_wait(event) == 0, "nobody cancels");
    RV_MODEL_CHECK(guarded == 1, "the setter's writes");
    rv_model_free(event);
}

static void set_event(void)
{
    guarded = 1;
    rove_event_set(event);
}

static void wait_event(void)
{
    RV_MODEL_CHECK(rove_event_wait(event) == 0, "nobody cancels");
    RV_MODEL_CHECK(guarded == 1, "the setter's writes");
    (void)rv_fetch_add_relaxed(&told, 1u);
}

static void wait_event_cancelled(void)
{
    int rc = rove_event_wait(event);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED, "one of two ends");
    RV_MODEL_CHECK(rc != 0 || guarded == 1, "the setter's writes");
}

static void look_at_event(void)
{
    if (rove_event_is_set(event)) {
        RV_MODEL_CHECK(guarded == 1, "the setter's writes");
    }
}

/* With a slow event: the state after the slow wait is looked at by a third. */
static void wait_then_look(void)
{
    look_at_event();
    look_at_event();
}

static void set_and_clear(void)
{
    set_event();
    rove_event_clear(event);
}

/* In slow mode another may be about to end that, which must not undo the clear. */
static void finish_cleared(void)
{
    RV_MODEL_CHECK(!rove_event_is_set(event), "cleared after it was set");
    rv_model_free(event);
    finish();
}

static void wait_if_set(void)
{
    if (rove_event_is_set(event)) {
        (void)rove_event_wait_blocking(event, 1000);
    }
}

static void wait_or_give_up(void)
{
    int rc = rove_event_wait_blocking(event, 1000);
    RV_MODEL_CHECK(rc == 0 || rc == -ETIMEDOUT, "one of two ends");
    RV_MODEL_CHECK(rc != 0 || guarded == 1, "the setter's writes");
}

static void finish_event(void)
{
    rv_model_free(event);
    finish();
}

/* once */

static int initialize(void *ctx)
{
    (void)ctx;
    RV_MODEL_CHECK(guarded == 0, "called once");
    guarded = 1;
    return 0;
}

static int initialize_or_fail(void *ctx)
{
    (void)ctx;
    entered[rv_model_self()] = 1;
    if (rv_fetch_add_relaxed(&told, 1u) == 0) {
        return -EIO;
    }
    RV_MODEL_CHECK(guarded == 0, "called once with success");
    guarded = 1;
    return 0;
}

static void call_once(void)
{
    RV_MODEL_CHECK(rove_once_call(&once, initialize, NULL) == 0, "it does not fail");
    RV_MODEL_CHECK(guarded == 1, "after the call");
}

static void call_once_twice(void)
{
    call_once();
    call_once();
}

static void call_failing(void)
{
    int rc = rove_once_call(&once, initialize_or_fail, NULL);
    RV_MODEL_CHECK(rc == 0 || rc == -EIO, "one of two ends");
    RV_MODEL_CHECK(rc != 0 || guarded == 1, "after the call");
}

/* barrier */

static void setup_barrier(void)
{
    begin(3);
    rove_barrier_init(&barrier, 2);
}

static void meet(void)
{
    entered[rv_model_self()] = 1;
    RV_MODEL_CHECK(rove_barrier_wait(&barrier) >= 0, "nobody cancels");
    RV_MODEL_CHECK(entered[1] == 1 && entered[2] == 1, "nobody goes on before all have come");
}

static void meet_twice(void)
{
    meet();
    RV_MODEL_CHECK(rove_barrier_wait(&barrier) >= 0, "again");
}

static const struct rv_model models[] = {
    {"event/free", setup_event, {wait_event_and_free, set_event}, finish, 0},
    {"event/two_waiters", setup_event, {wait_event, wait_event, set_event}, finish_event, 0},
    {"event/look", setup_event, {wait_event, set_event, look_at_event}, finish_event, 0},
    {"event/look_after_wait", setup_event, {wait_event, wait_then_look, set_event}, finish_event,
     0},
    {"event/cancel", setup_event, {wait_event_cancelled, set_event, cancel_first}, finish_event, 0},
    {"event/clear", setup_event, {look_at_event, set_and_clear}, finish_event, 0},
    {"event/clear_slow", setup_event_threads, {wait_or_give_up, set_and_clear, wait_if_set},
     finish_cleared, RV_MODEL_WIDE},
    {"event/blocking", setup_event, {set_event, look_at_event, wait_or_give_up}, finish_event, 0},
    {"once/two", setup_two, {call_once, call_once_twice}, finish, 0},
    {"once/three", setup_three, {call_once, call_once, call_once}, finish, 0},
    {"once/fails", setup_three, {call_failing, call_failing, call_failing}, finish, 0},
    {"barrier/two", setup_barrier, {meet_twice, meet_twice}, finish, 0},
};

const struct rv_model_list rv_models_event = {models, sizeof models / sizeof models[0]};
