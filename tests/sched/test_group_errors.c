// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/group_errors.h: every error code is kept in order, in place or beside the group,
 *          counted even when memory is out, and freed when the storage or the parent goes.
 */
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/scarce.h"

#include "sched/current.h"
#include "sched/group.h"
#include "sched/group_errors.h"
#include "sched/task.h"

#include <stdlib.h>

enum { MOST = 200 };

static struct rv_task parent;

static void add_codes(struct rv_group_errors *errors, int n)
{
    for (int i = 0; i < n; i++)
        rv_group_errors_add(errors, -1000 - i);
}

static size_t spill_count(void)
{
    size_t n = 0;
    for (const struct rv_group_spill *s = parent.group_spills; s != NULL; s = s->next)
        n++;
    return n;
}

/* The copy has what fits, in order, and writes nothing behind it. */
static void check_copy(const struct rv_group_errors *errors, size_t capacity, size_t there)
{
    int codes[MOST + 1];
    memset(codes, 0x5a, sizeof codes);
    int untouched = codes[MOST];
    assert_int_equal(rv_group_errors_copy(errors, codes, capacity), errors->count);
    size_t n = there < capacity ? there : capacity;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(codes[i], -1000 - (int)i);
    for (size_t i = n; i <= MOST; i++)
        assert_int_equal(codes[i], untouched);
}

/* Goal: any number of codes comes back, to room of any size, both sides of where place ends. */
static void test_group_errors_keep_all_in_order(void **state)
{
    (void)state;
    for (int n = 0; n < MOST; n += n < 2 * RV_GROUP_ERRORS_IN_PLACE + 2 ? 1 : 37) {
        struct rv_group_errors errors = {0};
        add_codes(&errors, n);
        assert_int_equal(errors.count, n);
        assert_int_equal(errors.kept, n);
        assert_int_equal(errors.spill != NULL, n > RV_GROUP_ERRORS_IN_PLACE);
        static const size_t room[] = {0, 1, RV_GROUP_ERRORS_IN_PLACE - 1, RV_GROUP_ERRORS_IN_PLACE,
                                      RV_GROUP_ERRORS_IN_PLACE + 1, MOST};
        for (size_t i = 0; i < RV_ARRAY_LEN(room); i++)
            check_copy(&errors, room[i], (size_t)n);
        free(errors.spill);
    }
}

/* Goal: without memory the codes there is no room for are counted, the others stay. Method: the
 * first allocation fails, then the growth. */
static void test_group_errors_count_what_they_cannot_keep(void **state)
{
    (void)state;
    for (int successes = 0; successes < 3; successes++) {
        struct rv_group_errors errors = {0};
        rv_scarce_after(successes);
        add_codes(&errors, MOST);
        rv_scarce_end();
        uint32_t kept = errors.kept;
        assert_int_equal(errors.count, MOST);
        assert_true(kept < MOST);
        assert_true(successes > 0 ? kept > RV_GROUP_ERRORS_IN_PLACE
                                  : kept == RV_GROUP_ERRORS_IN_PLACE);
        check_copy(&errors, MOST, kept);
        rv_group_errors_add(&errors, -1000 - (int)kept); /* there is memory again */
        assert_int_equal(errors.kept, kept + 1);
        check_copy(&errors, MOST, kept + 1);
        free(errors.spill);
    }
}

/* Goal: the spills of several groups hang on the parent, each is freed under its own address. */
static void test_group_errors_spills_go_with_their_group(void **state)
{
    static const char groups[3];
    (void)state;
    memset(&parent, 0, sizeof parent);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < RV_ARRAY_LEN(groups); i++) {
            struct rv_group_errors errors = {0};
            add_codes(&errors, RV_GROUP_ERRORS_IN_PLACE + 5);
            rv_group_errors_keep(&errors, &parent, &groups[i]);
        }
    }
    assert_int_equal(spill_count(), 6);
    assert_int_equal(parent.future.is_laden, 1);
    rv_group_errors_forget(&parent, &groups[1]);
    assert_int_equal(spill_count(), 4);
    for (const struct rv_group_spill *s = parent.group_spills; s != NULL; s = s->next)
        assert_ptr_not_equal(s->group, &groups[1]);
    rv_group_errors_forget(&parent, &groups[1]); /* nothing is left of it */
    assert_int_equal(spill_count(), 4);
    rv_group_errors_forget(&parent, &groups[2]); /* the newest, at the head */
    assert_int_equal(spill_count(), 2);
    rv_group_forget_errors(&parent);
    assert_null(parent.group_spills);
}

/* Goal: what fitted in place leaves no trace at the parent. */
static void test_group_errors_in_place_burden_nobody(void **state)
{
    static const char group;
    struct rv_group_errors errors = {0};
    (void)state;
    memset(&parent, 0, sizeof parent);
    add_codes(&errors, RV_GROUP_ERRORS_IN_PLACE);
    rv_group_errors_keep(&errors, &parent, &group);
    assert_null(parent.group_spills);
    assert_int_equal(parent.future.is_laden, 0);
}

struct scene {
    rove_event gate;
    RV_ATOMIC(unsigned) begun;
};

/* Fails whether it is cancelled, as the first failure does to its siblings, or not. */
static int fail_at_the_gate(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    (void)rv_fetch_add_relaxed(&s->begun, 1u);
    (void)rove_event_wait(&s->gate);
    return -1000;
}

static int fail_many(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_task_group group;
    struct scene s = {0};
    const unsigned n = 3 * RV_GROUP_ERRORS_IN_PLACE;
    rove_task_group_enter(&group);
    for (unsigned i = 0; i < n; i++)
        RV_REQUIRE(rove_task_group_create_task(&group, fail_at_the_gate, &s) != NULL);
    RV_YIELD_UNTIL(rv_load_relaxed(&s.begun) == n);
    rove_event_set(&s.gate);
    RV_EXPECT_EQ(rove_task_group_exit(&group, 0), -1000);
    RV_EXPECT(rv_current_task()->group_spills != NULL);
    return 0;
}

/* Goal: a task that ends with spilled codes frees them. Method: the fixture counts bytes. */
RV_TASK_TEST(test_group_errors_end_with_the_task)
{
    for (int i = 0; i < 5; i++)
        RV_REQUIRE_EQ(rove_join(rove_create_task(fail_many, NULL), NULL), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_errors_keep_all_in_order),
        cmocka_unit_test(test_group_errors_count_what_they_cannot_keep),
        cmocka_unit_test(test_group_errors_spills_go_with_their_group),
        cmocka_unit_test(test_group_errors_in_place_burden_nobody),
        cmocka_unit_test(test_group_errors_end_with_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
