// SPDX-License-Identifier: MIT
/*
 * Purpose: the one atomic word of a future (and so of a task), and every transition it can make.
 *
 * Idea:
 *     63                            32 31           8  7   6   5   4   3   2  1 0
 *    +--------------------------------+--------------+---+---+---+---+---+---+-----+
 *    |   references                   |cancel count  | O | C | W | P | X | K |phase|
 *    +--------------------------------+--------------+---+---+---+---+---+---+-----+
 *     K woken     a wake came while the task was not parked; its next park returns at once
 *     X cancel    a cancellation waits to be delivered at the next suspension point
 *     P pinned    a canceller or a report looks at the parked task: nobody may resume it meanwhile
 *     W waiters   somebody is, or was, in the list of waiters: completion must look at it
 *     C callbacks there are done callbacks: completion goes through a callback task
 *     S solo      (bit 8) one waiter has its cell in `solo`, outside the queue
 *     O observed  somebody has looked at the outcome: nothing to report in debug mode
 *
 *    phase    who owns the object
 *    FREE     the stack pool; the block may be handed out by rv_stack_alloc
 *    ACTIVE   task: queued (the queue owns it) or running (its worker owns it); future: not done
 *    PARKED   task only: saved registers, whoever moves it to ACTIVE owns it
 *    DONE     result and error are constant from here on
 *
 * Queued and running are one phase: a yield changes nobody's right to touch the task, so it
 * needs no atomic operation. Task blocks are type-stable, so a wake that comes late hits a valid
 * word, at worst another task's, where it is a spurious wake: every wait re-checks its own cell.
 *
 * Threads: any. Nobody else writes the word (house rule 14).
 */
#ifndef RV_SCHED_STATE_H
#define RV_SCHED_STATE_H

#include "core/atomic.h"
#include "core/base.h"
#include "core/check.h"

#include <stdbool.h>
#include <stdint.h>

typedef RV_ATOMIC(uint64_t) rv_state_word;

enum rv_phase {
    RV_PHASE_FREE = 0,   /* the stack pool's */
    RV_PHASE_ACTIVE = 1, /* a queue's, or the worker's that runs it */
    RV_PHASE_PARKED = 2, /* whoever wakes it */
    RV_PHASE_DONE = 3    /* nobody's; freed with the last reference */
};

#define RV_STATE_PHASE UINT64_C(0x3)
#define RV_STATE_TO_PARKED ((uint64_t)RV_PHASE_PARKED - RV_PHASE_ACTIVE) /* added to a word */
#define RV_STATE_WOKEN UINT64_C(0x4)
#define RV_STATE_CANCEL UINT64_C(0x8)
#define RV_STATE_PINNED UINT64_C(0x10)
#define RV_STATE_WAITERS UINT64_C(0x20)
#define RV_STATE_CALLBACKS UINT64_C(0x40)
#define RV_STATE_OBSERVED UINT64_C(0x80)
#define RV_STATE_SOLO UINT64_C(0x100)
#define RV_STATE_CANCEL_SHIFT 9 /* asyncio's cancelling(): requests not withdrawn, 23 bits */
#define RV_STATE_ONE_CANCEL (UINT64_C(1) << RV_STATE_CANCEL_SHIFT)
#define RV_STATE_CANCEL_COUNT (UINT64_C(0x7fffff) << RV_STATE_CANCEL_SHIFT)
/* In the word of what is parked, or done, and of nothing that is active. */
#define RV_STATE_STOPPED UINT64_C(0x2)
/* Somebody is to be told of the completion. */
#define RV_STATE_AWAITED (RV_STATE_WAITERS | RV_STATE_SOLO | RV_STATE_CALLBACKS)
#define RV_STATE_REF_SHIFT 32
#define RV_STATE_ONE_REF (UINT64_C(1) << RV_STATE_REF_SHIFT)

static inline enum rv_phase rv_state_phase(uint64_t word)
{
    return (enum rv_phase)(word & RV_STATE_PHASE);
}

static inline uint32_t rv_state_refs(uint64_t word)
{
    return (uint32_t)(word >> RV_STATE_REF_SHIFT);
}

static inline uint64_t rv_state_with_phase(uint64_t word, enum rv_phase phase)
{
    return (word & ~RV_STATE_PHASE) | (uint64_t)phase;
}

/* A fresh object with `refs` references, all other fields set: no atomic read-modify-write. */
static inline void rv_state_init(rv_state_word *state, uint32_t refs)
{
    /* order: release S5. The object before its phase; pairs with rv_state_retain_live. */
    rv_store_release(state, ((uint64_t)refs << RV_STATE_REF_SHIFT) | RV_PHASE_ACTIVE);
}

static inline bool rv_state_is_done(const rv_state_word *state)
{
    /* order: acquire S1. The result before DONE; pairs with rv_state_finish. */
    return rv_state_phase(rv_load_acquire(state)) == RV_PHASE_DONE;
}

/* The task's own look at the cancel flag: a false `no` is caught by rv_state_park. */
static inline bool rv_state_has_cancel(const rv_state_word *state)
{
    return (rv_load_relaxed(state) & RV_STATE_CANCEL) != 0;
}

/* The task's own look: true if its next park would not return at once, as far as can be seen. */
static inline bool rv_state_may_park(const rv_state_word *state)
{
    return (rv_load_relaxed(state) & (RV_STATE_WOKEN | RV_STATE_CANCEL)) == 0;
}

/* Transitions; each says who may call it and what the caller owes afterwards. */

/* After-switch action, registers saved. True: parked. False: a wake or a cancellation came first;
 * the task is still ACTIVE and the caller owns it: make it ready. */
static inline bool rv_state_park(rv_state_word *state)
{
    uint64_t word = rv_load_relaxed(state);
    for (;;) {
        RV_ASSERT(rv_state_phase(word) == RV_PHASE_ACTIVE, "only a running task parks");
        if (RV_LIKELY((word & (RV_STATE_WOKEN | RV_STATE_CANCEL)) == 0)) {
            /* order: acq_rel S2. The saved registers before PARKED; pairs with rv_state_wake. */
            if (RV_LIKELY(rv_cas_weak_acq_rel(state, &word, word + RV_STATE_TO_PARKED))) {
                return true;
            }
            continue;
        }
        /* order: acq_rel S2. What the waker wrote before WOKEN is seen by the task that goes on. */
        if (rv_cas_weak_acq_rel(state, &word, word & ~RV_STATE_WOKEN)) {
            return false;
        }
    }
}

/* Any thread. True: PARKED became ACTIVE and the caller owns the task: make it ready. */
static inline bool rv_state_wake(rv_state_word *state)
{
    uint64_t word = rv_load_relaxed(state);
    for (;;) {
        if (RV_LIKELY((word & (RV_STATE_PHASE | RV_STATE_PINNED)) == RV_PHASE_PARKED)) {
            /* order: acq_rel S2. Takes over the saved registers; pairs with rv_state_park. */
            if (RV_LIKELY(rv_cas_weak_acq_rel(state, &word, word - RV_STATE_TO_PARKED))) {
                return true;
            }
            continue;
        }
        enum rv_phase phase = rv_state_phase(word);
        if (phase != RV_PHASE_PARKED && phase != RV_PHASE_ACTIVE) {
            return false;
        }
        /* order: acq_rel S2. The waker's writes before WOKEN; pairs with rv_state_park. A word that
         * has it is written all the same: the write is what publishes them. */
        if (rv_cas_weak_acq_rel(state, &word, word | RV_STATE_WOKEN)) {
            return false;
        }
    }
}

/* The task itself, before a park: true if a wake had already come; it is spent. */
static inline bool rv_state_take_wake(rv_state_word *state)
{
    if (!(rv_load_relaxed(state) & RV_STATE_WOKEN)) {
        return false;
    }
    /* order: acquire S2. What the waker wrote before WOKEN; pairs with rv_state_wake. */
    return (rv_fetch_and_acquire(state, ~RV_STATE_WOKEN) & RV_STATE_WOKEN) != 0;
}

/* The task itself: true if a cancellation was pending; it is spent. */
static inline bool rv_state_take_cancel(rv_state_word *state)
{
    /* order: acquire S3. What the canceller wrote (an expired timeout) before the flag. */
    return (rv_fetch_and_acquire(state, ~RV_STATE_CANCEL) & RV_STATE_CANCEL) != 0;
}

/* Any thread: one request less; the last one withdraws what was not delivered. How many are
 * left. */
uint32_t rv_state_uncancel(rv_state_word *state);
static inline uint32_t rv_state_cancelling(const rv_state_word *state)
{
    return (uint32_t)((rv_load_relaxed(state) & RV_STATE_CANCEL_COUNT) >> RV_STATE_CANCEL_SHIFT);
}

enum rv_cancel_step {
    RV_CANCEL_DONE,   /* too late, nothing changed */
    RV_CANCEL_NOTED,  /* the flag is set, the task will see it at its next suspension point */
    RV_CANCEL_PINNED, /* the task is parked and pinned: look at it, then rv_state_unpin */
    RV_CANCEL_BUSY    /* another canceller has it pinned: look again */
};
/* Any thread, with a reference. Counts the request, unless DONE or BUSY. */
enum rv_cancel_step rv_state_cancel(rv_state_word *state);
/* Any thread, for a counted request: sets the flag. False: done, or all requests were withdrawn.
 * True with *wake: the caller owns the task: make it ready. */
bool rv_state_set_cancel(rv_state_word *state, bool *wake);
/* The task itself: a delivery it took is pending again. */
void rv_state_put_back_cancel(rv_state_word *state);
/* The pinner. `deliver` sets the cancel flag. True: the caller now owns the task: make it ready. */
bool rv_state_unpin(rv_state_word *state, bool deliver);

/* Any thread, with a reference, to look at the wait of a parked task without a request. True: it is
 * pinned, until rv_state_unpin. False: not parked, or pinned by another (*is_busy: look again). */
bool rv_state_pin(rv_state_word *state, bool *is_busy);

/* Whoever adds a waiter or callback, under the future's lock. False: done already, bit not set. */
bool rv_state_announce(rv_state_word *state, uint64_t bit);

enum rv_solo { RV_SOLO_TAKEN, RV_SOLO_DONE, RV_SOLO_OURS };
/* Who awaits: ours if nobody waits yet and it is not done; then it must store its cell to
 * `solo`. */
static inline enum rv_solo rv_state_announce_solo(rv_state_word *state)
{
    /* order: acquire S1. The result before DONE, as in a failed exchange below; pairs with
     * rv_state_finish. */
    uint64_t word = rv_load_acquire(state);
    do {
        if (rv_state_phase(word) == RV_PHASE_DONE) {
            return RV_SOLO_DONE;
        }
        if (word & (RV_STATE_SOLO | RV_STATE_WAITERS)) {
            return RV_SOLO_TAKEN;
        }
        /* order: acquire S4. SOLO is in before DONE or DONE is seen; pairs with rv_state_finish.
         * The last solo waiter's NULL in `solo` before ours; with rv_state_retract_solo. */
    } while (!rv_cas_weak_acquire(state, &word, word | RV_STATE_SOLO));
    return RV_SOLO_OURS;
}
/* The solo waiter gives up, `solo` being NULL again. False: done, the completer wants the cell. */
bool rv_state_retract_solo(rv_state_word *state);

/* The completer, once. Publishes the result; returns the word before. `drop` references go with
 * it. */
uint64_t rv_state_finish(rv_state_word *state, uint32_t drop);
/* The same only if no bit of `unless` is set: false, and nothing changed, if one is. */
/* Fails also while a cancellation is pending, if CANCEL is in `unless`. */
static inline bool rv_state_finish_unless(rv_state_word *state, uint32_t drop, uint64_t unless,
                                          uint64_t *before)
{
    uint64_t word = rv_load_relaxed(state);
    uint64_t next;
    do {
        if (word & unless) {
            return false;
        }
        RV_CHECK(rv_state_phase(word) == RV_PHASE_ACTIVE, "a future completes once");
        RV_ASSERT(rv_state_refs(word) >= drop, "references are dropped by their holders");
        next = rv_state_with_phase(word & ~(RV_STATE_WOKEN | RV_STATE_CANCEL), RV_PHASE_DONE) -
               (uint64_t)drop * RV_STATE_ONE_REF;
        /* order: acq_rel S1, S4. Result before DONE; and the waiters' announcements. */
    } while (!rv_cas_weak_acq_rel(state, &word, next));
    *before = word;
    return true;
}

/*
 * As rv_state_finish with a reference dropped, of a task whose creation has not returned: its
 * creator's handle and the runtime's reference are all there is, the caller has both, and nobody
 * looks for tasks meanwhile (core/walk.h). A late wake may still set WOKEN: it is overwritten, and
 * would say nothing to a task that is done. False, and nothing changed: the word has more to tell.
 */
static inline bool rv_state_finish_unseen(rv_state_word *state)
{
    /* order: acquire S5. Of introspection, which looked and dropped its reference a moment ago: the
     * store below hides what that released from whoever is last. */
    if (rv_load_acquire(state) != (2 * RV_STATE_ONE_REF | RV_PHASE_ACTIVE)) {
        return false;
    }
    /* order: release S1. The result before DONE; pairs with rv_state_is_done. */
    rv_store_release(state, RV_STATE_ONE_REF | RV_PHASE_DONE);
    return true;
}

/* Holder of a reference. */
void rv_state_retain(rv_state_word *state);
/* Introspection, no reference held: true if the object lived and a reference was taken. */
bool rv_state_retain_live(rv_state_word *state);
/* Holder of a reference: true if it is done, and nobody else has one. */
static inline bool rv_state_is_last(const rv_state_word *state)
{
    /* order: acquire S5, S1. All use of the object by the other holders; and the result before
     * DONE. */
    uint64_t word = rv_load_acquire(state);
    return rv_state_refs(word) == 1 && rv_state_phase(word) == RV_PHASE_DONE;
}
/* Holder of a reference: true if it was the last; the caller owns the memory. */
static inline bool rv_state_release(rv_state_word *state)
{
    if (rv_state_is_last(state)) { /* no need to count */
        return true;
    }
    /* order: acq_rel S5. All use of the object before its end, in every holder. */
    uint64_t before = rv_fetch_sub_acq_rel(state, RV_STATE_ONE_REF);
    RV_CHECK(rv_state_refs(before) > 0, "a handle is released as often as it was given");
    return rv_state_refs(before) == 1;
}
/* Holder of a reference: drops it only if more than `rest` are left. False: nothing changed. */
bool rv_state_release_above(rv_state_word *state, uint32_t rest);
/* The owner of a dead block marks it FREE for rv_state_retain_live. */
static inline void rv_state_retire(rv_state_word *state)
{
    rv_store_relaxed(state, RV_PHASE_FREE);
}
/* Any thread: its outcome has been looked at. Returns the word before. */
uint64_t rv_state_observe(rv_state_word *state);

void rv_state_check(const rv_state_word *state);

#endif
