// SPDX-License-Identifier: MIT
/*
 * Purpose: the owner's bounded FIFO run queue, from which others steal halves.
 * Idea:    the owner claims up to RV_RUNQ_BATCH slots with one CAS, then consumes them with plain
 *          loads and stores; thieves see only what is beyond the claim. Who has no thieves claims
 *          all there is.
 *
 *              run      claimed     head             tail
 *               v          v          v                v
 *          ....[ private   ]..(gap)..[ stealable       ]....
 *
 *          run <= claimed <= head <= tail, indexes modulo 2^32, slot i at i & mask. Between claimed
 *          and head lie slots that others have taken. A push needs tail - base < capacity where
 *          base is run while the private batch lasts and head after it. A thief copies slots first
 *          and then moves head by CAS: when the owner has overwritten a copied slot, head had
 *          moved, so the CAS fails and the copy is dropped.
 *          The private part [run, claimed) is guarded by the caller's struct rv_bias (core/bias.h):
 *          the owner pops inside its section, a rescuer empties the batch inside its own.
 * Threads: owner: push, take_half, is_empty_owner; pop inside the bias section; without thieves,
 *          instead of those two: size_alone, push_alone, pop_alone. Any: size_hint,
 *          steal; rescue inside the bias section of the victim.
 * Rejected: a CAS on every pop: 5 ns on each switch of a task.
 */
#ifndef RV_CORE_RUNQ_H
#define RV_CORE_RUNQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/atomic.h"
#include "core/base.h"

#ifndef RV_RUNQ_CAPACITY
#define RV_RUNQ_CAPACITY 1024 /* 8 KiB a worker; model and stress builds make it tiny */
#endif
#ifndef RV_RUNQ_BATCH
#define RV_RUNQ_BATCH 8 /* slots hidden from thieves at a time; arbitrary */
#endif

_Static_assert((RV_RUNQ_CAPACITY & (RV_RUNQ_CAPACITY - 1)) == 0, "capacity is a power of two");
_Static_assert(RV_RUNQ_CAPACITY >= 2, "half of the capacity is at least one");

struct rv_runq {
    /* owner writes; tail is read by thieves, run and claimed by rescuers; a rescuer moves run */
    RV_ALIGNED_LINE RV_ATOMIC(uint32_t) tail;
    RV_ATOMIC(uint32_t) run;
    RV_ATOMIC(uint32_t) claimed;
    /* owner only: a lower bound of base, so that push reads no shared line; of no use without
     * thieves, until it is refreshed */
    uint32_t base_seen;
    /* CAS by owner and thieves */
    RV_ALIGNED_LINE RV_ATOMIC(uint32_t) head;
    /* relaxed atomics: a thief may read a slot that is being overwritten, and then drops it */
    RV_ALIGNED_LINE RV_ATOMIC(void *) slots[RV_RUNQ_CAPACITY];
};

void rv_runq_init(struct rv_runq *q);
/* Owner, quiet queue that has thieves: the indexes are in order. */
void rv_runq_check(struct rv_runq *q);

uint32_t rv_runq_refresh_base(struct rv_runq *q);
void *rv_runq_pop_claim(struct rv_runq *q, uint32_t max);

/* By a pointer: where an array is indexed, gcc 12 adds its offset to the index, not the address. */
static RV_ALWAYS_INLINE RV_ATOMIC(void *) *rv_runq_slot(struct rv_runq *q, uint32_t at)
{
    RV_ATOMIC(void *) *slots = q->slots;

    return slots + (at & (RV_RUNQ_CAPACITY - 1));
}

static inline void rv_runq_put(struct rv_runq *q, uint32_t tail, void *item)
{
    rv_store_relaxed(rv_runq_slot(q, tail), item);
    /* order: release Q1. The slot and what it points at; pairs with rv_runq_steal. */
    rv_store_release(&q->tail, tail + 1);
}

/* Owner. False when full. */
RV_WARN_UNUSED static inline bool rv_runq_push(struct rv_runq *q, void *item)
{
    uint32_t tail = rv_load_relaxed(&q->tail);

    if (RV_UNLIKELY(tail - q->base_seen >= RV_RUNQ_CAPACITY) &&
        tail - rv_runq_refresh_base(q) >= RV_RUNQ_CAPACITY)
        return false;
    rv_runq_put(q, tail, item);
    return true;
}

/*
 * Owner, inside its bias section. If nothing is queued at all, the item becomes a private batch of
 * one, which thieves do not see and the next pop takes without a CAS: a pair of tasks that hand
 * over to each other stays together. False: something is queued, use rv_runq_push.
 *
 * head moves by a plain store: a thief changes head only from a value below a tail that it has
 * seen; tail never falls, so with head == tail there is no such thief, and its CAS on an older head
 * fails.
 */
RV_WARN_UNUSED static inline bool rv_runq_push_private(struct rv_runq *q, void *item)
{
    uint32_t tail = rv_load_relaxed(&q->tail);

    if (rv_load_relaxed(&q->run) != rv_load_relaxed(&q->claimed) ||
        rv_load_relaxed(&q->head) != tail)
        return false;
    /* order: acquire Q2. Takers have read their slots before they moved head; pairs with
     * take_from_head. */
    rv_fence_acquire();
    rv_store_relaxed(rv_runq_slot(q, tail), item);
    rv_store_relaxed(&q->run, tail);
    rv_store_relaxed(&q->claimed, tail + 1);
    /* order: release Q2. head before tail: nobody sees a tail that is beyond head. */
    rv_store_release(&q->head, tail + 1);
    /* order: release Q1. The slot and what it points at; pairs with rv_runq_steal. */
    rv_store_release(&q->tail, tail + 1);
    return true;
}

/* Claims at most `max` if nothing is claimed. */
static RV_ALWAYS_INLINE void *rv_runq_pop_of(struct rv_runq *q, uint32_t max)
{
    uint32_t run = rv_load_relaxed(&q->run);
    void *item;

    if (RV_UNLIKELY(run == rv_load_relaxed(&q->claimed)))
        return rv_runq_pop_claim(q, max);
    item = rv_load_relaxed(rv_runq_slot(q, run));
    rv_store_relaxed(&q->run, run + 1);
    return item;
}

/* Owner, inside its bias section. The oldest item, or NULL. */
static inline void *rv_runq_pop(struct rv_runq *q)
{
    return rv_runq_pop_of(q, RV_RUNQ_BATCH);
}

/* The same of a queue that has no thieves, nor anybody else to leave something to. */
static inline void *rv_runq_pop_alone(struct rv_runq *q)
{
    return rv_runq_pop_of(q, RV_RUNQ_CAPACITY);
}

/* Owner: where the next item is, .. */
static inline uint32_t rv_runq_run(struct rv_runq *q)
{
    return rv_load_relaxed(&q->run);
}

/* .. how many places there are from there to the end .. */
static inline uint32_t rv_runq_from(struct rv_runq *q, uint32_t run)
{
    return rv_load_relaxed(&q->tail) - run;
}

/* .. and what is in one of these. Beyond the private batch it may be taken by a thief at any time:
 * an address to prefetch, not to follow. */
static inline void *rv_runq_at(struct rv_runq *q, uint32_t at)
{
    return rv_load_relaxed(rv_runq_slot(q, at));
}

/* Owner of a queue that has no thieves, so that run is where the oldest item is: how many there
 * are, and one more, of which the caller knows that there is room. */
static inline uint32_t rv_runq_size_alone(struct rv_runq *q)
{
    return rv_load_relaxed(&q->tail) - rv_load_relaxed(&q->run);
}

static inline void rv_runq_push_alone(struct rv_runq *q, void *item)
{
    rv_runq_put(q, rv_load_relaxed(&q->tail), item);
}

/* Owner; private batch included. */
static inline bool rv_runq_is_empty_owner(struct rv_runq *q)
{
    return rv_load_relaxed(&q->run) == rv_load_relaxed(&q->claimed) &&
           rv_load_relaxed(&q->head) == rv_load_relaxed(&q->tail);
}

/* Any thread: what a thief might find, the private batch not counted. */
static inline uint32_t rv_runq_size_hint(struct rv_runq *q)
{
    uint32_t head = rv_load_relaxed(&q->head);
    uint32_t size = rv_load_relaxed(&q->tail) - head;

    return (int32_t)size > 0 ? size : 0;
}

/* Any thread: where the next item goes. */
static inline uint32_t rv_runq_tail_hint(struct rv_runq *q)
{
    return rv_load_relaxed(&q->tail);
}

/* Any thread: is an item that stood before this end still to be had? */
static inline bool rv_runq_is_beyond(struct rv_runq *q, uint32_t tail_seen)
{
    return (int32_t)(tail_seen - rv_load_relaxed(&q->head)) > 0;
}

/* Any thread: items in the private batch, which only a rescue can reach. */
static inline uint32_t rv_runq_private_hint(struct rv_runq *q)
{
    uint32_t run = rv_load_relaxed(&q->run);
    uint32_t size = rv_load_relaxed(&q->claimed) - run;

    return (int32_t)size > 0 ? size : 0;
}

/* The caller owns thief_q and is not the victim. Moves half (rounded up) of what is stealable, at
 * most what fits: the oldest into *first, the rest into thief_q in order. Returns how many moved;
 * 0 leaves *first alone. */
RV_WARN_UNUSED unsigned rv_runq_steal(struct rv_runq *victim, struct rv_runq *thief_q,
                                      void **first);
/* As steal, but takes the victim's private batch; the caller is inside the victim's bias lock. */
RV_WARN_UNUSED unsigned rv_runq_rescue(struct rv_runq *victim, struct rv_runq *thief_q,
                                       void **first);
/* Owner: takes the older half (rounded up, at most max) of the stealable part, oldest first. */
RV_WARN_UNUSED unsigned rv_runq_take_half(struct rv_runq *q, void **out, unsigned max);

#endif
