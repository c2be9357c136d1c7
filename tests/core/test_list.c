// SPDX-License-Identifier: MIT
/*
 * Purpose: core/list.h: order, removal, splicing, iteration.
 */
#include "core/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct item {
    int value;
    struct rv_list node;
};

static void fill(struct rv_list *head, struct item *items, int n)
{
    rv_list_init(head);
    for (int i = 0; i < n; i++) {
        items[i].value = i;
        rv_list_init(&items[i].node);
        rv_list_push_back(head, &items[i].node);
        rv_list_check(head);
    }
}

/* Asserts that the list holds first, first + 1, ... last. */
static void expect_run(struct rv_list *head, int first, int last)
{
    int want = first;

    rv_list_check(head);
    RV_LIST_FOR_EACH(it, head)
    {
        assert_int_equal(rv_container_of(it, struct item, node)->value, want);
        want++;
    }
    assert_int_equal(want, last + 1);
}

/* Goal: both ends, in order, until empty. */
static void test_list_push_and_pop_keep_order(void **state)
{
    struct rv_list head;
    struct item items[5];

    (void)state;
    fill(&head, items + 1, 4);
    items[0].value = -1;
    rv_list_init(&items[0].node);
    rv_list_push_front(&head, &items[0].node);
    expect_run(&head, -1, 3);
    assert_ptr_equal(rv_list_first(&head), &items[0].node);
    for (int i = 0; i < 5; i++) {
        assert_false(rv_list_is_empty(&head));
        assert_ptr_equal(rv_list_pop_front(&head), &items[i].node);
        assert_false(rv_list_is_linked(&items[i].node));
        rv_list_check(&head);
    }
    assert_true(rv_list_is_empty(&head));
    assert_null(rv_list_pop_front(&head));
    assert_null(rv_list_first(&head));
}

/* Goal: removal from any place, twice without harm. */
static void test_list_remove_leaves_the_node_alone(void **state)
{
    struct rv_list head;
    struct item items[3];

    (void)state;
    for (int victim = 0; victim < 3; victim++) {
        int seen = 0;

        fill(&head, items, 3);
        assert_true(rv_list_is_linked(&items[victim].node));
        rv_list_remove(&items[victim].node);
        rv_list_remove(&items[victim].node);
        assert_false(rv_list_is_linked(&items[victim].node));
        rv_list_check(&head);
        RV_LIST_FOR_EACH(it, &head)
        {
            assert_ptr_not_equal(it, &items[victim].node);
            seen++;
        }
        assert_int_equal(seen, 2);
    }
}

/* Goal: splicing all combinations of empty and not. */
static void test_list_splice_appends_in_order(void **state)
{
    struct rv_list to, from;
    struct item items[6];

    (void)state;
    for (int in_to = 0; in_to <= 3; in_to++) {
        for (int in_from = 0; in_from <= 3; in_from++) {
            fill(&to, items, in_to);
            fill(&from, items + in_to, in_from);
            for (int i = 0; i < in_to + in_from; i++)
                items[i].value = i;
            rv_list_splice_back(&to, &from);
            assert_true(rv_list_is_empty(&from));
            rv_list_check(&from);
            expect_run(&to, 0, in_to + in_from - 1);
        }
    }
}

/* Goal: the safe loop survives the removal of its node. */
static void test_list_for_each_safe_allows_removal(void **state)
{
    struct rv_list head;
    struct item items[6];
    int seen = 0;

    (void)state;
    fill(&head, items, 6);
    RV_LIST_FOR_EACH_SAFE(it, &head)
    {
        if (rv_container_of(it, struct item, node)->value % 2 == 0)
            rv_list_remove(it);
        seen++;
    }
    assert_int_equal(seen, 6);
    rv_list_check(&head);
    RV_LIST_FOR_EACH(it, &head)
    {
        assert_int_equal(rv_container_of(it, struct item, node)->value % 2, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_push_and_pop_keep_order),
        cmocka_unit_test(test_list_remove_leaves_the_node_alone),
        cmocka_unit_test(test_list_splice_appends_in_order),
        cmocka_unit_test(test_list_for_each_safe_allows_removal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
