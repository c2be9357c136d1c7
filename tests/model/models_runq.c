// SPDX-License-Identifier: MIT
/*
 * Purpose: models of core/runq.c, with a ring of four and batches of three.
 * Threads: 1 the owner, the others thieves or rescuers with a queue of their own.
 */
#include "model.h"

#include "core/bias.h"
#include "core/runq.h"

#define ITEMS 10

struct item {
    int payload;
    int taken;
};

static struct rv_runq victim;
static struct rv_runq own[2]; /* of the two others */
static struct rv_bias bias;
static struct item items[ITEMS];
static int pushed;

static void setup(void)
{
    rv_model_set_fences(true);
    rv_runq_init(&victim);
    rv_runq_init(&own[0]);
    rv_runq_init(&own[1]);
    rv_bias_init(&bias);
    for (int i = 0; i < ITEMS; i++) {
        items[i] = (struct item){0, 0};
    }
    pushed = 0;
}

static void took(struct item *item)
{
    RV_MODEL_CHECK(item != NULL, "no hole");
    RV_MODEL_CHECK(item->payload == (int)(item - items) + 1, "the item is complete");
    RV_MODEL_CHECK(item->taken == 0, "one taker");
    item->taken = 1;
}

static bool push(void)
{
    items[pushed].payload = pushed + 1;
    bool has_room = rv_runq_push(&victim, &items[pushed]);
    pushed += has_room;
    return has_room;
}

static void push_private(void)
{
    rv_bias_owner_enter(&bias);
    items[pushed].payload = pushed + 1;
    bool is_private = rv_runq_push_private(&victim, &items[pushed]);
    pushed += is_private;
    rv_bias_owner_leave(&bias);
    if (!is_private) {
        RV_MODEL_CHECK(push(), "room");
    }
}

static bool pop(void)
{
    rv_bias_owner_enter(&bias);
    struct item *item = rv_runq_pop(&victim);
    rv_bias_owner_leave(&bias);
    if (item != NULL) {
        took(item);
    }
    return item != NULL;
}

static void drain(struct rv_runq *q)
{
    struct item *item;
    while ((item = rv_runq_pop(q)) != NULL) {
        took(item);
    }
}

static void steal(unsigned i)
{
    void *first = NULL;
    if (rv_runq_steal(&victim, &own[i], &first) > 0) {
        took(first);
    }
    drain(&own[i]);
}

static void rescue(unsigned i)
{
    void *first = NULL;
    if (rv_bias_try_enter(&bias)) {
        unsigned n = rv_runq_rescue(&victim, &own[i], &first);
        rv_bias_leave(&bias);
        if (n > 0) {
            took(first);
        }
        drain(&own[i]);
    }
}

static void finish(void)
{
    while (pop()) {
    }
    rv_runq_check(&victim);
    for (int i = 0; i < pushed; i++) {
        RV_MODEL_CHECK(items[i].taken == 1, "nothing is lost");
    }
}

static void push_three_pop_two(void)
{
    push();
    push();
    push();
    pop();
    pop();
}

static void push_two_pop_two(void)
{
    push();
    push();
    pop();
    pop();
}

/* The ring is full, then its slots come round again. */
static void push_round(void)
{
    for (int i = 0; i < 4; i++) {
        RV_MODEL_CHECK(push(), "room for four");
    }
    if (!push()) {
        pop();
        push();
    }
    push();
    pop();
    pop();
    push();
}

static void push_private_thrice(void)
{
    push_private();
    push_private();
    push_private();
    pop();
    push_private();
}

static void push_private_pop(void)
{
    push_private();
    pop();
    push_private();
    push_private();
    pop();
}

static void take_half(void)
{
    void *out[4];
    push();
    push();
    push();
    unsigned n = rv_runq_take_half(&victim, out, 4);
    for (unsigned i = 0; i < n; i++) {
        took(out[i]);
    }
    pop();
}

static void steal_first(void)
{
    steal(0);
}

static void steal_second(void)
{
    steal(1);
}

static void steal_twice(void)
{
    steal(0);
    steal(0);
}

/* What a thief has moved to its queue can be stolen from there. */
static void steal_and_offer(void)
{
    void *first = NULL;
    if (rv_runq_steal(&victim, &own[0], &first) > 0) {
        took(first);
    }
}

static void steal_from_thief(void)
{
    void *first = NULL;
    if (rv_runq_steal(&own[0], &own[1], &first) > 0) {
        took(first);
    }
    drain(&own[1]);
}

static void finish_with_thief(void)
{
    drain(&own[0]);
    finish();
}

static void rescue_first(void)
{
    rescue(0);
}

static void rescue_second(void)
{
    rescue(1);
}

/* Rescues to where others steal. */
static void rescue_and_offer(void)
{
    void *first = NULL;
    if (rv_bias_try_enter(&bias)) {
        unsigned n = rv_runq_rescue(&victim, &own[0], &first);
        rv_bias_leave(&bias);
        if (n > 0) {
            took(first);
        }
    }
}

static void push_four_pop_one(void)
{
    push();
    push();
    push();
    push();
    pop();
}

static void setup_filled(void)
{
    setup();
    push_four_pop_one();
}

/* Four are stealable: a thief keeps one and offers another. */
static void setup_offered(void)
{
    setup();
    for (int i = 0; i < 4; i++) {
        RV_MODEL_CHECK(push(), "room for four");
    }
}

/* Slots may be read late, so that a push that overwrites them comes first. */
static void setup_ahead(void)
{
    setup();
    rv_model_read_ahead(&victim.slots, sizeof victim.slots);
}

static void setup_offered_ahead(void)
{
    setup_offered();
    rv_model_read_ahead(&victim.slots, sizeof victim.slots);
}

static void setup_filled_ahead(void)
{
    setup_filled();
    rv_model_read_ahead(&victim.slots, sizeof victim.slots);
}

/* As many as there is room for, twice. */
static void refill(void)
{
    for (int i = 0; i < 2; i++) {
        if (!push()) {
            pop();
        }
    }
    push();
    pop();
}

/* One is left, and that is stealable; the ring comes round by private pushes alone. */
static void setup_last_ahead(void)
{
    setup_offered_ahead();
    for (int i = 0; i < 3; i++) {
        pop();
    }
}

static void go_round_private(void)
{
    for (int i = 0; i < 3; i++) {
        push_private();
        pop();
    }
    push_private();
}

static void refill_private(void)
{
    pop();
    pop();
    push_private();
    push_private();
}

static void pop_push_twice(void)
{
    pop();
    push();
    push();
}

static const struct rv_model models[] = {
    {"runq/steal_half", setup, {push_three_pop_two, steal_first}, finish, 0},
    {"runq/two_thieves", setup, {push_two_pop_two, steal_first, steal_second}, finish, 0},
    {"runq/slots_again", setup, {push_round, steal_twice}, finish, 0},
    {"runq/private", setup, {push_private_thrice, steal_first}, finish, 0},
    {"runq/private_pop", setup, {push_private_pop, steal_twice}, finish, 0},
    {"runq/take_half", setup, {take_half, steal_first}, finish, 0},
    {"runq/steal_on", setup, {push_two_pop_two, steal_and_offer, steal_from_thief},
     finish_with_thief, 0},
    {"runq/rescue", setup, {push_private_thrice, rescue_first}, finish, 0},
    {"runq/rescue_batch", setup_filled, {pop_push_twice, rescue_first}, finish, 0},
    {"runq/rescue_steal", setup, {push_private_pop, rescue_first, steal_second}, finish, 0},
    {"runq/two_rescuers", setup_filled, {pop_push_twice, rescue_first, rescue_second}, finish, 0},
    {"runq/steal_on_full", setup_offered, {pop_push_twice, steal_and_offer, steal_from_thief},
     finish_with_thief, 0},
    {"runq/read_late", setup_ahead, {push_round, steal_first}, finish, 0},
    {"runq/read_late_full", setup_offered_ahead, {refill, steal_first}, finish, 0},
    {"runq/read_late_rescue", setup_filled_ahead, {refill, rescue_first}, finish, 0},
    {"runq/read_late_round", setup_last_ahead, {go_round_private, steal_first}, finish, 0},
    {"runq/read_late_private", setup_offered_ahead, {refill_private, steal_twice}, finish, 0},
    {"runq/rescue_on", setup_filled, {pop_push_twice, rescue_and_offer, steal_from_thief},
     finish_with_thief, 0},
};

const struct rv_model_list rv_models_runq = {models, sizeof models / sizeof models[0]};
