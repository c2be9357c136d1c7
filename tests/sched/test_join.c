// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/join.h: who awaits the next task makes way for it, and nobody can tell.
 * Idea:    each program says what it sees. It is played twice on a lone worker, the second time
 *          with `parks_late` off, so that the parent is listed and parks as with many workers, and
 *          must say the same. Whether it did make way is looked at from within the child.
 */
#include "support/corners.h"

#include "sched/current.h"
#include "sched/inspect.h"
#include "sched/suspend.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <pthread.h>

enum { DEPTH = 300 };

static rove_task *parent, *child;
static unsigned way_made; /* children that found that their parent had made way */

static void count_way(void)
{
    const struct rv_worker *w = rv_current_worker();
    way_made += w->after == RV_AFTER_JOIN && w->after_task == rv_task_of(parent);
}

static int say_number(void *arg, void **result)
{
    count_way();
    rv_say_number((intptr_t)arg);
    *result = arg;
    return 0;
}

static int ends(void)
{
    void *value = NULL;
    rv_say_rc(rove_join(rove_create_task(say_number, (void *)7), &value));
    rv_say_number((intptr_t)value);
    return 0;
}

static int fails(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    count_way();
    return RV_CORNER_E;
}

static int ends_with_an_error(void)
{
    rv_say_rc(rove_join(rove_create_task(fails, NULL), NULL));
    return 0;
}

static int say_starting(void *arg, void **result)
{
    count_way();
    rove_task *other = rove_create_task(say_number, arg);
    rv_say("before");
    *result = other;
    return 0;
}

/* What the child made ready runs before the parent does. */
static int ends_with_others_ready(void)
{
    void *other = NULL;
    rv_say_rc(rove_join(rove_create_task(say_starting, (void *)3), &other));
    rv_say("parent");
    return rove_join(other, NULL);
}

static int yields(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    count_way();
    for (int i = 0; i < 3; i++) {
        rv_say_pause();
    }
    return 0;
}

static int goes_on_after_a_yield(void)
{
    rove_task *t = rove_create_task(yields, NULL);
    rv_say_rc(rove_await(t, NULL));
    rv_say_rc(rove_join(t, NULL));
    return 0;
}

static int cancels_its_parent(void *arg, RV_UNUSED void **result)
{
    count_way();
    rv_say_number(rove_cancel(parent));
    rv_say_number(rove_cancelling(parent));
    rv_say_cancelling();
    if (arg != NULL) {
        rv_say_pause();
    }
    return 0;
}

static int cancelled_by(void *wait)
{
    child = rove_create_task(cancels_its_parent, wait);
    rv_say_rc(rove_await(child, NULL));
    rv_say_number(rove_cancelled(child));
    rv_say_number(rove_uncancel(rove_current_task()));
    rv_say_pause();
    rove_release(child);
    return 0;
}

static int cancelled_by_its_child(void)
{
    return cancelled_by(NULL);
}

static int cancelled_by_its_child_that_waits(void)
{
    return cancelled_by(&child);
}

static int looks_at_its_parent(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_inspection seen;
    count_way();
    rv_inspect(rv_task_of(parent), &seen);
    rv_say(seen.activity == RV_TASK_WAITING ? "waits" : "does not");
    rv_say(rv_inspect_wait_name(seen.kind));
    rv_say_number(seen.object == rove_current_task());
    return 0;
}

static int looked_at_by_its_child(void)
{
    rv_say_rc(rove_join(rove_create_task(looks_at_its_parent, NULL), NULL));
    return 0;
}

static int awaits(void *arg, RV_UNUSED void **result)
{
    int rc = rove_await(arg, NULL);
    rv_say("other");
    return rc;
}

static int has_eager_child_await_it(RV_UNUSED void *arg, void **result)
{
    static const rove_task_options eager = {.eager = true};
    count_way();
    *result = rove_create_task_with(&eager, awaits, rove_current_task());
    rv_say("child");
    return 0;
}

/* Who awaited first goes on first. */
static int awaited_by_two(void)
{
    void *other = NULL;
    rv_say_rc(rove_join(rove_create_task(has_eager_child_await_it, NULL), &other));
    rv_say("parent");
    return rove_join(other, NULL);
}

static int say_done(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rv_say_rc(rove_yield());
    return 0;
}

/* With another before it, the child is not the next. */
static int behind_another(void)
{
    rove_task *first = rove_create_task(say_number, (void *)1);
    rv_say_rc(rove_join(rove_create_task(say_number, (void *)2), NULL));
    return rove_join(first, NULL);
}

static int cancelled_before_it_began(void)
{
    child = rove_create_task(say_done, NULL);
    rv_say_number(rove_cancel(child));
    rv_say_rc(rove_join(child, NULL));
    return 0;
}

static int descends(void *arg, void **result)
{
    intptr_t depth = (intptr_t)arg;
    void *below = NULL;
    if (depth > 0) {
        RV_REQUIRE_EQ(rove_join(rove_create_task(descends, (void *)(depth - 1)), &below), 0);
    }
    *result = (void *)((intptr_t)below + 1);
    return depth % 7 == 0 ? rove_yield() : 0;
}

static int each_for_the_next(void)
{
    void *sum = NULL;
    rv_say_rc(rove_join(rove_create_task(descends, (void *)DEPTH), &sum));
    rv_say_number((intptr_t)sum);
    return 0;
}

static int yields_until_cancelled(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int rc;
    count_way();
    while ((rc = rove_yield()) == 0) {
    }
    return rc;
}

static int past_its_deadline(void)
{
    rove_timeout timeout;
    rove_timeout_enter(&timeout, RV_TEST_SOON);
    int rc = rove_join(rove_create_task(yields_until_cancelled, NULL), NULL);
    rv_say_rc(rove_timeout_exit(&timeout, rc));
    return 0;
}

static void *cancel_from_outside(void *task)
{
    RV_EXPECT(rove_cancel(task));
    return NULL;
}

static int lets_a_thread_cancel_its_parent(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    pthread_t thread;
    count_way();
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, cancel_from_outside, parent), 0);
    RV_REQUIRE_EQ(pthread_join(thread, NULL), 0);
    return 0;
}

static int cancelled_by_a_thread(void)
{
    rv_say_rc(rove_join(rove_create_task(lets_a_thread_cancel_its_parent, NULL), NULL));
    rv_say_number(rove_uncancel(rove_current_task()));
    rv_say_pause();
    return 0;
}

struct program {
    struct rv_corner corner;
    unsigned ways; /* children that find their parent gone, and nothing else done for it */
};

static const struct program programs[] = {
    {{"ends", ends, "7 0 7"}, 1},
    {{"ends_with_an_error", ends_with_an_error, "E"}, 1},
    {{"ends_with_others_ready", ends_with_others_ready, "before 3 0 parent"}, 1},
    {{"goes_on_after_a_yield", goes_on_after_a_yield, "0 0 0 0 0"}, 1},
    {{"cancelled_by_its_child", cancelled_by_its_child, "1 1 1 C 1 0 0"}, 1},
    {{"cancelled_by_its_child_that_waits", cancelled_by_its_child_that_waits, "1 1 1 C 0 0 0 0"},
     1},
    {{"looked_at_by_its_child", looked_at_by_its_child, "waits a future 1 0"}, 1},
    {{"awaited_by_two", awaited_by_two, "child 0 parent other"}, 1},
    {{"behind_another", behind_another, "1 2 0"}, 0},
    {{"cancelled_before_it_began", cancelled_before_it_began, "1 C"}, 0},
    {{"each_for_the_next", each_for_the_next, "0 301"}, 0},
    {{"past_its_deadline", past_its_deadline, "T"}, 1},
    {{"cancelled_by_a_thread", cancelled_by_a_thread, "C 0 0"}, 1},
};

static int play_one(void *arg, RV_UNUSED void **result)
{
    const struct program *p = arg;
    parent = rove_current_task();
    struct rv_worker *w = rv_current_worker();
    for (int late = 1; late >= 0; late--) {
        w->parks_late = late != 0;
        way_made = 0;
        rv_corner_text[0] = '\0';
        int rc = p->corner.play();
        RV_EXPECT_STR(rv_corner_text, p->corner.expected);
        RV_EXPECT_EQ(way_made, late != 0 ? p->ways : 0);
        RV_REQUIRE_EQ(rc, 0);
    }
    w->parks_late = true;
    return 0;
}

/* Goal: each program says the same whether the parent makes way or parks. */
static void test_join_nobody_can_tell(void **state)
{
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(programs); i++) {
        print_message("%s\n", programs[i].corner.name);
        rv_test_run_on(1, play_one, (void *)(uintptr_t)&programs[i]);
    }
}

static int locked_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    parent = rove_current_task();
    rove_task *t = rove_create_task(say_number, (void *)1);
    rove_retain(t);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    /* No trace in the word of a wait that was never announced: DONE, and the second handle. */
    RV_EXPECT_EQ(rv_load_relaxed(&t->state), RV_STATE_ONE_REF | RV_PHASE_DONE);
    rove_release(t);
    return 0;
}

/* Goal: a child that ends without a wait has never been announced a waiter. */
static void test_join_leaves_no_trace(void **state)
{
    (void)state;
    rv_test_run_on(1, locked_body, NULL);
}

/* Goal: where others could run the parent, it is listed and parked; the outcome is the same. */
RV_TASK_TEST(test_join_with_many_workers)
{
    void *sum = NULL;
    RV_EXPECT_EQ(rove_join(rove_create_task(descends, (void *)DEPTH), &sum), 0);
    RV_EXPECT_EQ((intptr_t)sum, DEPTH + 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_nobody_can_tell),
        cmocka_unit_test(test_join_leaves_no_trace),
        cmocka_unit_test(test_join_with_many_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
