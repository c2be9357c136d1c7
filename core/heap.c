// SPDX-License-Identifier: MIT
/*
 * Purpose: sifting, growth and shrinking of the timer heap.
 * Idea:    a sift carries the moving entry in registers and leaves a hole behind, so each level
 *          costs one entry copied and one place written. The array is 2^k entries long of which the
 *          first three are padding, so that every family of four starts a cache line; nodes and
 *          places follow it. Growth keeps the slots; shrinking deals them out anew.
 * Threads: one owner.
 */
#include "core/heap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/check.h"

#define RV_HEAP_PAD 3         /* entries before entry 0 */
#define RV_HEAP_MIN_SLOTS 64u /* 1.8 KiB; arbitrary */
#define RV_HEAP_MAX_SLOTS (1u << 30)
#define RV_HEAP_AHEAD     8u

_Static_assert(sizeof(struct rv_heap_entry) * 4 == RV_CACHE_LINE, "a family fills one line");

void rv_heap_init(struct rv_heap *h)
{
    memset(h, 0, sizeof(*h));
    h->free_slot = RV_HEAP_NONE;
}

static void free_arrays(struct rv_heap *h)
{
    if (h->entries != NULL)
        free(h->entries - RV_HEAP_PAD);
}

void rv_heap_fini(struct rv_heap *h)
{
    free_arrays(h);
    rv_heap_init(h);
}

/* Room for a power of two of slots, nothing in it; false when memory is out. */
static bool make_arrays(struct rv_heap *h, size_t slots)
{
    size_t each = sizeof(*h->entries) + sizeof(struct rv_heap_node *) + sizeof(*h->places);
    char *block = aligned_alloc(RV_CACHE_LINE, slots * each);

    if (block == NULL)
        return false;
    h->entries = (struct rv_heap_entry *)(void *)block + RV_HEAP_PAD;
    h->nodes = (struct rv_heap_node **)(void *)(block + slots * sizeof(*h->entries));
    h->places = (uint32_t *)(void *)(h->nodes + slots);
    h->capacity = (uint32_t)slots - RV_HEAP_PAD;
    return true;
}

static bool grow(struct rv_heap *h)
{
    size_t slots = h->capacity == 0 ? RV_HEAP_MIN_SLOTS : 2 * ((size_t)h->capacity + RV_HEAP_PAD);
    struct rv_heap old = *h;

    if (slots > RV_HEAP_MAX_SLOTS || !make_arrays(h, slots))
        return false;
    if (old.entries != NULL) {
        memcpy(h->entries, old.entries, old.count * sizeof(*h->entries));
        memcpy(h->nodes, old.nodes, old.fresh * sizeof(struct rv_heap_node *));
        memcpy(h->places, old.places, old.fresh * sizeof(*h->places));
    }
    free_arrays(&old);
    return true;
}

/* To the node whose entry comes some entries later. */
static void prefetch_node(const struct rv_heap *h, uint32_t index)
{
    if (index < h->count)
        __builtin_prefetch(h->nodes[h->entries[index].slot], 1);
}

/*
 * Deals the slots out anew, which touches every node that is left: so it waits until those are few,
 * and makes a sixteenth of an array that is less than a sixty-fourth full. Then that is under a
 * quarter full: the next growth is as far away as the next shrink. Skipped when memory is out.
 */
static void shrink(struct rv_heap *h)
{
    size_t slots = (size_t)h->capacity + RV_HEAP_PAD;
    size_t fewer = slots / 16 < RV_HEAP_MIN_SLOTS ? RV_HEAP_MIN_SLOTS : slots / 16;
    struct rv_heap old = *h;

    if (slots <= RV_HEAP_MIN_SLOTS || h->count >= slots / 64 || !make_arrays(h, fewer))
        return;
    for (uint32_t i = 0; i < h->count; i++) {
        const struct rv_heap_entry *entry = &old.entries[i];

        prefetch_node(&old, i + RV_HEAP_AHEAD);
        h->entries[i] = (struct rv_heap_entry){entry->key, entry->seq, i};
        h->nodes[i] = old.nodes[entry->slot];
        h->nodes[i]->slot = i;
        h->places[i] = i;
    }
    h->fresh = h->count;
    h->free_slot = RV_HEAP_NONE;
    free_arrays(&old);
}

static uint32_t take_slot(struct rv_heap *h)
{
    uint32_t slot = h->free_slot;

    if (slot == RV_HEAP_NONE)
        return h->fresh++;
    h->free_slot = h->places[slot];
    return slot;
}

static void give_slot(struct rv_heap *h, uint32_t slot)
{
    h->nodes[slot] = NULL;
    h->places[slot] = h->free_slot;
    h->free_slot = slot;
}

static bool comes_before(const struct rv_heap_entry *a, const struct rv_heap_entry *b)
{
    return a->key < b->key || (a->key == b->key && (int32_t)(a->seq - b->seq) < 0);
}

static void place(struct rv_heap *h, uint32_t index, struct rv_heap_entry entry)
{
    h->entries[index] = entry;
    h->places[entry.slot] = index;
}

static void sift_up(struct rv_heap *h, uint32_t index, struct rv_heap_entry entry)
{
    while (index > 0) {
        uint32_t parent = (index - 1) / 4;

        if (!comes_before(&entry, &h->entries[parent]))
            break;
        place(h, index, h->entries[parent]);
        index = parent;
    }
    place(h, index, entry);
}

static uint32_t smallest_child(const struct rv_heap *h, uint32_t first)
{
    uint32_t end = h->count - first < 4 ? h->count : first + 4;
    uint32_t best = first;

    for (uint32_t child = first + 1; child < end; child++) {
        if (comes_before(&h->entries[child], &h->entries[best]))
            best = child;
    }
    return best;
}

static void sift_down(struct rv_heap *h, uint32_t index, struct rv_heap_entry entry)
{
    for (;;) {
        uint32_t child = 4 * index + 1;

        if (child >= h->count)
            break;
        child = smallest_child(h, child);
        if (!comes_before(&h->entries[child], &entry))
            break;
        place(h, index, h->entries[child]);
        index = child;
    }
    place(h, index, entry);
}

/* The entry at index has any key: moves it up or down to where it belongs. */
static void settle(struct rv_heap *h, uint32_t index, struct rv_heap_entry entry)
{
    if (index > 0 && comes_before(&entry, &h->entries[(index - 1) / 4]))
        sift_up(h, index, entry);
    else
        sift_down(h, index, entry);
}

int rv_heap_push(struct rv_heap *h, struct rv_heap_node *node, int64_t key)
{
    RV_ASSERT(node->slot == RV_HEAP_NONE, "a timer is in one heap at a time");
    if (h->count == h->capacity && !grow(h))
        return -ENOMEM;
    node->slot = take_slot(h);
    h->nodes[node->slot] = node;
    sift_up(h, h->count++, (struct rv_heap_entry){key, h->next_seq++, node->slot});
    return 0;
}

static bool is_in(const struct rv_heap *h, const struct rv_heap_node *node)
{
    return node->slot < h->fresh && h->nodes[node->slot] == node;
}

void rv_heap_remove(struct rv_heap *h, struct rv_heap_node *node)
{
    uint32_t slot = node->slot;

    RV_CHECK(is_in(h, node), "only a node of this heap is removed from it (slot %u)", slot);

    uint32_t index = h->places[slot];

    give_slot(h, slot);
    node->slot = RV_HEAP_NONE;
    h->count--;
    if (index < h->count)
        settle(h, index, h->entries[h->count]);
    shrink(h);
}

void rv_heap_update(struct rv_heap *h, struct rv_heap_node *node, int64_t key)
{
    uint32_t slot = node->slot;

    RV_CHECK(is_in(h, node), "only a node of this heap is updated in it (slot %u)", slot);
    settle(h, h->places[slot], (struct rv_heap_entry){key, h->next_seq++, slot});
}

struct rv_heap_node *rv_heap_pop(struct rv_heap *h)
{
    struct rv_heap_node *node;

    if (h->count == 0)
        return NULL;
    node = h->nodes[h->entries[0].slot];
    rv_heap_remove(h, node);
    return node;
}

void rv_heap_check(const struct rv_heap *h)
{
    uint32_t free_slots = 0;

    RV_CHECK(h->count <= h->capacity, "count %u within capacity %u", h->count, h->capacity);
    if (h->entries != NULL)
        RV_CHECK((uintptr_t)&h->entries[1] % RV_CACHE_LINE == 0, "families start cache lines");
    for (uint32_t i = 0; i < h->count; i++) {
        uint32_t slot = h->entries[i].slot;

        RV_CHECK(slot < h->fresh && h->places[slot] == i, "the slot at %u knows its place", i);
        RV_CHECK(h->nodes[slot]->slot == slot, "the node at %u knows its slot", i);
        if (i > 0)
            RV_CHECK(!comes_before(&h->entries[i], &h->entries[(i - 1) / 4]),
                     "no entry before its parent (%u)", i);
    }
    for (uint32_t slot = h->free_slot; slot != RV_HEAP_NONE; slot = h->places[slot])
        free_slots++;
    RV_CHECK(free_slots + h->count == h->fresh, "a slot is free or somebody's");
}
