// SPDX-License-Identifier: MIT
/*
 * Purpose: sifting, growth and shrinking of the timer heap.
 * Idea:    a sift carries the moving entry in registers and leaves a hole behind, so each level
 *          costs one entry copied and one index written. The array is 2^k entries long of which the
 *          first three are padding, so that every family of four starts a cache line.
 * Threads: one owner.
 */
#include "core/heap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/check.h"

#define RV_HEAP_PAD 3         /* entries before entry 0 */
#define RV_HEAP_MIN_SLOTS 64u /* 1 KiB; arbitrary */
#define RV_HEAP_MAX_SLOTS (1u << 30)

_Static_assert(sizeof(struct rv_heap_entry) * 4 == RV_CACHE_LINE, "a family fills one line");

void rv_heap_init(struct rv_heap *h)
{
    memset(h, 0, sizeof(*h));
}

void rv_heap_fini(struct rv_heap *h)
{
    if (h->entries != NULL)
        free(h->entries - RV_HEAP_PAD);
    rv_heap_init(h);
}

/* slots is a power of two above the count. False, and nothing changed, when memory is out. */
static bool resize(struct rv_heap *h, uint32_t slots)
{
    struct rv_heap_entry *array = aligned_alloc(RV_CACHE_LINE, slots * sizeof(*array));

    if (array == NULL)
        return false;
    array += RV_HEAP_PAD;
    if (h->count > 0)
        memcpy(array, h->entries, h->count * sizeof(*array));
    if (h->entries != NULL)
        free(h->entries - RV_HEAP_PAD);
    h->entries = array;
    h->capacity = slots - RV_HEAP_PAD;
    return true;
}

static bool comes_before(const struct rv_heap_entry *a, const struct rv_heap_entry *b)
{
    return a->key < b->key || (a->key == b->key && a->node->seq < b->node->seq);
}

static void place(struct rv_heap *h, uint32_t index, struct rv_heap_entry entry)
{
    h->entries[index] = entry;
    entry.node->index = index;
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
    RV_ASSERT(node->index == RV_HEAP_NONE, "a timer is in one heap at a time");
    if (h->count == h->capacity) {
        uint32_t slots = h->capacity == 0 ? RV_HEAP_MIN_SLOTS : 2 * (h->capacity + RV_HEAP_PAD);

        if (slots > RV_HEAP_MAX_SLOTS || !resize(h, slots))
            return -ENOMEM;
    }
    node->seq = h->next_seq++;
    sift_up(h, h->count++, (struct rv_heap_entry){key, node});
    return 0;
}

/* Under a quarter full, the array is halved: then it is under half full, so that the next growth is
 * as far away as the next shrink. */
static void shrink(struct rv_heap *h)
{
    uint32_t slots = h->capacity + RV_HEAP_PAD;

    if (slots > RV_HEAP_MIN_SLOTS && h->count < slots / 4)
        (void)resize(h, slots / 2);
}

void rv_heap_remove(struct rv_heap *h, struct rv_heap_node *node)
{
    uint32_t index = node->index;

    RV_CHECK(index < h->count && h->entries[index].node == node,
             "only a node of this heap is removed from it (index %u)", index);
    node->index = RV_HEAP_NONE;
    h->count--;
    if (index < h->count)
        settle(h, index, h->entries[h->count]);
    shrink(h);
}

void rv_heap_update(struct rv_heap *h, struct rv_heap_node *node, int64_t key)
{
    uint32_t index = node->index;

    RV_CHECK(index < h->count && h->entries[index].node == node,
             "only a node of this heap is updated in it (index %u)", index);
    node->seq = h->next_seq++;
    settle(h, index, (struct rv_heap_entry){key, node});
}

struct rv_heap_node *rv_heap_pop(struct rv_heap *h)
{
    struct rv_heap_node *node;

    if (h->count == 0)
        return NULL;
    node = h->entries[0].node;
    rv_heap_remove(h, node);
    return node;
}

void rv_heap_check(const struct rv_heap *h)
{
    RV_CHECK(h->count <= h->capacity, "count %u within capacity %u", h->count, h->capacity);
    if (h->entries != NULL)
        RV_CHECK((uintptr_t)&h->entries[1] % RV_CACHE_LINE == 0, "families start cache lines");
    for (uint32_t i = 0; i < h->count; i++) {
        RV_CHECK(h->entries[i].node->index == i, "node at %u knows its index", i);
        RV_CHECK(h->entries[i].node->seq < h->next_seq, "sequence numbers grow");
        if (i > 0)
            RV_CHECK(!comes_before(&h->entries[i], &h->entries[(i - 1) / 4]),
                     "no entry before its parent (%u)", i);
    }
}
