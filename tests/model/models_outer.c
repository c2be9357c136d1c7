// SPDX-License-Identifier: MIT
/*
 * Purpose: models of gathers and shields that are dropped, cancelled and looked at while what they
 *          are over completes, or ends undone.
 * Idea:    each has two handles at most, and what it is over as well; whoever holds one reads or
 *          writes something plain before it is dropped. Who is last frees, which races with what
 *          nothing orders before it; a reference too many is a leak.
 * Threads: 1 drops or cancels the outer future, the others complete or drop what it is over.
 */
#include "double.h"

#include <errno.h>
#include <rove/wait.h>

static rove_future *fs[2];
static rove_future *outers[2];
static int value;
static int outcome[RV_MODEL_THREADS];

static void begin(void)
{
    rv_double_begin(3);
    for (int i = 0; i < 2; i++) {
        fs[i] = rove_create_future();
        outers[i] = NULL;
    }
    value = 0;
    for (int i = 0; i < RV_MODEL_THREADS; i++) {
        outcome[i] = 1;
    }
}

static void finish(void)
{
    rv_double_end();
}

static void finish_first(void)
{
    rove_release(fs[0]);
    finish();
}

static void finish_second(void)
{
    rove_release(fs[1]);
    finish();
}

static void finish_both(void)
{
    rove_release(fs[0]);
    finish_second();
}

static void drop(void)
{
    rove_release(outers[0]);
}

static void drop_other(void)
{
    rove_release(outers[1]);
}

static void read_and_drop(void)
{
    void *result = NULL;
    if (rove_result(outers[0], &result) == 0) {
        RV_MODEL_CHECK(((void **)result)[0] == &value && value == 7, "what the child wrote");
    }
    rove_release(outers[0]);
}

static void set(void)
{
    value = 7;
    (void)rove_set_result(fs[0], &value);
}

static void set_and_release(void)
{
    set();
    rove_release(fs[0]);
}

static void release(void)
{
    rove_release(fs[0]);
}

static void release_second(void)
{
    rove_release(fs[1]);
}

static void fail(void)
{
    (void)rove_set_error(fs[0], -EIO);
}

static void fail_second(void)
{
    (void)rove_set_error(fs[1], -EIO);
}

/* gathers */

static void setup_one(void)
{
    begin();
    rove_release(fs[1]);
    outers[0] = rove_gather_future(1, fs);
}

static void setup_two(void)
{
    begin();
    outers[0] = rove_gather_future(2, fs);
}

static void setup_shared(void)
{
    setup_one();
    (void)rove_retain(outers[0]);
}

static void setup_shared_two(void)
{
    setup_two();
    (void)rove_retain(outers[0]);
}

/* Both have the same children. */
static void setup_siblings(void)
{
    begin();
    outers[0] = rove_gather_future(2, fs);
    outers[1] = rove_gather_future(2, fs);
}

/* The inner one is only the outer one's. */
static void setup_nested(void)
{
    begin();
    rove_release(fs[1]);
    rove_future *inner = rove_gather_future(1, fs);
    outers[0] = rove_gather_future(1, &inner);
    rove_release(inner);
}

static void setup_empty(void)
{
    begin();
    rove_release(fs[1]);
}

static void gather_and_read(void)
{
    void *result = NULL;
    outers[0] = rove_gather_future(1, fs);
    if (rove_result(outers[0], &result) == 0) {
        RV_MODEL_CHECK(((void **)result)[0] == &value && value == 7, "what the child wrote");
    }
    rove_release(outers[0]);
}

/* Cancelled twice. The children are tasks, which take note of it and go on. */

static void setup_tasks(void)
{
    begin();
    rove_future *tasks[] = {&rv_double_task(3)->future, &rv_double_task(3)->future};
    outers[1] = rove_gather_future(2, tasks);
    outers[0] = rove_gather_future(1, &outers[1]);
}

static void cancel(void)
{
    outcome[rv_model_self()] = rove_cancel(outers[0]);
}

static void cancel_other(void)
{
    outcome[rv_model_self()] = rove_cancel(outers[1]);
}

static void end_task(void)
{
    struct rove_future *task = &rv_double_task(3)->future;
    task->result = &value;
    rv_future_notify(task, rv_state_finish(&task->state, 0));
}

/* One that came while the other was under way is refused. */
static void finish_tasks(void)
{
    RV_MODEL_CHECK(outcome[1] == 1 || outcome[2] == 1, "somebody went through them");
    end_task();
    RV_MODEL_CHECK(rove_cancelled(outers[0]) && rove_cancelled(outers[1]), "accepted");
    rove_release(outers[0]);
    rove_release(outers[1]);
    finish_both();
}

/* shields */

static void setup_shield(void)
{
    begin();
    rove_release(fs[1]);
    outers[0] = rove_shield(fs[0]);
}

static void setup_shields(void)
{
    begin();
    rove_release(fs[1]);
    outers[1] = rove_shield(fs[0]);
    outers[0] = rove_shield(fs[0]);
}

static void setup_gather_of_shield(void)
{
    begin();
    rove_release(fs[1]);
    rove_future *shield = rove_shield(fs[0]);
    outers[0] = rove_gather_future(1, &shield);
    rove_release(shield);
}

static void finish_cancelled(void)
{
    RV_MODEL_CHECK(rove_done(outers[0]) && rove_done(outers[1]), "both are done");
    RV_MODEL_CHECK((outcome[1] == 1) == rove_cancelled(outers[0]), "accepted or too late");
    rove_release(outers[0]);
    rove_release(outers[1]);
    finish_first();
}

/* As the call graph does it: whoever is over fs[0] is retained under its lock, and looked at. */
static void look(void)
{
    rv_lock_acquire(&fs[0]->lock);
    const struct rv_waiter *w = fs[0]->waiters.first;
    rove_future *seen = w == NULL ? NULL : rove_retain(w->owner);
    rv_lock_release(&fs[0]->lock);
    rove_release(fs[0]);
    rove_release(seen);
}

static void setup_looked_at(void)
{
    setup_shield();
    (void)rove_retain(fs[0]);
}

static void setup_gather_looked_at(void)
{
    setup_one();
    (void)rove_retain(fs[0]);
}

static const struct rv_model models[] = {
    {"outer/late", setup_empty, {gather_and_read, set}, finish_first, 0},
    {"outer/read", setup_shared, {read_and_drop, set, drop}, finish_first, 0},
    {"outer/dropped", setup_one, {drop, set_and_release}, finish, 0},
    {"outer/dropped_twice", setup_shared, {drop, drop, set_and_release}, finish, 0},
    {"outer/dropped_undone", setup_shared_two, {drop, drop}, finish_both, 0},
    {"outer/given_up", setup_two, {drop, release}, finish_second, 0},
    {"outer/given_up_each", setup_two, {drop, release, release_second}, finish, 0},
    {"outer/fails", setup_two, {drop, fail}, finish_both, 0},
    {"outer/fails_both", setup_two, {drop, fail, fail_second}, finish_both, 0},
    {"outer/siblings", setup_siblings, {drop, fail, drop_other}, finish_both, 0},
    {"outer/nested", setup_nested, {drop, set_and_release}, finish, 0},
    {"outer/nested_given_up", setup_nested, {drop, release}, finish, 0},
    {"outer/gather_looked_at", setup_gather_looked_at, {drop, release, look}, finish, 0},
    {"outer/two_cancels", setup_tasks, {cancel_other, cancel_other}, finish_tasks, 0},
    {"outer/two_cancels_nested", setup_tasks, {cancel, cancel_other}, finish_tasks, 0},
    {"outer/shield", setup_shield, {drop, set_and_release}, finish, 0},
    {"outer/shield_given_up", setup_shield, {drop, release}, finish, 0},
    {"outer/shield_of_two", setup_shields, {drop, set_and_release, drop_other}, finish, 0},
    {"outer/shield_cancelled", setup_shields, {cancel, set}, finish_cancelled, 0},
    {"outer/shield_looked_at", setup_looked_at, {drop, release, look}, finish, 0},
    {"outer/gather_of_shield", setup_gather_of_shield, {drop, set_and_release}, finish, 0},
};

const struct rv_model_list rv_models_outer = {models, sizeof models / sizeof models[0]};
