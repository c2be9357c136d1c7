// SPDX-License-Identifier: MIT
/*
 * Purpose: the rarer paths of the run queue: claim a batch, steal, rescue, overflow.
 * Idea:    Q1: a slot before tail, read by takers. Q2: whoever moves head has read the slots below
 *          it before (release); whoever reuses slots reads head or run with acquire first. There
 *          is no store-load race here: all taking goes through one CAS on head, and the private
 *          part is under the bias lock. head may be up to 2^32 - 1 behind in a thief that stood
 *          still; only a stop of exactly 2^32 takes could fool its CAS.
 * Threads: see the header.
 */
#include "core/runq.h"

#include "core/check.h"

#define RV_RUNQ_MASK (RV_RUNQ_CAPACITY - 1u)

void rv_runq_init(struct rv_runq *q)
{
    rv_store_relaxed(&q->tail, 0u);
    rv_store_relaxed(&q->run, 0u);
    rv_store_relaxed(&q->claimed, 0u);
    rv_store_relaxed(&q->head, 0u);
    q->base_seen = 0;
    for (unsigned i = 0; i < RV_RUNQ_CAPACITY; i++)
        rv_store_relaxed(&q->slots[i], NULL);
}

/* Owner. The oldest index whose slot may not be overwritten yet. */
uint32_t rv_runq_refresh_base(struct rv_runq *q)
{
    /* order: acquire Q2. A rescuer has read the batch before it moved run; pairs with rescue. */
    uint32_t run = rv_load_acquire(&q->run);

    if (run != rv_load_relaxed(&q->claimed)) {
        q->base_seen = run;
    } else {
        /* order: acquire Q2. Takers have read their slots before they moved head; pairs with
         * take_from_head. */
        q->base_seen = rv_load_acquire(&q->head);
    }
    return q->base_seen;
}

/* Owner, inside its bias section, private batch empty. */
RV_HOT RV_NOINLINE void *rv_runq_pop_claim(struct rv_runq *q, uint32_t max)
{
    uint32_t tail = rv_load_relaxed(&q->tail);
    /* order: acquire Q2. Joins the order of all takers; pairs with take_from_head. */
    uint32_t head = rv_load_acquire(&q->head);
    uint32_t count;

    do {
        count = tail - head;
        if (count == 0)
            return NULL;
        if (count > max)
            count = max;
        /* order: acq_rel Q2. As in take_from_head: one winner for each slot. */
    } while (!rv_cas_weak_acq_rel(&q->head, &head, head + count));
    rv_store_relaxed(&q->claimed, head + count);
    rv_store_relaxed(&q->run, head + 1);
    return rv_load_relaxed(&q->slots[head & RV_RUNQ_MASK]);
}

/* Copies up to max items of the older half to slots of `to` from index `at` on (after the first,
 * which goes to *first), or to `out`. */
struct take {
    struct rv_runq *to;
    uint32_t at;
    void **first;
    void **out;
    uint32_t max;
};

static void take_item(const struct take *take, uint32_t i, void *item)
{
    if (take->out != NULL)
        take->out[i] = item;
    else if (i == 0)
        *take->first = item;
    else
        rv_store_relaxed(&take->to->slots[(take->at + i - 1) & RV_RUNQ_MASK], item);
}

/* The one way to move head from outside the private batch. Returns how many items were taken. */
static uint32_t take_from_head(struct rv_runq *q, const struct take *take)
{
    /* order: acquire Q2. Slots are read after head; pairs with the release that moved it. */
    uint32_t head = rv_load_acquire(&q->head);
    uint32_t count;

    for (;;) {
        /* order: acquire Q1. The slots below tail; pairs with rv_runq_put. */
        uint32_t available = rv_load_acquire(&q->tail) - head;

        if ((int32_t)available < 0)
            return 0; /* the owner is between the two stores of rv_runq_push_private */
        if (available > RV_RUNQ_CAPACITY) {
            /* head was old when tail was read: look again. */
            /* order: acquire Q2. As above. */
            head = rv_load_acquire(&q->head);
            continue;
        }
        count = available - available / 2;
        if (count > take->max)
            count = take->max;
        if (count == 0)
            return 0;
        for (uint32_t i = 0; i < count; i++)
            take_item(take, i, rv_load_relaxed(&q->slots[(head + i) & RV_RUNQ_MASK]));
        /* order: acq_rel Q2. The slots were read before head moves; pairs with refresh_base. */
        if (rv_cas_weak_acq_rel(&q->head, &head, head + count))
            return count;
    }
}

/* How many items thief_q can take, and one more that its owner runs at once. */
static uint32_t room_for_steal(struct rv_runq *thief_q, uint32_t tail)
{
    return RV_RUNQ_CAPACITY - (tail - rv_runq_refresh_base(thief_q)) + 1;
}

unsigned rv_runq_steal(struct rv_runq *victim, struct rv_runq *thief_q, void **first)
{
    uint32_t tail = rv_load_relaxed(&thief_q->tail);
    void *oldest = NULL;
    struct take take = {thief_q, tail, &oldest, NULL, 0};
    uint32_t count;

    RV_ASSERT(victim != thief_q, "nobody steals from itself");
    /* A victim without work costs one look at its two indexes. */
    if (rv_runq_size_hint(victim) == 0)
        return 0;
    take.max = room_for_steal(thief_q, tail);
    count = take_from_head(victim, &take);
    if (count == 0)
        return 0;
    *first = oldest;
    /* order: release Q1. The moved slots; pairs with take_from_head of other thieves. */
    rv_store_release(&thief_q->tail, tail + count - 1);
    return count;
}

unsigned rv_runq_rescue(struct rv_runq *victim, struct rv_runq *thief_q, void **first)
{
    uint32_t run = rv_load_relaxed(&victim->run);
    uint32_t count = rv_load_relaxed(&victim->claimed) - run;
    uint32_t tail = rv_load_relaxed(&thief_q->tail);
    struct take take = {thief_q, tail, first, NULL, 0};

    RV_ASSERT(victim != thief_q, "nobody rescues itself");
    RV_CHECK(count <= RV_RUNQ_BATCH, "a private batch has at most %d items, not %u", RV_RUNQ_BATCH,
             count);
    take.max = room_for_steal(thief_q, tail);
    if (count > take.max)
        count = take.max;
    if (count == 0)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        take_item(&take, i, rv_load_relaxed(&victim->slots[(run + i) & RV_RUNQ_MASK]));
    /* order: release Q2. The batch was read before run moves; pairs with refresh_base. */
    rv_store_release(&victim->run, run + count);
    /* order: release Q1. The moved slots; pairs with take_from_head of other thieves. */
    rv_store_release(&thief_q->tail, tail + count - 1);
    return count;
}

unsigned rv_runq_take_half(struct rv_runq *q, void **out, unsigned max)
{
    struct take take = {NULL, 0, NULL, out, max};

    return take_from_head(q, &take);
}

void rv_runq_check(struct rv_runq *q)
{
    uint32_t run = rv_load_relaxed(&q->run);
    uint32_t claimed = rv_load_relaxed(&q->claimed);
    /* order: acquire Q2. As in refresh_base. */
    uint32_t head = rv_load_acquire(&q->head);
    uint32_t tail = rv_load_relaxed(&q->tail);
    uint32_t base = run != claimed ? run : head;

    RV_CHECK(claimed - run <= RV_RUNQ_BATCH, "private batch [%u, %u)", run, claimed);
    RV_CHECK(head - claimed <= UINT32_MAX / 2, "claimed %u is not beyond head %u", claimed, head);
    RV_CHECK(tail - head <= RV_RUNQ_CAPACITY, "head %u, tail %u within the ring", head, tail);
    RV_CHECK(tail - base <= RV_RUNQ_CAPACITY, "no slot in use twice");
    RV_CHECK((int32_t)(base - q->base_seen) >= 0, "the remembered base is never ahead");
}
