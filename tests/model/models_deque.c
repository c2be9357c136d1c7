// SPDX-License-Identifier: MIT
/*
 * Purpose: models of core/deque.c: every item is taken once, by one who sees what it points at.
 * Threads: 1 the owner, the others thieves.
 */
#include "model.h"

#include "core/deque.h"

#define ITEMS 6

struct item {
    int payload; /* written by the owner, read by who takes it: a race if the slot was not enough */
    int taken;
};

static struct rv_deque deque;
static struct item items[ITEMS];

static void begin(unsigned log2_initial, unsigned log2_max, bool is_asymmetric)
{
    rv_model_set_fences(is_asymmetric);
    for (int i = 0; i < ITEMS; i++) {
        items[i] = (struct item){0, 0};
    }
    RV_MODEL_CHECK(rv_deque_init(&deque, log2_initial, log2_max) == 0, "memory");
}

static void push(int i)
{
    items[i].payload = i + 1;
    RV_MODEL_CHECK(rv_deque_push(&deque, &items[i]) == 0, "room");
}

/* Two who take the same item race on `taken`, or the second finds it set. */
static void took(struct item *item)
{
    RV_MODEL_CHECK(item != NULL, "no hole");
    RV_MODEL_CHECK(item->payload == (int)(item - items) + 1, "the item is complete");
    RV_MODEL_CHECK(item->taken == 0, "one taker");
    item->taken = 1;
}

static bool pop(void)
{
    struct item *item = rv_deque_pop(&deque);
    if (item != NULL) {
        took(item);
    }
    return item != NULL;
}

static enum rv_steal steal(void)
{
    void *item = NULL;
    enum rv_steal rc = rv_deque_steal(&deque, &item);
    if (rc == RV_STEAL_OK) {
        took(item);
    }
    return rc;
}

static void steal_one(void)
{
    while (steal() == RV_STEAL_LOST) {
    }
}

static void steal_two(void)
{
    steal_one();
    steal_one();
}

static void finish_count(int n)
{
    while (pop()) {
    }
    rv_deque_check(&deque);
    for (int i = 0; i < n; i++) {
        RV_MODEL_CHECK(items[i].taken == 1, "nothing is lost");
    }
    rv_deque_fini(&deque);
}

static void finish_two(void)
{
    finish_count(2);
}

static void finish_three(void)
{
    finish_count(3);
}

static void finish_four(void)
{
    finish_count(4);
}

static void setup_asymmetric(void)
{
    begin(2, 2, true);
}

static void setup_symmetric(void)
{
    begin(2, 2, false);
}

static void setup_growing(void)
{
    begin(0, 4, true);
}

static void setup_growing_symmetric(void)
{
    begin(0, 4, false);
}

static void setup_tiny(void)
{
    begin(1, 1, true);
}

/* Slots may be read late, so that a push that overwrites them comes first. */
static void setup_ahead(void)
{
    begin(1, 1, true);
    struct rv_deque_array *array = rv_load_relaxed(&deque.array);
    rv_model_read_ahead(&array->slots, 2 * sizeof array->slots[0]);
}

static void push_two_pop_two(void)
{
    push(0);
    push(1);
    pop();
    pop();
}

static void push_one_pop_one(void)
{
    push(0);
    pop();
    push(1);
    pop();
}

/* The slot of a last item is written again as soon as nobody can be reading it. */
static void last_again_and_again(void)
{
    push_one_pop_one();
    push(2);
}

static void last_again(void)
{
    push(0);
    pop();
    push(1);
}

static void push_three(void)
{
    push(0);
    push(1);
    push(2);
}

static void push_three_pop_one(void)
{
    push_three();
    pop();
}

/* Slots are used again: push may go on only when the thief is through with the slot. */
static void push_round(void)
{
    push(0);
    push(1);
    pop();
    items[2].payload = 3;
    if (rv_deque_push(&deque, &items[2]) != 0) {
        items[2].taken = 1; /* full: nobody has stolen yet */
    }
    items[3].payload = 4;
    if (rv_deque_push(&deque, &items[3]) != 0) {
        items[3].taken = 1;
    }
}

static const struct rv_model models[] = {
    {"deque/pop_steal", setup_asymmetric, {push_two_pop_two, steal_one}, finish_two, 0},
    {"deque/pop_steal_symmetric", setup_symmetric, {push_two_pop_two, steal_one}, finish_two, 0},
    {"deque/pop_steal_two", setup_asymmetric, {push_two_pop_two, steal_two}, finish_two, 0},
    {"deque/pop_steal_two_symmetric", setup_symmetric, {push_two_pop_two, steal_two}, finish_two,
     0},
    {"deque/read_late", setup_ahead, {push_round, steal_two}, finish_four, 0},
    {"deque/last_item", setup_asymmetric, {push_one_pop_one, steal_one}, finish_two, 0},
    {"deque/last_item_symmetric", setup_symmetric, {push_one_pop_one, steal_two}, finish_two, 0},
    {"deque/last_again", setup_asymmetric, {last_again_and_again, steal_two}, finish_three, 0},
    {"deque/last_two_thieves", setup_asymmetric, {last_again, steal_one, steal_one}, finish_two,
     0},
    {"deque/last_read_late", setup_ahead, {last_again_and_again, steal_two}, finish_three, 0},
    {"deque/two_thieves", setup_asymmetric, {push_two_pop_two, steal_one, steal_one}, finish_two,
     0},
    {"deque/thieves_only", setup_asymmetric, {push_three, steal_one, steal_two}, finish_three, 0},
    {"deque/growth", setup_growing, {push_three_pop_one, steal_two}, finish_three, 0},
    {"deque/growth_symmetric", setup_growing_symmetric, {push_three_pop_one, steal_two},
     finish_three, 0},
    {"deque/slots_again", setup_tiny, {push_round, steal_two}, finish_four, 0},
};

const struct rv_model_list rv_models_deque = {models, sizeof models / sizeof models[0]};
