// SPDX-License-Identifier: MIT
/*
 * Purpose: corners of cancellation, timeouts and groups, each compared with CPython 3.13.
 * Idea:    see corners.h. Beside each stands the Python program; `me` is current_task(), `f` a
 *          future, and `p()` is the pause that says 0 or C.
 */
#include "support/corners.h"

static rove_task *me, *task;
static rove_future *future;

static rove_task *start(rove_coro *fn)
{
    return task = rove_create_task(fn, NULL);
}

/* me.cancel(); me.cancel(); say(me.uncancel()); p(); p(); say(me.cancelling()) */
static int uncancel_one_of_two(void)
{
    rove_task *self = rove_current_task();
    RV_EXPECT(rove_cancel(self) && rove_cancel(self));
    rv_say_number(rove_uncancel(self));
    rv_say_pause();
    rv_say_pause();
    rv_say_cancelling();
    return rove_uncancel(self);
}

/* me.cancel(); me.cancel(); say(me.uncancel(), me.uncancel()); p(); say(me.cancelling()) */
static int uncancel_to_zero(void)
{
    rove_task *self = rove_current_task();
    RV_EXPECT(rove_cancel(self) && rove_cancel(self));
    rv_say_number(rove_uncancel(self));
    rv_say_number(rove_uncancel(self));
    rv_say_pause();
    rv_say_cancelling();
    return 0;
}

/* me.cancel(); me.uncancel(); me.cancel(); say(me.cancelling()); p(); p() */
static int uncancel_then_cancel(void)
{
    rove_task *self = rove_current_task();
    RV_EXPECT(rove_cancel(self) && rove_uncancel(self) == 0 && rove_cancel(self));
    rv_say_cancelling();
    rv_say_pause();
    rv_say_pause();
    return rove_uncancel(self);
}

static int ran(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rv_say("ran");
    rv_say_pause();
    return 0;
}

/* t = create_task(ran()); t.cancel(); say(t.cancelling(), t.uncancel()); await t */
static int uncancel_before_it_runs(void)
{
    start(ran);
    RV_EXPECT(rove_cancel(task));
    rv_say_number(rove_cancelling(task));
    rv_say_number(rove_uncancel(task));
    rv_say_rc(rove_await(task, NULL));
    rv_say_number(rove_cancelled(task));
    rove_release(task);
    return 0;
}

static int feel(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    if (rove_await(future, NULL) == -ECANCELED) {
        rv_say("felt");
        rv_say_cancelling();
    }
    return 0;
}

/* t, which awaits f: t.cancel(); say(t.uncancel()): f was cancelled, so it is felt all the same */
static int uncancel_of_one_that_waits(void)
{
    future = rove_create_future();
    start(feel);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT(rove_cancel(task));
    rv_say_number(rove_uncancel(task));
    rv_say_join(task);
    rv_say_number(rove_cancelled(future));
    rove_release(future);
    return 0;
}

static int await_in_a_limit(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_timeout t;
    rove_timeout_enter(&t, ROVE_SEC(100));
    int rc = rove_timeout_exit(&t, rove_await(future, NULL));
    rv_say_rc(rc);
    rv_say_number(rove_timeout_expired(&t));
    rv_say_cancelling();
    return rc;
}

/* t: async with timeout(100): await f; somebody else: say(f.cancel()) */
static int future_cancelled_by_a_third(void)
{
    future = rove_create_future();
    start(await_in_a_limit);
    RV_EXPECT_EQ(rove_yield(), 0);
    rv_say_number(rove_cancel(future));
    rv_say_rc(rove_await(task, NULL));
    rv_say_number(rove_cancelled(task));
    rv_say_number(rove_cancelling(task));
    rove_release(task);
    rove_release(future);
    return 0;
}

static int cancel_then(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_cancel(rove_current_task());
    return arg == NULL ? 0 : RV_CORNER_E;
}

static void say_end(rove_task *t)
{
    rv_say_rc(rove_await(t, NULL));
    rv_say_number(rove_cancelled(t));
    rv_say_number(rove_cancelling(t));
    rove_release(t);
}

/* me.cancel(); return 1 · me.cancel(); raise E · raise CancelledError */
static int raise_cancelled(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return -ECANCELED;
}

static int cancel_in_the_last_step(void)
{
    say_end(rove_create_task(cancel_then, NULL));
    say_end(rove_create_task(cancel_then, &task));
    say_end(rove_create_task(raise_cancelled, NULL));
    return 0;
}

static int swallow(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rv_say_rc(rove_sleep(ROVE_FOREVER));
    rv_say_pause();
    rv_say_cancelling();
    return 0;
}

/* say(t.cancel(), t.cancel()) of one that swallows: felt once; await t; say(t.cancel()) */
static int cancel_twice_at_once(void)
{
    start(swallow);
    RV_EXPECT_EQ(rove_yield(), 0);
    rv_say_number(rove_cancel(task));
    rv_say_number(rove_cancel(task));
    rv_say_rc(rove_await(task, NULL));
    rv_say_number(rove_cancel(task));
    rv_say_number(rove_cancelling(task));
    rove_release(task);
    return 0;
}

static int await_then_pause(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rv_say_rc(rove_await(future, NULL));
    rv_say_pause();
    return 0;
}

/* t awaits f; f.set_result(1); say(t.cancel()): the result is lost on t */
static int cancel_when_the_future_is_set(void)
{
    future = rove_create_future();
    start(await_then_pause);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_EQ(rove_set_result(future, NULL), 0);
    rv_say_number(rove_cancel(task));
    rv_say_join(task);
    rove_release(future);
    return 0;
}

/* try: async with timeout(0) as t: try: await sleep(100) except CancelledError: t.reschedule(None)
 * (refused); raise. After it: refused again */
static int timeout_moved_when_expired(void)
{
    rove_timeout t;
    rove_timeout_enter(&t, 0);
    int rc = rove_sleep(ROVE_FOREVER);
    rv_say(rove_timeout_reschedule(&t, -1) < 0 ? "refused" : "moved");
    rv_say_number(rove_timeout_expired(&t));
    rv_say_rc(rove_timeout_exit(&t, rc));
    rv_say(rove_timeout_reschedule(&t, -1) < 0 ? "refused" : "moved");
    rv_say_number(rove_timeout_expired(&t));
    return 0;
}

static int expire_and_withdraw(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_timeout t;
    me = rove_current_task();
    rove_timeout_enter(&t, 0);
    rv_say_pause();
    rv_say_cancelling();
    RV_EXPECT(rove_cancel(me));
    rv_say_cancelling();
    rv_say_number(rove_uncancel(me));
    rv_say_pause(); /* not withdrawn: the count is not zero */
    rv_say_rc(rove_timeout_exit(&t, -ECANCELED));
    rv_say_cancelling();
    rv_say_pause();
    return 0;
}

/* async with timeout(0): p(); say(me.cancelling()); me.cancel(); say(me.cancelling(),
 * me.uncancel()); p(); raise CancelledError */
static int timeout_and_a_request_withdrawn(void)
{
    rv_say_join(start(expire_and_withdraw));
    return 0;
}

/* async with timeout(0) as a: async with timeout(0) as b: await sleep(100) */
static int timeouts_both_expired(void)
{
    rove_timeout a, b;
    rove_timeout_enter(&a, 0);
    rove_timeout_enter(&b, 0);
    int rc = rove_timeout_exit(&b, rove_sleep(ROVE_FOREVER));
    rv_say_rc(rc);
    rv_say_number(rove_timeout_expired(&a));
    rv_say_number(rove_timeout_expired(&b));
    rv_say_cancelling();
    rv_say_rc(rove_timeout_exit(&a, rc));
    rv_say_cancelling();
    rv_say_pause();
    return 0;
}

/* How many are in the ExceptionGroup: the children's errors, and the block's own. */
static void say_group(const rove_task_group *g, int rc, bool is_own)
{
    char word[24];
    if (rc >= 0 || rc == -ECANCELED) {
        rv_say_rc(rc);
        return;
    }
    (void)snprintf(word, sizeof word, "G%zu", rove_task_group_errors(g, NULL, 0) + is_own);
    rv_say(word);
}

static int block_awaits(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_task_group_create_task(&g, rv_corner_sleep_aloud, NULL);
    return rove_task_group_exit(&g, rove_await(future, NULL));
}

/* t: async with TaskGroup() as g: g.create_task(child()); await f. Then: f.cancel() */
static int group_block_felt_a_cancelled_future(void)
{
    future = rove_create_future();
    start(block_awaits);
    RV_EXPECT(rove_yield() == 0 && rove_yield() == 0);
    RV_EXPECT(rove_cancel(future));
    rv_say_rc(rove_await(task, NULL));
    rv_say_number(rove_cancelling(task));
    rove_release(task);
    rove_release(future);
    return 0;
}

/* A block that swallows what the group sends it, and goes on: it is shut, and asked once. */
static int group_block_swallows(void)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_task_group_create_task(&g, rv_corner_fail, NULL);
    rv_say_pause();
    rv_say_pause();
    rv_say_pause();
    rv_say_cancelling();
    rv_say(rove_task_group_create_task(&g, rv_corner_fail, NULL) == NULL ? "shut" : "created");
    rv_say_pause();
    int rc = rove_task_group_exit(&g, 0);
    say_group(&g, rc, false);
    rv_say_cancelling();
    rv_say_pause();
    return 0;
}

static int swallow_and_be_cancelled(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_task_group_create_task(&g, rv_corner_fail, NULL);
    rv_say_pause();
    rv_say_pause();
    rv_say_pause();
    RV_EXPECT(rove_cancel(rove_current_task()));
    rv_say_cancelling();
    rv_say_pause();
    rv_say_pause();
    say_group(&g, rove_task_group_exit(&g, 0), false);
    rv_say_cancelling();
    rv_say_pause(); /* what came from outside is renewed */
    rv_say_pause();
    return 0;
}

/* The same; and in the block me.cancel(), swallowed too. */
static int group_block_swallows_two(void)
{
    rv_say_join(start(swallow_and_be_cancelled));
    return 0;
}

static int clean_up_in_three(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int rc = rove_sleep(ROVE_FOREVER);
    rv_say("c!");
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(rove_yield(), 0);
    rv_say("c-");
    return rc;
}

static int wait_in_the_exit(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_task_group_create_task(&g, clean_up_in_three, NULL);
    int rc = rove_task_group_exit(&g, 0);
    rv_say("body!");
    rv_say_cancelling();
    rv_say_pause();
    return rc;
}

/* t waits in the exit of its group; t.cancel(); two rounds later t.cancel() */
static int group_cancelled_twice_in_its_exit(void)
{
    start(wait_in_the_exit);
    RV_EXPECT(rove_yield() == 0 && rove_yield() == 0);
    RV_EXPECT(rove_cancel(task));
    RV_EXPECT(rove_yield() == 0 && rove_yield() == 0);
    RV_EXPECT(rove_cancel(task));
    rv_say_rc(rove_await(task, NULL));
    rv_say_number(rove_cancelling(task));
    rove_release(task);
    return 0;
}

static int clean_up_with_a_group(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_task_group g;
    RV_EXPECT(rove_cancel(rove_current_task()));
    rv_say_pause();
    rove_task_group_enter(&g);
    rove_task_group_create_task(&g, rv_corner_fail, NULL);
    say_group(&g, rove_task_group_exit(&g, 0), false);
    rv_say_cancelling();
    rv_say_pause(); /* felt before, and yet again: as CPython has it */
    rv_say_pause();
    return 0;
}

/* me.cancel(); p(); try: async with TaskGroup() as g: g.create_task(bad()) except* E: ... */
static int group_in_the_clean_up_of_a_cancelled_task(void)
{
    rv_say_join(start(clean_up_with_a_group));
    return 0;
}

/* The block answers the group's request with an error; a child answers the block's error so. */
static int group_errors_of_both(void)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_task_group_create_task(&g, rv_corner_fail, NULL);
    int rc = rove_sleep(ROVE_FOREVER) == -ECANCELED ? RV_CORNER_E : 0;
    say_group(&g, rove_task_group_exit(&g, rc), true);
    rv_say_cancelling();
    rv_say_pause();
    rove_task_group_enter(&g);
    rove_task_group_create_task(&g, rv_corner_fail_cancelled, NULL);
    RV_EXPECT_EQ(rove_yield(), 0);
    say_group(&g, rove_task_group_exit(&g, RV_CORNER_E), true);
    return 0;
}

/* The block raises CancelledError of its own accord; a child is cancelled by hand. */
static int group_cancelled_of_its_own_accord(void)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_task_group_create_task(&g, rv_corner_sleep, NULL);
    RV_EXPECT_EQ(rove_yield(), 0);
    say_group(&g, rove_task_group_exit(&g, -ECANCELED), false);
    rv_say_cancelling();
    rove_task_group_enter(&g);
    rove_task *t = rove_task_group_create_task(&g, rv_corner_sleep, NULL);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT(rove_cancel(t));
    say_group(&g, rove_task_group_exit(&g, 0), false);
    return 0;
}

static const struct rv_corner corners[] = {
    {"uncancel_one_of_two", uncancel_one_of_two, "1 C 0 1"},
    {"uncancel_to_zero", uncancel_to_zero, "1 0 0 0"},
    {"uncancel_then_cancel", uncancel_then_cancel, "1 C 0"},
    {"uncancel_before_it_runs", uncancel_before_it_runs, "1 0 ran 0 0 0"},
    {"uncancel_of_one_that_waits", uncancel_of_one_that_waits, "0 felt 0 0 1"},
    {"future_cancelled_by_a_third", future_cancelled_by_a_third, "1 C 0 0 C 1 0"},
    {"cancel_in_the_last_step", cancel_in_the_last_step, "C 1 1 E 0 1 C 1 0"},
    {"cancel_twice_at_once", cancel_twice_at_once, "1 1 C 0 2 0 0 2"},
    {"cancel_when_the_future_is_set", cancel_when_the_future_is_set, "1 C 0 0"},
    {"timeout_moved_when_expired", timeout_moved_when_expired, "refused 1 T refused 1"},
    {"timeout_and_a_request_withdrawn", timeout_and_a_request_withdrawn, "C 1 2 1 C T 0 0 0"},
    {"timeouts_both_expired", timeouts_both_expired, "C 1 1 1 T 0 0"},
    {"group_block_felt_a_cancelled_future", group_block_felt_a_cancelled_future, "c! C 0"},
    {"group_block_swallows", group_block_swallows, "0 C 0 1 shut 0 G1 0 0"},
    {"group_block_swallows_two", group_block_swallows_two, "0 C 0 2 C 0 G1 1 C 0 0"},
    {"group_cancelled_twice_in_its_exit", group_cancelled_twice_in_its_exit, "c! c- body! 2 0 C 2"},
    {"group_in_the_clean_up_of_a_cancelled_task", group_in_the_clean_up_of_a_cancelled_task,
     "C G1 1 C 0 0"},
    {"group_errors_of_both", group_errors_of_both, "G2 0 0 G2"},
    {"group_cancelled_of_its_own_accord", group_cancelled_of_its_own_accord, "C 0 0"},
};

static void test_corners_of_cancellation_are_those_of_asyncio(void **state)
{
    (void)state;
    rv_corners_play(corners, RV_ARRAY_LEN(corners));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corners_of_cancellation_are_those_of_asyncio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
