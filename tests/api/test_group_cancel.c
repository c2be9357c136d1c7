// SPDX-License-Identifier: MIT
/*
 * Purpose: rove_task_group_cancel beside cancellations from outside: none of them gets lost.
 */
#include "support/fixture.h"

#include <errno.h>

struct scene {
    rove_task_group group;
    rove_event has_begun; /* the child has */
    rove_event is_shut;   /* the group was cancelled, its parent is about to wait in the exit */
    rove_event may_end;   /* the child may */
    rove_task *parent;
    int exit_rc, next_rc, cancelling;
};

/* Cancelled, it cleans up until it may end. */
static int cleans_up(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    rove_event_set(&s->has_begun);
    int rc = rove_sleep(ROVE_FOREVER);
    while (rove_event_wait(&s->may_end) < 0) { /* cancelled again, with its parent */
    }
    return rc;
}

static int shuts_its_group(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    rove_task_group_enter(&s->group);
    rove_task *child = rove_task_group_create_task(&s->group, cleans_up, s);
    RV_REQUIRE(child != NULL);
    int rc = rove_event_wait(&s->has_begun);
    RV_EXPECT_EQ(rove_task_group_cancel(&s->group), 0);
    rove_event_set(&s->is_shut);
    s->exit_rc = rove_task_group_exit(&s->group, rc);
    s->next_rc = rove_yield(); /* what came before the exit waited is felt here */
    s->cancelling = rove_cancelling(rove_current_task());
    return s->exit_rc < 0 ? s->exit_rc : s->next_rc;
}

/* Goal: the parent is cancelled in the exit of a group that it has cancelled before. */
RV_TASK_TEST(test_group_cancel_hides_no_cancellation_of_the_parent)
{
    struct scene s = {0};
    rove_task *parent = rove_create_task(shuts_its_group, &s);
    RV_EXPECT_EQ(rove_event_wait(&s.is_shut), 0);
    RV_EXPECT(rove_cancel(parent));
    rove_event_set(&s.may_end);
    RV_EXPECT_EQ(rove_join(parent, NULL), -ECANCELED);
    RV_EXPECT_EQ(s.exit_rc + s.next_rc, -ECANCELED); /* once */
    RV_EXPECT_EQ(s.cancelling, 1);
    return 0;
}

static int lets_end_after_the_deadline(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    while (rove_sleep(RV_TEST_SOON) == 0 && rove_cancelling(s->parent) == 0) {
    }
    rove_event_set(&s->may_end);
    return 0;
}

/* Goal: so is a deadline around the group. */
RV_TASK_TEST(test_group_cancel_hides_no_deadline)
{
    rove_timeout deadline;
    struct scene s = {.parent = rove_current_task()};
    rove_timeout_enter(&deadline, ROVE_MS(20));
    rove_task *watcher = rove_create_task(lets_end_after_the_deadline, &s);
    int rc = shuts_its_group(&s, NULL);
    RV_EXPECT_EQ(rove_timeout_exit(&deadline, rc), -ETIMEDOUT);
    return rove_join(watcher, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_cancel_hides_no_cancellation_of_the_parent),
        cmocka_unit_test(test_group_cancel_hides_no_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
