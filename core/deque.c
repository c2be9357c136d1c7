// SPDX-License-Identifier: MIT
/*
 * Purpose: the rarer paths of the deque: growth, the last item, and the thief.
 * Threads: see the header, which carries the ordering argument D1 to D4.
 */
#include "core/deque.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/check.h"

static struct rv_deque_array *array_create(unsigned log2_slots, struct rv_deque_array *older)
{
    size_t slots = (size_t)1 << log2_slots;
    struct rv_deque_array *array = malloc(sizeof(*array) + slots * sizeof(array->slots[0]));

    if (array == NULL)
        return NULL;
    array->older = older;
    array->mask = (int64_t)slots - 1;
    for (size_t i = 0; i < slots; i++)
        rv_store_relaxed(&array->slots[i], NULL);
    return array;
}

int rv_deque_init(struct rv_deque *d, unsigned log2_initial, unsigned log2_max)
{
    struct rv_deque_array *array;

    RV_CHECK(log2_initial <= log2_max && log2_max < 32, "deque sizes: %u to %u", log2_initial,
             log2_max);
    array = array_create(log2_initial, NULL);
    if (array == NULL)
        return -ENOMEM;
    rv_store_relaxed(&d->bottom, 0);
    rv_store_relaxed(&d->top, 0);
    rv_store_relaxed(&d->thieves, 0u);
    rv_store_relaxed(&d->array, array);
    d->top_seen = 0;
    d->log2_max = log2_max;
    return 0;
}

void rv_deque_fini(struct rv_deque *d)
{
    struct rv_deque_array *array = rv_load_relaxed(&d->array);

    while (array != NULL) {
        struct rv_deque_array *older = array->older;

        free(array);
        array = older;
    }
    rv_store_relaxed(&d->array, NULL);
}

/* Twice the size, same items at the same indexes; NULL at the bound or without memory. */
static struct rv_deque_array *grow(struct rv_deque *d, int64_t top, int64_t bottom)
{
    struct rv_deque_array *old = rv_load_relaxed(&d->array);
    unsigned log2_slots = (unsigned)__builtin_ctzll((unsigned long long)old->mask + 1) + 1;
    struct rv_deque_array *array;

    if (log2_slots > d->log2_max)
        return NULL;
    array = array_create(log2_slots, old);
    if (array == NULL)
        return NULL;
    for (int64_t i = top; i < bottom; i++)
        rv_store_relaxed(&array->slots[i & array->mask],
                         rv_load_relaxed(&old->slots[i & old->mask]));
    /* order: release D4. The copied slots before the array; pairs with rv_deque_steal. */
    rv_store_release(&d->array, array);
    return array;
}

RV_COLD int rv_deque_push_slow(struct rv_deque *d, void *item)
{
    int64_t bottom = rv_load_relaxed(&d->bottom);
    struct rv_deque_array *array = rv_load_relaxed(&d->array);

    /* order: acquire D3. A thief has read its slot before it moved top, so the slot may be reused;
     * pairs with the CAS in rv_deque_steal. */
    d->top_seen = rv_load_acquire(&d->top);
    if (bottom - d->top_seen > array->mask) {
        array = grow(d, d->top_seen, bottom);
        if (array == NULL)
            return -ENOMEM;
    }
    rv_store_relaxed(&array->slots[bottom & array->mask], item);
    /* order: release D1. The slot and what the item points at; pairs with rv_deque_steal. */
    rv_store_release(&d->bottom, bottom + 1);
    return 0;
}

/* Pop has lowered bottom to `bottom` and found top at or above it: one item, or none. */
void *rv_deque_pop_last(struct rv_deque *d, int64_t bottom)
{
    struct rv_deque_array *array = rv_load_relaxed(&d->array);
    /* order: acquire D5. Where those who are through left top, and their reads of slots; pairs with
     * rv_deque_steal. */
    bool is_alone = rv_load_acquire(&d->thieves) == 0;
    int64_t top = rv_load_relaxed(&d->top);
    void *item = NULL;

    RV_ASSERT(top <= bottom + 1, "top never passes bottom");
    if (top == bottom) {
        item = rv_load_relaxed(&array->slots[bottom & array->mask]);
        if (RV_LIKELY(is_alone))
            return item;
        /* order: seq_cst D3. Owner and thieves agree who takes the last item. */
        if (!rv_cas_seq_cst(&d->top, &top, bottom + 1))
            item = NULL;
    }
    /* order: release D1. As in push: a thief that reads this bottom sees the slots below it. */
    rv_store_release(&d->bottom, bottom + 1);
    return item;
}

/* Counted in d->thieves. */
static enum rv_steal take_top(struct rv_deque *d, int64_t top, void **out)
{
    struct rv_deque_array *array;
    int64_t bottom;
    void *item;

    /* order: heavy D2, D5. top, and the count, before the look at bottom; with the light fence in
     * rv_deque_pop. */
    rv_fence_heavy();
    /* order: acquire D1. The slots below bottom; pairs with rv_deque_push. */
    bottom = rv_load_acquire(&d->bottom);
    if (top >= bottom)
        return RV_STEAL_EMPTY;
    /* order: acquire D4. The slots copied by growth; pairs with the release in grow. */
    array = rv_load_acquire(&d->array);
    item = rv_load_relaxed(&array->slots[top & array->mask]);
    /* order: seq_cst D3. One winner for each index; the slot was read before top moves. */
    if (!rv_cas_seq_cst(&d->top, &top, top + 1))
        return RV_STEAL_LOST;
    *out = item;
    return RV_STEAL_OK;
}

enum rv_steal rv_deque_steal(struct rv_deque *d, void **out)
{
    enum rv_steal rc;
    /* order: acquire D3. What is in the slots once top was seen here; pairs with the CAS on top. */
    int64_t top = rv_load_acquire(&d->top);

    if (top >= rv_load_relaxed(&d->bottom))
        return RV_STEAL_EMPTY;
    rv_fetch_add_relaxed(&d->thieves, 1u);
    rc = take_top(d, top, out);
    /* order: release D5. top and the read of the slot; pairs with rv_deque_pop_last. */
    rv_fetch_sub_release(&d->thieves, 1u);
    return rc;
}

void rv_deque_check(struct rv_deque *d)
{
    int64_t bottom = rv_load_relaxed(&d->bottom);
    /* order: acquire D3. As in rv_deque_push_slow. */
    int64_t top = rv_load_acquire(&d->top);
    const struct rv_deque_array *array = rv_load_relaxed(&d->array);

    RV_CHECK(top <= bottom, "top %lld is not above bottom %lld", (long long)top,
             (long long)bottom);
    RV_CHECK(d->top_seen <= top, "the remembered top is never ahead of top");
    RV_CHECK(bottom - top <= array->mask + 1, "the items fit the array");
    RV_CHECK((array->mask & (array->mask + 1)) == 0, "an array holds a power of two");
    for (int64_t mask = array->mask; array->older != NULL; mask = array->mask) {
        array = array->older;
        RV_CHECK(array->mask == mask >> 1, "each array is twice its elder");
    }
}
