// SPDX-License-Identifier: MIT
/*
 * Purpose: a growing first-in-first-out queue of pointers, for what does not fit into a ring.
 * Idea:    an array, not a list through the items: a hundred thousand waiting tasks are a hundred
 *          thousand cold blocks, and following links through them costs a cache miss each.
 * Threads: none of its own; the caller's lock.
 */
#ifndef RV_CORE_BACKLOG_H
#define RV_CORE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

/* All-zero is empty. Indexes run freely, modulo 2^32; slot i at i & (capacity - 1). */
struct rv_backlog {
    void **slots;
    uint32_t capacity; /* 0 or a power of two */
    uint32_t head;
    uint32_t tail;
};

int rv_backlog_grow(struct rv_backlog *b);
void rv_backlog_fini(struct rv_backlog *b);
void rv_backlog_check(const struct rv_backlog *b);

static inline bool rv_backlog_is_empty(const struct rv_backlog *b)
{
    return b->head == b->tail;
}

/* 0, or -ENOMEM with nothing changed. */
RV_WARN_UNUSED static inline int rv_backlog_push(struct rv_backlog *b, void *item)
{
    if (RV_UNLIKELY(b->tail - b->head == b->capacity)) {
        int rc = rv_backlog_grow(b);
        if (rc < 0)
            return rc;
    }
    b->slots[b->tail++ & (b->capacity - 1)] = item;
    return 0;
}

/* The oldest, without taking it; not empty. */
static inline void *rv_backlog_first(const struct rv_backlog *b)
{
    return b->slots[b->head & (b->capacity - 1)];
}

/* NULL when empty. Gives its memory back when it has become large and empty. */
void *rv_backlog_pop(struct rv_backlog *b);

#endif
