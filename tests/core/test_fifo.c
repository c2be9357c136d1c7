// SPDX-License-Identifier: MIT
/*
 * Purpose: core/fifo.h: order at both ends, splicing.
 */
#include "core/fifo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct item {
    struct rv_fifo_node node;
    int value;
};

static void fill(struct rv_fifo *q, struct item *items, int n, int first)
{
    rv_fifo_init(q);
    for (int i = 0; i < n; i++) {
        items[i].value = first + i;
        rv_fifo_push(q, &items[i].node);
        rv_fifo_check(q);
    }
}

static void drain(struct rv_fifo *q, int first, int last)
{
    for (int want = first; want <= last; want++) {
        struct rv_fifo_node *node = rv_fifo_pop(q);

        assert_non_null(node);
        assert_int_equal(rv_container_of(node, struct item, node)->value, want);
        assert_null(node->next);
        rv_fifo_check(q);
    }
    assert_true(rv_fifo_is_empty(q));
    assert_null(rv_fifo_pop(q));
}

/* Goal: first in, first out, and again after having been empty. */
static void test_fifo_keeps_order(void **state)
{
    struct rv_fifo q = {NULL, NULL};
    struct item items[4];

    (void)state;
    assert_true(rv_fifo_is_empty(&q));
    for (int round = 0; round < 3; round++) {
        fill(&q, items, 4, 10 * round);
        drain(&q, 10 * round, 10 * round + 3);
    }
}

/* Goal: the front push is popped first, in an empty and in a filled queue. */
static void test_fifo_push_front_is_popped_first(void **state)
{
    struct rv_fifo q;
    struct item items[4];

    (void)state;
    fill(&q, items + 2, 2, 2);
    items[1].value = 1;
    rv_fifo_push_front(&q, &items[1].node);
    rv_fifo_check(&q);
    drain(&q, 1, 3);
    items[0].value = 0;
    rv_fifo_push_front(&q, &items[0].node);
    items[1].value = 1;
    rv_fifo_push(&q, &items[1].node);
    drain(&q, 0, 1);
}

/* Goal: splicing all combinations of empty and not; both queues stay usable. */
static void test_fifo_splice_appends_in_order(void **state)
{
    struct rv_fifo to, from;
    struct item items[7];

    (void)state;
    for (int in_to = 0; in_to <= 3; in_to++) {
        for (int in_from = 0; in_from <= 3; in_from++) {
            fill(&to, items, in_to, 0);
            fill(&from, items + in_to, in_from, in_to);
            rv_fifo_splice(&to, &from);
            assert_true(rv_fifo_is_empty(&from));
            rv_fifo_check(&to);
            items[6].value = in_to + in_from;
            rv_fifo_push(&to, &items[6].node);
            drain(&to, 0, in_to + in_from);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fifo_keeps_order),
        cmocka_unit_test(test_fifo_push_front_is_popped_first),
        cmocka_unit_test(test_fifo_splice_appends_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
