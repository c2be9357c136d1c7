// SPDX-License-Identifier: MIT
/*
 * Purpose: what a queue holds: pointers in one of three orders, in an array that grows.
 *
 * Idea: FIFO is a ring, LIFO a stack, PRIORITY a binary heap whose ties are broken by age. The
 * array grows in two steps, so that no allocation happens under the queue's spin lock: the caller
 * allocates a block without the lock, then installs it under the lock if it is still of use.
 *
 * Threads: none of its own; the queue's lock guards it.
 */
#ifndef RV_SCHED_ITEMS_H
#define RV_SCHED_ITEMS_H

#include <rove/chan.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rv_items_order { RV_ITEMS_FIFO, RV_ITEMS_LIFO, RV_ITEMS_PRIORITY };

struct rv_item {
    void *value;
    uint64_t seq; /* age: decides between equal items of a priority queue */
};

struct rv_items {
    struct rv_item *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
    size_t head; /* FIFO: index of the oldest */
    uint64_t next_seq;
    enum rv_items_order order;
    rove_queue_compare *compare;
};

static inline bool rv_items_has_room(const struct rv_items *items)
{
    return items->count < items->capacity;
}

/* Bytes of the next bigger block; 0: it cannot grow. */
size_t rv_items_next_bytes(const struct rv_items *items);
/* Moves into a block of `bytes`; returns the block that is to be freed, or NULL. */
void *rv_items_install(struct rv_items *items, void *block, size_t bytes);
/* FIFO only: rv_items_push and rv_items_pop in the caller's code, for the paths that matter. */
static inline void rv_items_push_last(struct rv_items *items, void *value)
{
    size_t tail = (items->head + items->count++) & (items->capacity - 1);
    items->slots[tail] = (struct rv_item){.value = value};
}

static inline void *rv_items_pop_first(struct rv_items *items)
{
    void *value = items->slots[items->head].value;
    items->head = (items->head + 1) & (items->capacity - 1);
    items->count--;
    return value;
}

/* There must be room. */
void rv_items_push(struct rv_items *items, void *value);
/* The next one out; there must be one. */
void *rv_items_pop(struct rv_items *items);
void rv_items_check(const struct rv_items *items);

#endif
