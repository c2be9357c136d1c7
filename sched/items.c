// SPDX-License-Identifier: MIT
/*
 * Purpose: the three orders of a queue's items. items.h has the idea.
 */
#include "sched/items.h"

#include "core/check.h"

#define RV_ITEMS_FIRST 16 /* capacity of the first block; arbitrary */

size_t rv_items_next_bytes(const struct rv_items *items)
{
    size_t capacity = items->capacity == 0 ? RV_ITEMS_FIRST : items->capacity * 2;
    return capacity > SIZE_MAX / sizeof(struct rv_item) ? 0 : capacity * sizeof(struct rv_item);
}

static size_t ring_index(const struct rv_items *items, size_t offset)
{
    return (items->head + offset) & (items->capacity - 1);
}

void *rv_items_install(struct rv_items *items, void *block, size_t bytes)
{
    struct rv_item *slots = block;
    struct rv_item *old = items->slots;
    for (size_t i = 0; i < items->count; i++) {
        slots[i] = old[items->order == RV_ITEMS_FIFO ? ring_index(items, i) : i];
    }
    items->slots = slots;
    items->capacity = bytes / sizeof(struct rv_item);
    items->head = 0;
    return old;
}

static bool comes_before(const struct rv_items *items, const struct rv_item *a,
                         const struct rv_item *b)
{
    int order = items->compare(a->value, b->value);
    return order != 0 ? order < 0 : a->seq < b->seq;
}

/* A free place at `hole`: moves parents down until `item` may stand there. */
static void sift_up(struct rv_items *items, size_t hole, struct rv_item item)
{
    while (hole > 0) {
        size_t parent = (hole - 1) / 2;
        if (!comes_before(items, &item, &items->slots[parent])) {
            break;
        }
        items->slots[hole] = items->slots[parent];
        hole = parent;
    }
    items->slots[hole] = item;
}

/* A free place at the root of a heap of `count`: moves children up until `item` may stand. */
static void sift_down(struct rv_items *items, struct rv_item item)
{
    size_t hole = 0;
    size_t child;
    while ((child = 2 * hole + 1) < items->count) {
        if (child + 1 < items->count &&
            comes_before(items, &items->slots[child + 1], &items->slots[child])) {
            child++;
        }
        if (!comes_before(items, &items->slots[child], &item)) {
            break;
        }
        items->slots[hole] = items->slots[child];
        hole = child;
    }
    items->slots[hole] = item;
}

void rv_items_push(struct rv_items *items, void *value)
{
    RV_ASSERT(rv_items_has_room(items), "an item is pushed where there is room");
    struct rv_item item = {.value = value, .seq = items->next_seq++};
    size_t last = items->count++;
    switch (items->order) {
    case RV_ITEMS_FIFO:
        items->slots[ring_index(items, last)] = item;
        return;
    case RV_ITEMS_LIFO:
        items->slots[last] = item;
        return;
    case RV_ITEMS_PRIORITY:
        sift_up(items, last, item);
        return;
    }
}

void *rv_items_pop(struct rv_items *items)
{
    RV_ASSERT(items->count > 0, "an item is popped where there is one");
    size_t last = --items->count;
    void *value = NULL;
    switch (items->order) {
    case RV_ITEMS_FIFO:
        value = items->slots[items->head].value;
        items->head = ring_index(items, 1);
        break;
    case RV_ITEMS_LIFO:
        value = items->slots[last].value;
        break;
    case RV_ITEMS_PRIORITY:
        value = items->slots[0].value;
        if (last > 0) {
            sift_down(items, items->slots[last]);
        }
        break;
    }
    return value;
}

void rv_items_check(const struct rv_items *items)
{
    RV_CHECK(items->count <= items->capacity, "items fit into their array");
    RV_CHECK((items->capacity & (items->capacity - 1)) == 0, "capacity is a power of two");
    if (items->order == RV_ITEMS_PRIORITY) {
        for (size_t i = 1; i < items->count; i++) {
            RV_CHECK(!comes_before(items, &items->slots[i], &items->slots[(i - 1) / 2]),
                     "no child in the heap comes before its parent");
        }
    }
}
