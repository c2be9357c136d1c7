// SPDX-License-Identifier: MIT
/*
 * Purpose: the rarer paths of the backlog.
 */
#include "core/backlog.h"

#include <errno.h>
#include <stdlib.h>

#include "core/check.h"

#define RV_BACKLOG_MIN 256u  /* arbitrary */
#define RV_BACKLOG_KEEP 65536u /* slots kept when it is empty: 512 KiB */

int rv_backlog_grow(struct rv_backlog *b)
{
    uint32_t capacity = b->capacity == 0 ? RV_BACKLOG_MIN : b->capacity * 2;
    uint32_t count = b->tail - b->head;

    if (capacity < b->capacity)
        return -ENOMEM;
    void **slots = malloc(capacity * sizeof(*slots));
    if (slots == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        slots[i] = b->slots[(b->head + i) & (b->capacity - 1)];
    free(b->slots);
    *b = (struct rv_backlog){.slots = slots, .capacity = capacity, .head = 0, .tail = count};
    return 0;
}

void *rv_backlog_pop(struct rv_backlog *b)
{
    if (rv_backlog_is_empty(b))
        return NULL;
    void *item = b->slots[b->head++ & (b->capacity - 1)];
    if (RV_UNLIKELY(b->head == b->tail) && b->capacity > RV_BACKLOG_KEEP)
        rv_backlog_fini(b);
    return item;
}

void rv_backlog_fini(struct rv_backlog *b)
{
    RV_CHECK(rv_backlog_is_empty(b), "a backlog is empty at its end");
    free(b->slots);
    *b = (struct rv_backlog){0};
}

void rv_backlog_check(const struct rv_backlog *b)
{
    RV_CHECK((b->capacity & (b->capacity - 1)) == 0, "the capacity %u is a power of two",
             b->capacity);
    RV_CHECK(b->tail - b->head <= b->capacity, "a backlog holds no more than fits");
}
