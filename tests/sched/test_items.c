// SPDX-License-Identifier: MIT
/*
 * Purpose: the three orders of a queue's items, against a plain model.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "sched/items.h"

#include <stdlib.h>

enum { VALUES = 600, TURNS = 20000 };

/* A value carries its priority and its age; only the priority is compared. */
struct value {
    int priority;
    unsigned age;
};

static int by_priority(const void *a, const void *b)
{
    const struct value *left = a;
    const struct value *right = b;
    return (left->priority > right->priority) - (left->priority < right->priority);
}

static size_t model_next(struct value *const model[], size_t count, enum rv_items_order order)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        int difference = by_priority(model[i], model[best]);
        bool is_older = model[i]->age < model[best]->age;
        bool is_better = order == RV_ITEMS_PRIORITY
                             ? difference < 0 || (difference == 0 && is_older)
                             : is_older == (order == RV_ITEMS_FIFO);
        best = is_better ? i : best;
    }
    return best;
}

static void push_one(struct rv_items *items, struct value *v)
{
    if (!rv_items_has_room(items)) {
        size_t bytes = rv_items_next_bytes(items);
        free(rv_items_install(items, malloc(bytes), bytes));
    }
    rv_items_push(items, v);
}

static void compare_with_model(enum rv_items_order order)
{
    static struct value values[TURNS];
    struct value *model[VALUES];
    struct rv_items items = {.order = order, .compare = by_priority};
    struct rv_rand rand;
    size_t count = 0;
    rv_rand_seed(&rand, rv_crowd_seed());
    for (unsigned turn = 0; turn < TURNS; turn++) {
        /* Grows on the whole in the first half, shrinks in the second. */
        bool pushes = rv_rand_below(&rand, 8) < (turn < TURNS / 2 ? 5u : 3u);
        if (pushes && count < VALUES) {
            values[turn] = (struct value){(int)rv_rand_below(&rand, 10), turn};
            push_one(&items, &values[turn]);
            model[count++] = &values[turn];
        } else if (count > 0) {
            size_t next = model_next(model, count, order);
            assert_ptr_equal(rv_items_pop(&items), model[next]);
            model[next] = model[--count];
        }
        assert_int_equal(items.count, count);
        rv_items_check(&items);
    }
    free(items.slots);
}

/* Goal: oldest first, through wrap-around and growth. */
static void test_items_fifo_agrees_with_the_model(void **state)
{
    (void)state;
    compare_with_model(RV_ITEMS_FIFO);
}

/* Goal: newest first. */
static void test_items_lifo_agrees_with_the_model(void **state)
{
    (void)state;
    compare_with_model(RV_ITEMS_LIFO);
}

/* Goal: smallest first, and the oldest of equals. */
static void test_items_priority_agrees_with_the_model(void **state)
{
    (void)state;
    compare_with_model(RV_ITEMS_PRIORITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_fifo_agrees_with_the_model),
        cmocka_unit_test(test_items_lifo_agrees_with_the_model),
        cmocka_unit_test(test_items_priority_agrees_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
