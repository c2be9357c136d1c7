// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/state.h: what each transition makes of every word it can meet.
 * Idea:    all combinations of the nine low bits, with several counts, go through each transition;
 *          what it must yield is computed from the sentences of state.h, bit by bit. Bits that a
 *          transition does not own must come out as they went in.
 */
#include "support/child.h"
#include "support/fixture.h"

#include "core/atomic.h"
#include "core/check.h"
#include "sched/state.h"

#include <pthread.h>

enum { LOW_BITS = 512, THREADS = 3, ROUNDS = 20000 };

#define REFS (UINT64_C(5) * RV_STATE_ONE_REF)
#define BUSY_BITS (RV_STATE_WOKEN | RV_STATE_CANCEL)

static rv_state_word state;

static enum rv_phase phase_of(uint64_t word)
{
    return rv_state_phase(word);
}

static uint64_t set(uint64_t word)
{
    rv_store_relaxed(&state, word);
    return word;
}

#define EXPECT_WORD(expected) assert_int_equal(rv_load_relaxed(&state), expected)

static bool is_legal(uint64_t word)
{
    return !(word & RV_STATE_PINNED) || phase_of(word) == RV_PHASE_PARKED;
}

/* Calls check with every legal word, 0, 1 and 3 requests counted, 5 references. */
static void for_each_word(void (*check)(uint64_t word))
{
    static const uint64_t cancels[] = {0, 1, 3};
    for (size_t c = 0; c < RV_ARRAY_LEN(cancels); c++) {
        for (uint64_t low = 0; low < LOW_BITS; low++) {
            uint64_t word = REFS | cancels[c] * RV_STATE_ONE_CANCEL | low;
            if (is_legal(word)) {
                set(word);
                rv_state_check(&state);
                check(word);
            }
        }
    }
}

static void check_park(uint64_t word)
{
    if (phase_of(word) != RV_PHASE_ACTIVE)
        return;
    bool is_wanted = (word & BUSY_BITS) != 0;
    assert_int_equal(rv_state_park(&state), !is_wanted);
    EXPECT_WORD(is_wanted ? word & ~RV_STATE_WOKEN : rv_state_with_phase(word, RV_PHASE_PARKED));
}

static void check_wake(uint64_t word)
{
    enum rv_phase phase = phase_of(word);
    bool is_ours = phase == RV_PHASE_PARKED && !(word & RV_STATE_PINNED);
    bool is_over = phase == RV_PHASE_DONE || phase == RV_PHASE_FREE;
    assert_int_equal(rv_state_wake(&state), is_ours);
    EXPECT_WORD(is_ours   ? rv_state_with_phase(word, RV_PHASE_ACTIVE)
                : is_over ? word
                          : word | RV_STATE_WOKEN);
}

static void check_take(uint64_t word)
{
    assert_int_equal(rv_state_take_wake(&state), (word & RV_STATE_WOKEN) != 0);
    EXPECT_WORD(word & ~RV_STATE_WOKEN);
    assert_int_equal(rv_state_has_cancel(&state), (word & RV_STATE_CANCEL) != 0);
    assert_int_equal(rv_state_take_cancel(&state), (word & RV_STATE_CANCEL) != 0);
    EXPECT_WORD(word & ~BUSY_BITS);
    rv_state_put_back_cancel(&state);
    EXPECT_WORD((word & ~RV_STATE_WOKEN) | RV_STATE_CANCEL);
}

/* Goal: parks, wakes and what is taken before a park, on every word. */
static void test_state_park_and_wake_follow_the_table(void **unused)
{
    (void)unused;
    for_each_word(check_park);
    for_each_word(check_wake);
    for_each_word(check_take);
}

static void check_cancel(uint64_t word)
{
    enum rv_phase phase = phase_of(word);
    enum rv_cancel_step step = rv_state_cancel(&state);
    if (phase == RV_PHASE_DONE || phase == RV_PHASE_FREE) {
        assert_int_equal(step, RV_CANCEL_DONE);
        EXPECT_WORD(word);
    } else if (word & RV_STATE_PINNED) {
        assert_int_equal(step, RV_CANCEL_BUSY);
        EXPECT_WORD(word);
    } else if (phase == RV_PHASE_PARKED) {
        assert_int_equal(step, RV_CANCEL_PINNED);
        EXPECT_WORD((word | RV_STATE_PINNED) + RV_STATE_ONE_CANCEL);
    } else {
        assert_int_equal(step, RV_CANCEL_NOTED);
        EXPECT_WORD((word | RV_STATE_CANCEL) + RV_STATE_ONE_CANCEL);
    }
}

static void check_set_cancel(uint64_t word)
{
    enum rv_phase phase = phase_of(word);
    bool is_alive = phase == RV_PHASE_ACTIVE || phase == RV_PHASE_PARKED;
    bool is_counted = (word & RV_STATE_CANCEL_COUNT) != 0;
    bool is_woken = is_alive && is_counted && phase == RV_PHASE_PARKED &&
                    !(word & RV_STATE_PINNED);
    bool wake = !is_woken;
    assert_int_equal(rv_state_set_cancel(&state, &wake), is_alive && is_counted);
    assert_int_equal(wake, is_woken);
    uint64_t next = is_alive && is_counted ? word | RV_STATE_CANCEL : word;
    EXPECT_WORD(is_woken ? rv_state_with_phase(next, RV_PHASE_ACTIVE) : next);
}

static void check_uncancel(uint64_t word)
{
    uint32_t count = rv_state_cancelling(&state);
    uint32_t left = rv_state_uncancel(&state);
    assert_int_equal(left, count == 0 ? 0 : count - 1);
    assert_int_equal(rv_state_cancelling(&state), left);
    if (count == 0)
        EXPECT_WORD(word); /* nothing to withdraw: a flag that was put back stays */
    else if (count == 1)
        EXPECT_WORD((word - RV_STATE_ONE_CANCEL) & ~RV_STATE_CANCEL);
    else
        EXPECT_WORD(word - RV_STATE_ONE_CANCEL);
}

/* Goal: requests are counted, noted and withdrawn as state.h says, on every word. */
static void test_state_cancellation_follows_the_table(void **unused)
{
    (void)unused;
    for_each_word(check_cancel);
    for_each_word(check_set_cancel);
    for_each_word(check_uncancel);
}

static void check_pin(uint64_t word)
{
    bool is_pinned = (word & RV_STATE_PINNED) != 0;
    bool is_ours = phase_of(word) == RV_PHASE_PARKED && !is_pinned;
    bool is_busy = !is_pinned;
    assert_int_equal(rv_state_pin(&state, &is_busy), is_ours);
    assert_int_equal(is_busy, is_pinned);
    EXPECT_WORD(is_ours ? word | RV_STATE_PINNED : word);
}

static void check_unpin(uint64_t word)
{
    for (int deliver = 0; deliver < 2; deliver++) {
        if (!(word & RV_STATE_PINNED))
            return;
        set(word);
        uint64_t next = (word & ~RV_STATE_PINNED) | (deliver ? RV_STATE_CANCEL : 0);
        bool is_wanted = (next & BUSY_BITS) != 0;
        assert_int_equal(rv_state_unpin(&state, deliver), is_wanted);
        EXPECT_WORD(is_wanted ? rv_state_with_phase(next & ~RV_STATE_WOKEN, RV_PHASE_ACTIVE)
                              : next);
    }
}

/* Goal: only an unpinned parked task is pinned; a wake that came meanwhile is passed on. */
static void test_state_pins_follow_the_table(void **unused)
{
    (void)unused;
    for_each_word(check_pin);
    for_each_word(check_unpin);
}

static void check_announce(uint64_t word)
{
    bool is_done = phase_of(word) == RV_PHASE_DONE;
    assert_int_equal(rv_state_announce(&state, RV_STATE_CALLBACKS), !is_done);
    EXPECT_WORD(is_done ? word : word | RV_STATE_CALLBACKS);
}

static void check_solo(uint64_t word)
{
    bool is_done = phase_of(word) == RV_PHASE_DONE;
    bool is_taken = !is_done && (word & (RV_STATE_SOLO | RV_STATE_WAITERS)) != 0;
    enum rv_solo solo = rv_state_announce_solo(&state);
    assert_int_equal(solo, is_done ? RV_SOLO_DONE : is_taken ? RV_SOLO_TAKEN : RV_SOLO_OURS);
    EXPECT_WORD(solo == RV_SOLO_OURS ? word | RV_STATE_SOLO : word);
}

static void check_retract(uint64_t word)
{
    if (!(word & RV_STATE_SOLO))
        return;
    bool is_done = phase_of(word) == RV_PHASE_DONE;
    assert_int_equal(rv_state_retract_solo(&state), !is_done);
    EXPECT_WORD(is_done ? word : word & ~RV_STATE_SOLO);
}

static void check_finish(uint64_t word)
{
    uint64_t before = 0;
    if (phase_of(word) != RV_PHASE_ACTIVE)
        return;
    bool is_free = (word & (RV_STATE_CANCEL | RV_STATE_WAITERS)) == 0;
    uint64_t done = rv_state_with_phase(word & ~BUSY_BITS, RV_PHASE_DONE);
    assert_int_equal(rv_state_finish_unless(&state, 2, RV_STATE_CANCEL | RV_STATE_WAITERS, &before),
                     is_free);
    EXPECT_WORD(is_free ? done - 2 * RV_STATE_ONE_REF : word);
    assert_int_equal(before, is_free ? word : 0);
    set(word);
    assert_int_equal(rv_state_finish(&state, 1), word);
    EXPECT_WORD(done - RV_STATE_ONE_REF);
    assert_true(rv_state_is_done(&state));
}

static void check_observe(uint64_t word)
{
    assert_int_equal(rv_state_observe(&state), word);
    EXPECT_WORD(word | RV_STATE_OBSERVED);
}

/* Goal: who waits is announced before DONE or sees it; an outcome is published once. */
static void test_state_completion_follows_the_table(void **unused)
{
    (void)unused;
    for_each_word(check_announce);
    for_each_word(check_solo);
    for_each_word(check_retract);
    for_each_word(check_finish);
    for_each_word(check_observe);
}

static void check_retain_live(uint64_t word)
{
    enum rv_phase phase = phase_of(word);
    bool is_alive = phase == RV_PHASE_ACTIVE || phase == RV_PHASE_PARKED;
    assert_int_equal(rv_state_retain_live(&state), is_alive);
    EXPECT_WORD(is_alive ? word + RV_STATE_ONE_REF : word);
    set(word - REFS);
    assert_false(rv_state_retain_live(&state));
    EXPECT_WORD(word - REFS);
}

/* Goal: references: the last one is told, a dying object cannot be had again. */
static void test_state_references_are_counted(void **unused)
{
    (void)unused;
    for_each_word(check_retain_live);
    rv_state_init(&state, 2);
    EXPECT_WORD(2 * RV_STATE_ONE_REF | RV_PHASE_ACTIVE);
    rv_state_retain(&state);
    assert_int_equal(rv_state_refs(rv_load_relaxed(&state)), 3);
    assert_false(rv_state_release(&state));
    assert_false(rv_state_release(&state));
    (void)rv_state_finish(&state, 0);
    assert_true(rv_state_release(&state));
    rv_state_retire(&state);
    EXPECT_WORD(RV_PHASE_FREE);
    assert_false(rv_state_retain_live(&state));
}

static uint64_t guarded; /* plain: by the pin */

static void *pin_and_count(void *arg)
{
    bool is_busy;
    for (int i = 0; i < ROUNDS;) {
        rv_state_retain(&state);
        if (rv_state_pin(&state, &is_busy)) {
            guarded++;
            i++;
            assert_false(rv_state_unpin(&state, false));
        }
        assert_false(rv_state_release(&state));
    }
    return arg;
}

/* Goal: a pin excludes, and counts of several threads do not disturb each other. */
static void test_state_pins_exclude_each_other(void **unused)
{
    pthread_t threads[THREADS];
    (void)unused;
    guarded = 0;
    set(RV_STATE_ONE_REF | RV_PHASE_PARKED);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pin_and_count, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(guarded, THREADS * ROUNDS);
    EXPECT_WORD(RV_STATE_ONE_REF | RV_PHASE_PARKED);
}

static int retain_nothing(void)
{
    set(RV_PHASE_ACTIVE);
    rv_state_retain(&state);
    return 0;
}

static int release_nothing(void)
{
    set(RV_PHASE_ACTIVE);
    return rv_state_release(&state);
}

static int finish_twice(void)
{
    rv_state_init(&state, 1);
    (void)rv_state_finish(&state, 0);
    return rv_state_finish(&state, 0) != 0;
}

static int unpin_unpinned(void)
{
    set(RV_STATE_ONE_REF | RV_PHASE_PARKED);
    return rv_state_unpin(&state, false);
}

static int pin_a_running_task(void)
{
    set(RV_STATE_ONE_REF | RV_STATE_PINNED | RV_PHASE_ACTIVE);
    rv_state_check(&state);
    return 0;
}

/* Goal: a count that is full stays full, the request is felt, and nothing else changes. */
static void test_state_cancel_beyond_the_count_is_felt(void **unused)
{
    (void)unused;
    uint64_t full = RV_STATE_ONE_REF | RV_STATE_CANCEL_COUNT;
    set(full | RV_PHASE_ACTIVE);
    assert_int_equal(rv_state_cancel(&state), RV_CANCEL_NOTED);
    EXPECT_WORD(full | RV_STATE_CANCEL | RV_PHASE_ACTIVE);
    assert_true(rv_state_take_cancel(&state));
    set(full | RV_PHASE_PARKED);
    assert_int_equal(rv_state_cancel(&state), RV_CANCEL_PINNED);
    EXPECT_WORD(full | RV_STATE_PINNED | RV_PHASE_PARKED);
    set(full | RV_PHASE_ACTIVE);
    assert_int_equal(rv_state_uncancel(&state),
                     (RV_STATE_CANCEL_COUNT >> RV_STATE_CANCEL_SHIFT) - 1);
}

/* Goal: misuse stops the program where it is, in release builds too. */
static void test_state_broken_rules_stop_the_program(void **unused)
{
    (void)unused;
    assert_true(rv_child_breaks(retain_nothing, "only who holds a reference takes another"));
    assert_true(rv_child_breaks(release_nothing, "released as often as it was given"));
    assert_true(rv_child_breaks(finish_twice, "a future completes once"));
    assert_true(rv_child_breaks(unpin_unpinned, "only the pinner unpins"));
    assert_true(rv_child_breaks(pin_a_running_task, "only a parked task is pinned"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_park_and_wake_follow_the_table),
        cmocka_unit_test(test_state_cancellation_follows_the_table),
        cmocka_unit_test(test_state_pins_follow_the_table),
        cmocka_unit_test(test_state_completion_follows_the_table),
        cmocka_unit_test(test_state_references_are_counted),
        cmocka_unit_test(test_state_pins_exclude_each_other),
        cmocka_unit_test(test_state_cancel_beyond_the_count_is_felt),
        cmocka_unit_test(test_state_broken_rules_stop_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
