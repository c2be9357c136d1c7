// SPDX-License-Identifier: MIT
/*
 * Purpose: corners of wait_for, gather, shield, wait, as_completed, done callbacks and eager tasks,
 *          each compared with CPython 3.13.
 * Idea:    see corners.h. Beside each stands the Python program.
 */
#include "support/corners.h"

static rove_future *first, *second, *future;
static const rove_task_options eager = {.eager = true};

static void release_pair(void)
{
    rove_release(first);
    rove_release(second);
}

/* create_task(other()); await wait_for(f, 0): a round passes though f is cancelled at once */
static int wait_for_no_time_of_a_future(void)
{
    rove_future *f = rove_create_future();
    rove_task *t = rove_create_task(rv_corner_other, NULL);
    rv_say_rc(rove_wait_for(f, 0, NULL));
    rv_say_number(rove_cancelled(f));
    rove_release(f);
    return rove_join(t, NULL);
}

/* t = create_task(body()); create_task(other()); await wait_for(t, 0): the body never runs */
static int wait_for_no_time_of_a_task(void)
{
    rove_task *t = rove_create_task(rv_corner_fail, NULL);
    rove_task *other = rove_create_task(rv_corner_other, NULL);
    rv_say_rc(rove_wait_for(t, 0, NULL));
    rv_say_number(rove_cancelled(t));
    rove_release(t);
    return rove_join(other, NULL);
}

/* f and g are done, g cancelled: await wait_for(f, 0); await wait_for(g, 0): no round passes */
static int wait_for_no_time_of_done_ones(void)
{
    rove_future *f = rove_create_future(), *g = rove_create_future();
    RV_EXPECT(rove_set_result(f, NULL) == 0 && rove_cancel(g));
    rove_task *other = rove_create_task(rv_corner_other, NULL);
    rv_say_rc(rove_wait_for(f, 0, NULL));
    rv_say_rc(rove_wait_for(g, 0, NULL));
    rove_release(f);
    rove_release(g);
    return rove_join(other, NULL);
}

static int wait_cancelled(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    RV_EXPECT(rove_cancel(rove_current_task()));
    return rove_wait_for(future, 0, NULL);
}

/* t: me.cancel(); await wait_for(f, 0): both are cancelled */
static int wait_for_no_time_with_a_request_pending(void)
{
    future = rove_create_future();
    rove_task *t = rove_create_task(wait_cancelled, NULL);
    rv_say_rc(rove_await(t, NULL));
    rv_say_number(rove_cancelled(future));
    rv_say_number(rove_cancelling(t));
    rove_release(t);
    rove_release(future);
    return 0;
}

/* me.cancel(); await wait_for(f, 100), f being done: felt at the next suspension only */
static int wait_for_done_with_a_request_pending(void)
{
    rove_future *f = rove_create_future();
    RV_EXPECT(rove_set_result(f, NULL) == 0 && rove_cancel(rove_current_task()));
    rv_say_rc(rove_wait_for(f, ROVE_SEC(100), NULL));
    rv_say_pause();
    rove_release(f);
    return rove_uncancel(rove_current_task());
}

static int clean_up_in_one(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int rc = rove_sleep(ROVE_FOREVER);
    rv_say("c!");
    RV_EXPECT_EQ(rove_yield(), 0);
    rv_say("c-");
    return rc;
}

static int wait_for_first(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_wait_for(first, ROVE_SEC(100), NULL);
}

/* t: await wait_for(c, 100); t.cancel(): c cleans up, then t ends */
static int wait_for_cancelled_waits_for_the_child(void)
{
    first = rove_create_task(clean_up_in_one, NULL);
    second = rove_create_task(wait_for_first, NULL);
    RV_EXPECT(rove_yield() == 0 && rove_yield() == 0);
    RV_EXPECT(rove_cancel(second));
    rv_say_rc(rove_await(second, NULL));
    rv_say_number(rove_cancelled(first));
    rv_say_number(rove_cancelling(first));
    rv_say_number(rove_cancelling(second));
    release_pair();
    return 0;
}

static int yield_good(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int rc = rove_yield();
    rv_say("good");
    return rc;
}

/* a.cancel(); await gather(a, b): raises, without a request to the caller; b goes on */
static int gather_of_a_cancelled_child(void)
{
    first = rove_create_task(rv_corner_sleep, NULL);
    second = rove_create_task(yield_good, NULL);
    rove_future *const fs[] = {first, second};
    RV_EXPECT(rove_yield() == 0 && rove_cancel(first));
    rv_say_rc(rove_gather(2, fs, NULL));
    rv_say_number(rove_done(second));
    rv_say_cancelling();
    release_pair();
    return 0;
}

/* await gather(failed, cancelled, good, return_exceptions=True) */
static int gather_outcomes_of_all_kinds(void)
{
    rove_future *fs[] = {rove_create_task(rv_corner_fail, NULL),
                         rove_create_task(rv_corner_sleep, NULL), rove_create_future()};
    rove_outcome outcomes[3];
    RV_EXPECT(rove_yield() == 0 && rove_cancel(fs[1]) && rove_set_result(fs[2], NULL) == 0);
    rv_say_rc(rove_gather_outcomes(3, fs, outcomes));
    for (int i = 0; i < 3; i++) {
        rv_say_rc(outcomes[i].error);
        rove_release(fs[i]);
    }
    return 0;
}

static int refuse_aloud(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    (void)rv_corner_sleep_aloud(NULL, NULL);
    return 0;
}

static int gather_outcomes_of_both(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_future *const fs[] = {first, second};
    rove_outcome outcomes[2];
    return rove_gather_outcomes(2, fs, outcomes);
}

/* t: await gather(a, b, return_exceptions=True); t.cancel(); both refuse: t is cancelled still */
static int gather_outcomes_whose_children_refuse(void)
{
    first = rove_create_task(refuse_aloud, NULL);
    second = rove_create_task(refuse_aloud, NULL);
    rove_task *t = rove_create_task(gather_outcomes_of_both, NULL);
    RV_EXPECT(rove_yield() == 0 && rove_yield() == 0 && rove_cancel(t));
    rv_say_rc(rove_await(t, NULL));
    rv_say_number(rove_cancelled(first));
    rv_say_number(rove_cancelling(t));
    rove_release(t);
    release_pair();
    return 0;
}

static int gather_one(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rv_say_rc(rove_gather(1, &future, NULL));
    return 0;
}

/* t: await gather(f); f.set_result(1); say(t.cancel()) before t runs */
static int gather_cancelled_when_all_is_done(void)
{
    future = rove_create_future();
    rove_task *t = rove_create_task(gather_one, NULL);
    RV_EXPECT(rove_yield() == 0 && rove_set_result(future, NULL) == 0);
    rv_say_number(rove_cancel(t));
    rv_say_rc(rove_await(t, NULL));
    rv_say_number(rove_cancelling(t));
    rove_release(t);
    rove_release(future);
    return 0;
}

static int await_future(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_await(future, NULL);
}

/* g = gather(gather(a), b); t: await g; t.cancel() */
static int gather_in_a_gather_cancelled(void)
{
    first = rove_create_task(rv_corner_sleep_aloud, NULL);
    second = rove_create_task(rv_corner_sleep_aloud, NULL);
    rove_future *inner[] = {rove_gather_future(1, &first), second};
    future = rove_gather_future(2, inner);
    rove_task *t = rove_create_task(await_future, NULL);
    RV_EXPECT(rove_yield() == 0 && rove_yield() == 0 && rove_cancel(t));
    rv_say_join(t);
    rv_say_number(rove_cancelled(first));
    rv_say_number(rove_cancelled(second));
    rv_say_number(rove_cancelled(future));
    rove_release(inner[0]);
    rove_release(future);
    release_pair();
    return 0;
}

static int yield_thrice(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(rove_yield(), 0);
    rv_say("c-");
    return 0;
}

static int shield_first(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int rc = rove_join(rove_shield(first), NULL);
    rv_say_cancelling();
    return rc;
}

/* t: await shield(c); t.cancel() */
static int shield_cancelled_outside(void)
{
    first = rove_create_task(yield_thrice, NULL);
    second = rove_create_task(shield_first, NULL);
    RV_EXPECT(rove_yield() == 0 && rove_cancel(second));
    rv_say_rc(rove_await(second, NULL));
    rv_say_number(rove_cancelling(first));
    rv_say_rc(rove_await(first, NULL));
    release_pair();
    return 0;
}

/* t: await shield(c); c.cancel(): felt by t, without a request */
static int shield_cancelled_inside(void)
{
    first = rove_create_task(rv_corner_sleep, NULL);
    second = rove_create_task(shield_first, NULL);
    RV_EXPECT(rove_yield() == 0 && rove_cancel(first));
    rv_say_rc(rove_await(second, NULL));
    rv_say_number(rove_cancelled(second));
    release_pair();
    return 0;
}

/* s = shield(shield(c)); say(s.cancel(), s.cancel(), s.done(), s.cancelled()); await c */
static int shield_of_a_shield(void)
{
    first = rove_create_task(yield_thrice, NULL);
    rove_future *inner = rove_shield(first), *s = rove_shield(inner);
    for (int i = 0; i < 2; i++)
        rv_say_number(rove_cancel(s));
    rv_say_number(rove_done(s));
    rv_say_number(rove_cancelled(s));
    rv_say_number(rove_done(inner));
    rove_release(s);
    rove_release(inner);
    rv_say_join(first);
    return 0;
}

static void say_context(RV_UNUSED rove_future *f, void *ctx)
{
    rv_say(ctx);
}

static void add_another(rove_future *f, RV_UNUSED void *ctx)
{
    rv_say("k");
    RV_EXPECT_EQ(rove_add_done_callback(f, say_context, "l"), 0);
    rv_say("k-");
}

/* f's callback k adds l; f.set_result(1); say("set"); await sleep(0); say("s1"); … say("s2") */
static int callback_added_by_a_callback(void)
{
    rove_future *f = rove_create_future();
    RV_EXPECT(rove_add_done_callback(f, add_another, NULL) == 0 && rove_set_result(f, NULL) == 0);
    rv_say("set");
    RV_EXPECT_EQ(rove_yield(), 0);
    rv_say("s1");
    RV_EXPECT_EQ(rove_yield(), 0);
    rv_say("s2");
    rove_release(f);
    return 0;
}

/* for x in "abc": f.add_done_callback(say x), f being done; say("added"); await sleep(0) */
static int callbacks_added_late(void)
{
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_set_result(f, NULL), 0);
    static char names[][2] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(rove_add_done_callback(f, say_context, names[i]), 0);
    rv_say("added");
    RV_EXPECT_EQ(rove_yield(), 0);
    rv_say("s");
    rove_release(f);
    return 0;
}

/* k, l, k; say(f.remove_done_callback(k), f.remove_done_callback(k)); k; f.set_result(1) */
static int callback_added_twice(void)
{
    static char k[] = "k", l[] = "l";
    char *const names[] = {k, l, k};
    rove_future *f = rove_create_future();
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(rove_add_done_callback(f, say_context, names[i]), 0);
    rv_say_number(rove_remove_done_callback(f, say_context, k));
    rv_say_number(rove_remove_done_callback(f, say_context, k));
    RV_EXPECT(rove_add_done_callback(f, say_context, k) == 0 && rove_set_result(f, NULL) == 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    rove_release(f);
    return 0;
}

/* t = create_task(child()); t's callback: say("cb"); t.cancel(); say(t.done()) in each round */
static int callback_of_one_that_never_ran(void)
{
    rove_task *t = rove_create_task(rv_corner_other, NULL);
    RV_EXPECT(rove_add_done_callback(t, say_context, "cb") == 0 && rove_cancel(t));
    rv_say_number(rove_done(t));
    RV_EXPECT_EQ(rove_yield(), 0);
    rv_say_number(rove_done(t));
    RV_EXPECT_EQ(rove_yield(), 0);
    rv_say("s");
    rove_release(t);
    return 0;
}

/* it = aiter(as_completed([a, b, c], timeout=0)), a done; anext thrice, b set in between; … */
static int as_completed_after_the_timeout(void)
{
    rove_future *fs[] = {rove_create_future(), rove_create_future(), rove_create_future()}, *f;
    RV_EXPECT_EQ(rove_set_result(fs[0], NULL), 0);
    rove_as_completed *it = rove_as_completed_open(3, fs, 0);
    for (int i = 0; i < 5; i++) {
        int rc = rove_as_completed_next(it, &f);
        rv_say(rc == 1 && f == fs[0] ? "a" : rc == -ETIMEDOUT ? "T" : rc == 0 ? "-" : "?");
        if (i == 1)
            RV_EXPECT_EQ(rove_set_result(fs[1], NULL), 0);
    }
    rove_as_completed_close(it);
    for (int i = 0; i < 3; i++)
        rove_release(fs[i]);
    return 0;
}

/* create_task(other()); await wait([f]), f being done: a round passes */
static int wait_for_what_is_done(void)
{
    rove_future *f = rove_create_future();
    rove_task *other = rove_create_task(rv_corner_other, NULL);
    RV_EXPECT_EQ(rove_set_result(f, NULL), 0);
    RV_EXPECT_EQ(rove_wait(1, &f, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), 1);
    rv_say("w");
    rove_release(f);
    return rove_join(other, NULL);
}

static rove_task *creator;

static bool is_among_all(const rove_task *t)
{
    rove_task *ts[8];
    bool is_there = false;
    for (size_t i = rove_all_tasks(rove_current_runtime(), ts, RV_ARRAY_LEN(ts)); i-- > 0;) {
        is_there |= ts[i] == t;
        rove_release(ts[i]);
    }
    return is_there;
}

static int say_itself(void *name, RV_UNUSED void **result)
{
    rv_say(name);
    rv_say_number(rove_current_task() != creator);
    RV_EXPECT_EQ(rove_yield(), 0);
    rv_say("-");
    return 0;
}

static int say_membership(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rv_say_number(is_among_all(rove_current_task()));
    return 0;
}

/* lazy = create_task(child("lazy")); t = eager(child("eager")); u = eager(one that ends) */
static int eager_first_steps(void)
{
    creator = rove_current_task();
    rove_task *lazy = rove_create_task(say_itself, "lazy");
    rove_task *t = rove_create_task_with(&eager, say_itself, "eager");
    rv_say("back");
    rv_say_number(rove_current_task() == creator);
    rv_say_number(rove_done(t));
    rove_task *u = rove_create_task_with(&eager, say_membership, NULL);
    rv_say_number(rove_done(u));
    rv_say_number(is_among_all(u));
    rv_say_number(is_among_all(t));
    RV_EXPECT(rove_join(t, NULL) == 0 && rove_join(lazy, NULL) == 0);
    rove_release(u);
    return 0;
}

static int cancel_oneself(void *pauses, RV_UNUSED void **result)
{
    RV_EXPECT(rove_cancel(rove_current_task()));
    if (pauses != NULL) {
        rv_say_pause();
        rv_say_pause();
    }
    return 0;
}

/* eager: me.cancel(); return 1 · eager: me.cancel(); p(); p() */
static int eager_that_cancels_itself(void)
{
    first = rove_create_task_with(&eager, cancel_oneself, NULL);
    rv_say_number(rove_done(first));
    rv_say_number(rove_cancelled(first));
    rv_say_number(rove_cancelling(first));
    second = rove_create_task_with(&eager, cancel_oneself, &first);
    rv_say_number(rove_done(second));
    rv_say_rc(rove_await(second, NULL));
    release_pair();
    return 0;
}

/* eager: await f, f being done; say(t.done()) */
static int eager_awaits_what_is_done(void)
{
    RV_EXPECT_EQ(rove_set_result(future = rove_create_future(), NULL), 0);
    rove_task *t = rove_create_task_with(&eager, await_future, NULL);
    rv_say_number(rove_done(t));
    rove_release(future);
    rv_say_join(t);
    return 0;
}

static const struct rv_corner corners[] = {
    {"wait_for_no_time_of_a_future", wait_for_no_time_of_a_future, "other T 1"},
    {"wait_for_no_time_of_a_task", wait_for_no_time_of_a_task, "other T 1"},
    {"wait_for_no_time_of_done_ones", wait_for_no_time_of_done_ones, "0 C other"},
    {"wait_for_no_time_with_a_request_pending", wait_for_no_time_with_a_request_pending, "C 1 1"},
    {"wait_for_done_with_a_request_pending", wait_for_done_with_a_request_pending, "0 C"},
    {"wait_for_cancelled_waits_for_the_child", wait_for_cancelled_waits_for_the_child,
     "c! c- C 1 1 1"},
    {"gather_of_a_cancelled_child", gather_of_a_cancelled_child, "good C 1 0"},
    {"gather_outcomes_of_all_kinds", gather_outcomes_of_all_kinds, "0 E C 0"},
    {"gather_outcomes_whose_children_refuse", gather_outcomes_whose_children_refuse,
     "c! c! C 0 1"},
    {"gather_cancelled_when_all_is_done", gather_cancelled_when_all_is_done, "1 C 0 1"},
    {"gather_in_a_gather_cancelled", gather_in_a_gather_cancelled,
     "c! c! C 1 1 1"}, /* CPython: 0, as a gather has CancelledError for an error of its own */
    {"shield_cancelled_outside", shield_cancelled_outside, "1 C 0 c- 0"},
    {"shield_cancelled_inside", shield_cancelled_inside, "0 C 1"},
    {"shield_of_a_shield", shield_of_a_shield, "1 0 1 1 0 c- 0"},
    {"callback_added_by_a_callback", callback_added_by_a_callback, "set k k- s1 l s2"},
    {"callbacks_added_late", callbacks_added_late, "added a b c s"},
    {"callback_added_twice", callback_added_twice, "2 0 l k"},
    {"callback_of_one_that_never_ran", callback_of_one_that_never_ran, "0 1 cb s"},
    {"as_completed_after_the_timeout", as_completed_after_the_timeout, "a T T - -"},
    {"wait_for_what_is_done", wait_for_what_is_done, "other w"},
    {"eager_first_steps", eager_first_steps, "eager 1 back 1 0 1 1 0 1 lazy 1 - -"},
    {"eager_that_cancels_itself", eager_that_cancels_itself,
     "1 1 1 C 0 0 0"}, /* CPython: 1 1 1 0 C 0 0: there it is felt a round after the pause */
    {"eager_awaits_what_is_done", eager_awaits_what_is_done, "1 0"},
};

static void test_corners_of_many_are_those_of_asyncio(void **state)
{
    (void)state;
    rv_corners_play(corners, RV_ARRAY_LEN(corners));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corners_of_many_are_those_of_asyncio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
