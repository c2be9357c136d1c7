// SPDX-License-Identifier: MIT
/*
 * Purpose: the checker itself: what C11 forbids is never seen, and what it allows, and what is an
 *          error, is found. Half of these models must fail.
 * Idea:    the smallest program for each of the checker's rules, once with the order that is
 *          needed and once without. Nothing of the library but core/atomic.h.
 * Threads: those of the model.
 */
#include "core/atomic.h"
#include "lists.h"
#include "model.h"

static RV_ATOMIC(uint32_t) x, y;
static uint32_t seen_x, seen_y;
static int plain;

static void setup(void)
{
    rv_model_set_fences(true);
    rv_store_relaxed(&x, 0u);
    rv_store_relaxed(&y, 0u);
    seen_x = seen_y = 1;
    plain = 0;
}

/* Store buffering: both store, then look at the other's. */

static void store_x(void)
{
    rv_store_relaxed(&x, 1u);
    seen_y = rv_load_relaxed(&y);
}

static void store_y(void)
{
    rv_store_relaxed(&y, 1u);
    seen_x = rv_load_relaxed(&x);
}

static void store_x_fence(void)
{
    rv_store_relaxed(&x, 1u);
    /* order: full F1. Its partner is store_y_fence, update_y_fence or update_y. */
    rv_fence_full();
    seen_y = rv_load_relaxed(&y);
}

static void store_y_fence(void)
{
    rv_store_relaxed(&y, 1u);
    /* order: full F1. Its partner is store_x_fence. */
    rv_fence_full();
    seen_x = rv_load_relaxed(&x);
}

static void store_x_light(void)
{
    rv_store_relaxed(&x, 1u);
    /* order: light F1. Its partner is store_y_heavy, or, too weak, another light one. */
    rv_fence_light();
    seen_y = rv_load_relaxed(&y);
}

static void store_y_light(void)
{
    rv_store_relaxed(&y, 1u);
    /* order: light F1. Too weak on both sides. */
    rv_fence_light();
    seen_x = rv_load_relaxed(&x);
}

static void store_y_heavy(void)
{
    rv_store_relaxed(&y, 1u);
    /* order: heavy F1. Its partner is store_x_light. */
    rv_fence_heavy();
    seen_x = rv_load_relaxed(&x);
}

static void update_y(void)
{
    /* order: seq_cst I3. Orders no relaxed load after it. */
    rv_fetch_add_seq_cst(&y, 1u);
    seen_x = rv_load_relaxed(&x);
}

static void update_y_fence(void)
{
    /* order: seq_cst I3. The fence does the rest. */
    rv_fetch_add_seq_cst(&y, 1u);
    /* order: full I3. Its partner is store_x_fence. */
    rv_fence_after_update();
    seen_x = rv_load_relaxed(&x);
}

static void finish_seen(void)
{
    RV_MODEL_CHECK(seen_x == 1 || seen_y == 1, "one sees the other");
}

/* Handing over plain data. */

static void write_and_raise(void)
{
    plain = 1;
    /* order: release W1. Its partner is read_if_raised. */
    rv_store_release(&x, 1u);
}

static void write_and_raise_relaxed(void)
{
    plain = 1;
    rv_store_relaxed(&x, 1u);
}

static void read_if_raised(void)
{
    /* order: acquire W1. Its partner is write_and_raise. */
    if (rv_load_acquire(&x) == 1) {
        plain++;
    }
}

static void read_if_raised_relaxed(void)
{
    if (rv_load_relaxed(&x) == 1) {
        plain++;
    }
}

/* Nobody else can run between the first store and the write. */
static void write_between(void)
{
    rv_store_relaxed(&x, 1u);
    plain++;
    rv_store_relaxed(&x, 2u);
}

/* What was written before is out, but nobody has said that it is done with. */
static void heavy_then_write(void)
{
    if (rv_load_relaxed(&x) == 1) {
        /* order: heavy F1. Takes nothing from write_between. */
        rv_fence_heavy();
        plain++;
    }
}

/* Waiting. */

static void wait_for_ever(void)
{
    rv_model_block(false);
}

static void spin_for_ever(void)
{
    while (rv_load_relaxed(&x) != 3) {
        rv_cpu_relax();
    }
}

enum { FAILS = RV_MODEL_MUST_FAIL };

static const struct rv_model models[] = {
    {"checker/buffering", setup, {store_x, store_y}, finish_seen, FAILS},
    {"checker/buffering_one_fence", setup, {store_x_fence, store_y}, finish_seen, FAILS},
    {"checker/buffering_fences", setup, {store_x_fence, store_y_fence}, finish_seen, 0},
    {"checker/buffering_light", setup, {store_x_light, store_y_light}, finish_seen, FAILS},
    {"checker/buffering_heavy", setup, {store_x_light, store_y_heavy}, finish_seen, 0},
    {"checker/buffering_update", setup, {store_x_fence, update_y}, finish_seen, FAILS},
    {"checker/buffering_update_fence", setup, {store_x_fence, update_y_fence}, finish_seen, 0},
    {"checker/message", setup, {write_and_raise, read_if_raised}, NULL, 0},
    {"checker/message_no_release", setup, {write_and_raise_relaxed, read_if_raised}, NULL, FAILS},
    {"checker/message_no_acquire", setup, {write_and_raise, read_if_raised_relaxed}, NULL, FAILS},
    {"checker/heavy_hands_over_nothing", setup, {write_between, heavy_then_write}, NULL, FAILS},
    {"checker/wait_for_ever", setup, {wait_for_ever, store_x}, NULL, FAILS},
    {"checker/spin_for_ever", setup, {spin_for_ever, store_x}, NULL, FAILS},
};

const struct rv_model_list rv_models_checker = {models, sizeof models / sizeof models[0]};
