// SPDX-License-Identifier: MIT
/*
 * Purpose: work-stealing deque of pointers: the owner at the bottom, thieves at the top.
 * Idea:    top only grows (64 bits, no wrap); slot i lives at i modulo the array size.
 *
 *              top                    bottom
 *               v                        v
 *          ... [t] [t+1] ......... [b-1] [ ]        items are t .. b-1; empty when t >= b
 *             thieves: CAS top        owner: plain stores of bottom
 *
 *          Ordering. D1: push writes the slot, then releases bottom; a thief acquires bottom before
 *          it reads the slot, so it sees the item. Every store of bottom is a release, so this
 *          holds whichever of them the thief read. D2: pop lowers bottom to b, passes a light
 *          fence, then reads top; a thief reads top = t, passes a heavy fence, then reads bottom.
 *          Suppose both take slot i. Pop took it without a CAS, so it read a top below i; the thief
 *          read top = i and a bottom above i. If pop's fence comes first the thief sees a bottom of
 *          at most i; if the thief's comes first pop sees top >= i: contradictions both. The last
 *          item (t == b) is settled by the seq_cst CAS on top, which thieves use as well (D3).
 *          Growth copies the items to an array twice the size; old arrays live until fini, and
 *          their slots t .. b-1 are never overwritten, so a thief with an old array still reads the
 *          right item, or its CAS fails because top has moved (D4).
 * Threads: push, pop, fini, check: owner. steal, size_hint: any.
 * Rejected: freeing old arrays early (needs epochs; they sum to less than the newest one).
 * Source:  Chase and Lev, SPAA 2005; Le, Pop, Cohen and Zappa Nardelli, PPoPP 2013.
 */
#ifndef RV_CORE_DEQUE_H
#define RV_CORE_DEQUE_H

#include <stddef.h>
#include <stdint.h>

#include "core/atomic.h"
#include "core/base.h"

struct rv_deque_array {
    struct rv_deque_array *older; /* freed at fini */
    int64_t mask;
    RV_ATOMIC(void *) slots[];
};

struct rv_deque {
    /* written by the owner; bottom and array are read by thieves */
    RV_ALIGNED_LINE RV_ATOMIC(int64_t) bottom;
    RV_ATOMIC(struct rv_deque_array *) array;
    int64_t top_seen; /* owner only: a lower bound of top, so that push seldom reads it */
    uint32_t log2_max;
    /* written by thieves, and by the owner for the last item */
    RV_ALIGNED_LINE RV_ATOMIC(int64_t) top;
    RV_ATOMIC(uint32_t) thieves; /* that may be about to take */
};

enum rv_steal {
    RV_STEAL_OK,    /* *out is the thief's */
    RV_STEAL_EMPTY, /* nothing there */
    RV_STEAL_LOST,  /* another thief or the owner was faster: worth another try */
};

/* Room for 2^log2_initial items, growing to 2^log2_max at most. */
RV_WARN_UNUSED int rv_deque_init(struct rv_deque *d, unsigned log2_initial, unsigned log2_max);
/* No thief may be active any more. */
void rv_deque_fini(struct rv_deque *d);
/* Tries to take the oldest item; *out is written only on RV_STEAL_OK. Pays a heavy fence only when
 * the deque does not look empty. */
RV_WARN_UNUSED enum rv_steal rv_deque_steal(struct rv_deque *d, void **out);
void rv_deque_check(struct rv_deque *d);

int rv_deque_push_slow(struct rv_deque *d, void *item);
void *rv_deque_pop_last(struct rv_deque *d, int64_t bottom);

/* For statistics and the first look of a thief; never negative. */
static inline size_t rv_deque_size_hint(struct rv_deque *d)
{
    int64_t size = rv_load_relaxed(&d->bottom) - rv_load_relaxed(&d->top);

    return size > 0 ? (size_t)size : 0;
}

/* 0, or -ENOMEM when the bound is reached or memory is out; then nothing has changed. */
RV_WARN_UNUSED static inline int rv_deque_push(struct rv_deque *d, void *item)
{
    int64_t bottom = rv_load_relaxed(&d->bottom);
    struct rv_deque_array *array = rv_load_relaxed(&d->array);

    if (RV_UNLIKELY(bottom - d->top_seen > array->mask))
        return rv_deque_push_slow(d, item);
    rv_store_relaxed(&array->slots[bottom & array->mask], item);
    /* order: release D1. The slot and what the item points at; pairs with rv_deque_steal. */
    rv_store_release(&d->bottom, bottom + 1);
    return 0;
}

/* The newest item, or NULL. */
static inline void *rv_deque_pop(struct rv_deque *d)
{
    int64_t bottom = rv_load_relaxed(&d->bottom) - 1;
    struct rv_deque_array *array = rv_load_relaxed(&d->array);
    int64_t top;

    /* top never passes bottom and never falls: seen equal, the deque is empty, without a fence. */
    if (rv_load_relaxed(&d->top) > bottom)
        return NULL;
    /* order: release D1. As in push: a thief that reads this bottom sees the slots below it. */
    rv_store_release(&d->bottom, bottom);
    /* order: light D2. bottom before the look at top; with the heavy fence in rv_deque_steal. */
    rv_fence_light();
    top = rv_load_relaxed(&d->top);
    if (RV_LIKELY(top < bottom))
        return rv_load_relaxed(&array->slots[bottom & array->mask]);
    return rv_deque_pop_last(d, bottom);
}

#endif
