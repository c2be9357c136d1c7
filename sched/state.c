// SPDX-License-Identifier: MIT
/*
 * Purpose: the transitions of the state word that are not on every task's way: cancellation, pins,
 * counts. state.h is the specification and has the others, inline.
 *
 * Threads: any; each function says who may call it. All are lock-free: a failed compare-exchange
 * means that somebody else's transition went through.
 */
#include "sched/state.h"

#include "core/check.h"

#define RV_STATE_KNOWN                                                                             \
    (RV_STATE_PHASE | RV_STATE_WOKEN | RV_STATE_CANCEL | RV_STATE_PINNED | RV_STATE_WAITERS |      \
     RV_STATE_CALLBACKS | RV_STATE_OBSERVED | RV_STATE_SOLO | RV_STATE_CANCEL_COUNT)

uint32_t rv_state_uncancel(rv_state_word *state)
{
    uint64_t word = rv_load_relaxed(state);
    uint64_t next;
    do {
        if ((word & RV_STATE_CANCEL_COUNT) == 0) {
            return 0;
        }
        next = word - RV_STATE_ONE_CANCEL;
        if ((next & RV_STATE_CANCEL_COUNT) == 0) {
            next &= ~RV_STATE_CANCEL;
        }
        /* order: acquire S3. What the canceller wrote before the request that is withdrawn. */
    } while (!rv_cas_weak_acquire(state, &word, next));
    return (uint32_t)((next & RV_STATE_CANCEL_COUNT) >> RV_STATE_CANCEL_SHIFT);
}

void rv_state_put_back_cancel(rv_state_word *state)
{
    rv_fetch_or_relaxed(state, RV_STATE_CANCEL);
}

enum rv_cancel_step rv_state_cancel(rv_state_word *state)
{
    uint64_t word = rv_load_relaxed(state);
    for (;;) {
        enum rv_phase phase = rv_state_phase(word);
        if (phase == RV_PHASE_DONE || phase == RV_PHASE_FREE) {
            return RV_CANCEL_DONE;
        }
        if (word & RV_STATE_PINNED) {
            return RV_CANCEL_BUSY;
        }
        bool is_parked = phase == RV_PHASE_PARKED;
        uint64_t next = word | (is_parked ? RV_STATE_PINNED : RV_STATE_CANCEL);
        /* A full count stays full: requests beyond it are delivered, not counted. */
        next += (word & RV_STATE_CANCEL_COUNT) == RV_STATE_CANCEL_COUNT ? 0 : RV_STATE_ONE_CANCEL;
        /* order: acq_rel S3. The wait description before PARKED (S2) is read under the pin; the
         * canceller's writes before the flag are seen by rv_state_take_cancel. */
        if (rv_cas_weak_acq_rel(state, &word, next)) {
            return is_parked ? RV_CANCEL_PINNED : RV_CANCEL_NOTED;
        }
    }
}

bool rv_state_set_cancel(rv_state_word *state, bool *wake)
{
    uint64_t word = rv_load_relaxed(state);
    *wake = false;
    for (;;) {
        enum rv_phase phase = rv_state_phase(word);
        bool is_over = phase == RV_PHASE_DONE || phase == RV_PHASE_FREE;
        if (is_over || (word & RV_STATE_CANCEL_COUNT) == 0) {
            return false;
        }
        bool is_free = phase == RV_PHASE_PARKED && !(word & RV_STATE_PINNED);
        uint64_t next = word | RV_STATE_CANCEL;
        if (is_free) {
            next = rv_state_with_phase(next, RV_PHASE_ACTIVE);
        }
        /* order: acq_rel S3. As rv_state_cancel. */
        if (rv_cas_weak_acq_rel(state, &word, next)) {
            *wake = is_free;
            return true;
        }
    }
}

bool rv_state_pin(rv_state_word *state, bool *is_busy)
{
    uint64_t word = rv_load_relaxed(state);
    do {
        *is_busy = (word & RV_STATE_PINNED) != 0;
        if (*is_busy || rv_state_phase(word) != RV_PHASE_PARKED) {
            return false;
        }
        /* order: acquire S2. The saved registers and the wait description before PARKED. */
    } while (!rv_cas_weak_acquire(state, &word, word | RV_STATE_PINNED));
    return true;
}

bool rv_state_unpin(rv_state_word *state, bool deliver)
{
    uint64_t word = rv_load_relaxed(state);
    for (;;) {
        RV_CHECK(word & RV_STATE_PINNED, "only the pinner unpins");
        uint64_t next = word & ~RV_STATE_PINNED;
        if (deliver) {
            next |= RV_STATE_CANCEL;
        }
        bool is_wanted = (next & (RV_STATE_WOKEN | RV_STATE_CANCEL)) != 0;
        if (is_wanted) {
            next = rv_state_with_phase(next & ~RV_STATE_WOKEN, RV_PHASE_ACTIVE);
        }
        /* order: acq_rel S3. As rv_state_cancel, and passes on a wake that came meanwhile (S2). */
        if (rv_cas_weak_acq_rel(state, &word, next)) {
            return is_wanted;
        }
    }
}

bool rv_state_announce(rv_state_word *state, uint64_t bit)
{
    /* order: acquire S1. The result before DONE, as in a failed exchange below; pairs with
     * rv_state_finish. */
    uint64_t word = rv_load_acquire(state);
    do {
        if (rv_state_phase(word) == RV_PHASE_DONE) {
            return false;
        }
        if (word & bit) {
            return true;
        }
        /* order: acq_rel S4. The bit is in before DONE or DONE is seen; pairs with
         * rv_state_finish. */
    } while (!rv_cas_weak_acq_rel(state, &word, word | bit));
    return true;
}

bool rv_state_retract_solo(rv_state_word *state)
{
    uint64_t word = rv_load_relaxed(state);
    do {
        RV_ASSERT(word & RV_STATE_SOLO, "only the solo waiter retracts");
        if (rv_state_phase(word) == RV_PHASE_DONE) {
            return false;
        }
        /* order: release S4. Its use of `solo` before the next solo waiter's. */
    } while (!rv_cas_weak_release(state, &word, word & ~RV_STATE_SOLO));
    return true;
}

uint64_t rv_state_finish(rv_state_word *state, uint32_t drop)
{
    uint64_t before = 0;
    bool is_finished = rv_state_finish_unless(state, drop, 0, &before);
    RV_CHECK(is_finished, "a finish without conditions goes through");
    return before;
}

void rv_state_retain(rv_state_word *state)
{
    uint64_t before = rv_fetch_add_relaxed(state, RV_STATE_ONE_REF);
    RV_CHECK(rv_state_refs(before) > 0, "only who holds a reference takes another");
}

bool rv_state_retain_live(rv_state_word *state)
{
    uint64_t word = rv_load_relaxed(state);
    do {
        enum rv_phase phase = rv_state_phase(word);
        if (phase == RV_PHASE_FREE || phase == RV_PHASE_DONE || rv_state_refs(word) == 0) {
            return false;
        }
        /* order: acquire S5. The block as rv_task_create left it; pairs with its queueing. */
    } while (!rv_cas_weak_acquire(state, &word, word + RV_STATE_ONE_REF));
    return true;
}

bool rv_state_release_above(rv_state_word *state, uint32_t rest)
{
    /* order: acquire S5. All use of the object by the holders before; pairs with the exchange. */
    uint64_t word = rv_load_acquire(state);
    do {
        if (rv_state_refs(word) <= rest + 1) {
            return false;
        }
        /* order: acq_rel S5. All use of the object before its end, in every holder. */
    } while (!rv_cas_weak_acq_rel(state, &word, word - RV_STATE_ONE_REF));
    return true;
}

uint64_t rv_state_observe(rv_state_word *state)
{
    uint64_t word = rv_load_relaxed(state);
    if (word & RV_STATE_OBSERVED) {
        return word;
    }
    return rv_fetch_or_relaxed(state, RV_STATE_OBSERVED);
}

void rv_state_check(const rv_state_word *state)
{
    uint64_t word = rv_load_relaxed(state);
    RV_CHECK((word & UINT32_MAX & ~RV_STATE_KNOWN) == 0, "no unknown bit in a state word");
    if (word & RV_STATE_PINNED) {
        RV_CHECK(rv_state_phase(word) == RV_PHASE_PARKED, "only a parked task is pinned");
    }
}
