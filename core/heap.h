// SPDX-License-Identifier: MIT
/*
 * Purpose: min-heap of timers by key, equal keys in the order they were pushed.
 * Idea:    four children a node: half the levels of a binary heap, and the four 16-byte entries of
 *          one family share a cache line. A sift touches no node: those of a million sleepers lie
 *          in as many stacks, a miss and a page walk each. A node knows its slot, which stays;
 *          `places` says where the slot's entry is, `nodes` whose it is, both dense.
 *
 *          bytes   0   16   32   48 | 64  80  96 112 | 128 ...
 *          entry   -    -    -    0 |  1   2   3   4 |   5 ...     children of i: 4i+1 .. 4i+4
 *
 *          node -slot-> places[slot] = i,  entries[i].slot = slot,  nodes[slot] = node
 *          a free slot's place is the next free slot; those from `fresh` on were never used
 *
 * Threads: one owner, or the caller's lock. Nodes are the caller's and outlive their stay.
 * Rejected: pairing heap (pointer chasing: a cache miss a level), timer wheel (bounded precision),
 *          the index in the node (ten levels, ten misses: a third of the time of a million timers).
 */
#ifndef RV_CORE_HEAP_H
#define RV_CORE_HEAP_H

#include <stdint.h>

#include "core/base.h"

#define RV_HEAP_NONE UINT32_MAX

/* Embedded by the user; slot is RV_HEAP_NONE while in no heap. */
struct rv_heap_node {
    uint32_t slot;
};

struct rv_heap_entry {
    int64_t key;
    uint32_t seq; /* the older of two equal keys is less than 2^31 pushes behind */
    uint32_t slot;
};

struct rv_heap {
    struct rv_heap_entry *entries; /* NULL before the first push; entries[1] starts a cache line */
    struct rv_heap_node **nodes;   /* in the same block, as the places are */
    uint32_t *places;
    uint32_t count;
    uint32_t capacity;
    uint32_t free_slot; /* RV_HEAP_NONE: none */
    uint32_t fresh;
    uint32_t next_seq;
};

void rv_heap_init(struct rv_heap *h);
/* The heap must be empty or its nodes forgotten; frees the array. */
void rv_heap_fini(struct rv_heap *h);

static inline void rv_heap_node_init(struct rv_heap_node *node)
{
    node->slot = RV_HEAP_NONE;
}

/* 0, or -ENOMEM with nothing changed. The node must be in no heap. */
RV_WARN_UNUSED int rv_heap_push(struct rv_heap *h, struct rv_heap_node *node, int64_t key);
/* The node must be in this heap. */
void rv_heap_remove(struct rv_heap *h, struct rv_heap_node *node);
/* As remove then push (so last among equals), but cannot fail. */
void rv_heap_update(struct rv_heap *h, struct rv_heap_node *node, int64_t key);
/* Takes the smallest; NULL when empty. Cannot fail: a shrink that finds no memory is skipped. */
struct rv_heap_node *rv_heap_pop(struct rv_heap *h);
void rv_heap_check(const struct rv_heap *h);

/* Whose entry is the smallest, most likely the next to go; to prefetch. NULL when empty. */
static inline const struct rv_heap_node *rv_heap_first(const struct rv_heap *h)
{
    return h->count == 0 ? NULL : h->nodes[h->entries[0].slot];
}

static inline uint32_t rv_heap_count(const struct rv_heap *h)
{
    return h->count;
}

/* INT64_MAX when empty. */
static inline int64_t rv_heap_min_key(const struct rv_heap *h)
{
    return h->count == 0 ? INT64_MAX : h->entries[0].key;
}

#endif
