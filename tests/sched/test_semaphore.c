// SPDX-License-Identifier: MIT
/*
 * Purpose: the semaphore: counting, bound, order, cancellation, any thread.
 */
#include "support/crowd.h"
#include "support/fixture.h"

/* Goal: as many get through as there are units; a zeroed one has none and no bound. */
RV_TASK_TEST(test_semaphore_counts_its_units)
{
    rove_semaphore s = {0};
    RV_EXPECT_EQ(rove_semaphore_tryacquire(&s), -EAGAIN);
    RV_EXPECT_EQ(rove_semaphore_release(&s), 0);
    RV_EXPECT_EQ(rove_semaphore_acquire(&s), 0);
    rove_semaphore_init(&s, 2, 0);
    RV_EXPECT_EQ(rove_semaphore_acquire(&s), 0);
    RV_EXPECT_EQ(rove_semaphore_tryacquire(&s), 0);
    RV_EXPECT_EQ(rove_semaphore_tryacquire(&s), -EAGAIN);
    RV_EXPECT_EQ(rove_semaphore_acquire(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_semaphore_release(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_semaphore_acquire_blocking(&s, 0), -EPERM);
    return 0;
}

/* Goal: a release past the bound is refused and changes nothing; a value above it is cut. */
RV_TASK_TEST(test_semaphore_bound_is_kept)
{
    rove_semaphore s;
    rove_semaphore_init(&s, 5, 2);
    RV_EXPECT_EQ(rove_semaphore_release(&s), -EOVERFLOW);
    RV_EXPECT_EQ(rove_semaphore_acquire(&s), 0);
    RV_EXPECT_EQ(rove_semaphore_acquire(&s), 0);
    RV_EXPECT_EQ(rove_semaphore_tryacquire(&s), -EAGAIN);
    RV_EXPECT_EQ(rove_semaphore_release(&s), 0);
    RV_EXPECT_EQ(rove_semaphore_release(&s), 0);
    RV_EXPECT_EQ(rove_semaphore_release(&s), -EOVERFLOW);
    return 0;
}

struct scene {
    rove_semaphore semaphore;
    int order[8];
    int arrived, count;
};

static int acquire_and_note(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int number = s->arrived++;
    int rc = rove_semaphore_acquire(&s->semaphore);
    if (rc == 0) {
        s->order[s->count++] = number;
    }
    return rc;
}

/* Goal: units go to waiters in order of arrival, past a cancelled one, and cannot be snatched. */
static int order_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *tasks[4];
    for (int i = 0; i < 4; i++) {
        tasks[i] = rove_create_task(acquire_and_note, &s);
    }
    RV_YIELD_UNTIL(s.arrived == 4);
    RV_EXPECT(rove_cancel(tasks[1]));
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_semaphore_release(&s.semaphore), 0);
    RV_EXPECT_EQ(rove_semaphore_tryacquire(&s.semaphore), -EAGAIN);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), 0);
    RV_EXPECT_EQ(rove_semaphore_release(&s.semaphore), 0);
    RV_EXPECT_EQ(rove_semaphore_release(&s.semaphore), 0);
    RV_EXPECT_EQ(rove_semaphore_release(&s.semaphore), 0);
    RV_EXPECT_EQ(rove_join(tasks[2], NULL), 0);
    RV_EXPECT_EQ(rove_join(tasks[3], NULL), 0);
    RV_EXPECT_EQ(s.order[0], 0);
    RV_EXPECT_EQ(s.order[1], 2);
    RV_EXPECT_EQ(s.order[2], 3);
    RV_EXPECT_EQ(rove_semaphore_tryacquire(&s.semaphore), 0);
    RV_EXPECT_EQ(rove_semaphore_tryacquire(&s.semaphore), -EAGAIN);
    return 0;
}

static void test_semaphore_waiters_are_served_in_order(void **state)
{
    (void)state;
    rv_test_run_on(1, order_body, NULL);
}

static int acquire_on_stack(void *arg, RV_UNUSED void **result)
{
    rove_semaphore here = {0};
    /* order: release T1. The semaphore lies here; pairs with release_others. */
    rv_store_release((RV_ATOMIC(rove_semaphore *) *)arg, &here);
    return rove_semaphore_acquire(&here);
}

/* Goal: the waiter may drop the storage at once: the releaser does not touch it any more.
 * Method: the stack of the waiter is used again by the next; sanitizers see a late access. */
RV_TASK_TEST(test_semaphore_on_the_waiters_stack_may_go_at_once)
{
    for (int i = 0; i < 500; i++) {
        RV_ATOMIC(rove_semaphore *) there = NULL;
        rove_task *t = rove_create_task(acquire_on_stack, (void *)&there);
        rove_semaphore *s;
        /* order: acquire T1. Pairs with acquire_on_stack. */
        RV_YIELD_UNTIL((s = rv_load_acquire(&there)) != NULL);
        RV_EXPECT_EQ(rove_semaphore_release(s), 0);
        RV_REQUIRE_EQ(rove_join(t, NULL), 0);
    }
    return 0;
}

struct stress {
    rove_semaphore semaphore;
    unsigned rounds;
    unsigned units;
    RV_ATOMIC(unsigned) inside;
};

static bool stress_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    unsigned dice = rv_rand_below(&m->rand, 16);
    int rc = m->is_task ? rove_semaphore_acquire(&s->semaphore)
                        : rove_semaphore_acquire_blocking(&s->semaphore,
                                                          dice < 4 ? ROVE_US(dice) : ROVE_FOREVER);
    if (rc == 0) {
        RV_EXPECT(rv_fetch_add_relaxed(&s->inside, 1u) < s->units);
        if (m->is_task && dice < 8) {
            (void)rove_yield();
        }
        (void)rv_fetch_sub_relaxed(&s->inside, 1u);
        RV_EXPECT_EQ(rove_semaphore_release(&s->semaphore), 0);
        m->done++;
    } else {
        RV_EXPECT_EQ(rc, m->is_task ? -ECANCELED : -ETIMEDOUT);
    }
    return m->done < s->rounds;
}

/* Goal: never more inside than units, and every unit is back in the end. */
static int stress_body(void *arg, RV_UNUSED void **result)
{
    struct stress s = {.rounds = *(unsigned *)arg * rv_crowd_factor(), .units = 3};
    struct rv_crowd crowd;
    struct rv_rand rand;
    rove_semaphore_init(&s.semaphore, s.units, s.units);
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&crowd, 16, 2, stress_step, &s);
    RV_EXPECT_EQ(rv_crowd_finish(&crowd, &rand), 18ul * s.rounds);
    for (unsigned i = 0; i < s.units; i++) {
        RV_EXPECT_EQ(rove_semaphore_tryacquire(&s.semaphore), 0);
    }
    RV_EXPECT_EQ(rove_semaphore_tryacquire(&s.semaphore), -EAGAIN);
    return 0;
}

static void test_semaphore_stress_keeps_every_unit(void **state)
{
    (void)state;
    unsigned rounds = 5000;
    rv_test_run(stress_body, &rounds);
    rv_test_run_on(64, stress_body, &rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_semaphore_counts_its_units),
        cmocka_unit_test(test_semaphore_bound_is_kept),
        cmocka_unit_test(test_semaphore_waiters_are_served_in_order),
        cmocka_unit_test(test_semaphore_on_the_waiters_stack_may_go_at_once),
        cmocka_unit_test(test_semaphore_stress_keeps_every_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
