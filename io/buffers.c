// SPDX-License-Identifier: MIT
/*
 * Purpose: buffers for a ring's receives, io/buffers.h.
 */
#include "io/buffers.h"

#include "core/check.h"
#include "io/ring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert((RV_BUFFER_COUNT & (RV_BUFFER_COUNT - 1)) == 0, "the kernel wants a power of two");

#define QUEUE_BYTES (RV_BUFFER_COUNT * sizeof(struct io_uring_buf))
#define DATA_BYTES ((size_t)RV_BUFFER_COUNT * RV_BUFFER_BYTES)

/* Pages that nobody has touched yet, and that no child inherits: the kernel writes into ours. */
static void *map(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(at, bytes, MADV_DONTFORK);
    return at;
}

/* Lock held, or nobody else is there yet. The kernel sees it with the tail. */
static void add(struct rv_buffers *b, uint32_t id)
{
    struct io_uring_buf *entry = &b->entries[b->tail & (RV_BUFFER_COUNT - 1)];
    entry->addr = (uint64_t)(uintptr_t)rv_buffers_at(b, id);
    entry->len = RV_BUFFER_BYTES;
    entry->bid = (uint16_t)id;
    b->tail++;
}

/* The kernel's tail lies in the first entry, in a field that entries do not use. */
static void publish(struct rv_buffers *b)
{
    RV_ATOMIC(uint16_t) *tail = (RV_ATOMIC(uint16_t) *)(void *)&b->entries[0].resv;
    /* order: release K1. The entries before the tail; pairs with the kernel's read. */
    rv_store_release(tail, b->tail);
}

bool rv_buffers_init(struct rv_buffers *b, struct rv_ring *ring)
{
    b->data = map(DATA_BYTES);
    b->entries = map(QUEUE_BYTES);
    if (b->data == NULL || b->entries == NULL ||
        rv_ring_set_buffers(ring, b->entries, RV_BUFFER_COUNT) < 0) {
        rv_buffers_fini(b);
        return false;
    }
    b->tail = 0;
    for (uint32_t id = 0; id < RV_BUFFER_COUNT; id++) {
        add(b, id);
    }
    rv_store_relaxed(&b->free, (uint32_t)RV_BUFFER_COUNT);
    publish(b);
    return true;
}

void rv_buffers_fini(struct rv_buffers *b)
{
    if (b->data != NULL) {
        munmap(b->data, DATA_BYTES);
    }
    if (b->entries != NULL) {
        munmap(b->entries, QUEUE_BYTES);
    }
    b->data = NULL;
    b->entries = NULL;
}

void rv_buffers_give(struct rv_buffers *b, uint32_t id)
{
    RV_ASSERT(id < RV_BUFFER_COUNT, "a buffer of this ring is given back");
    /* order: relaxed. A hint; counted before the kernel can take it, so it is never below zero. */
    uint32_t was_free = rv_fetch_add_relaxed(&b->free, 1);
    RV_ASSERT(was_free < RV_BUFFER_COUNT, "a buffer is given back once");
    (void)was_free;
    rv_lock_acquire(&b->lock);
    add(b, id);
    publish(b);
    rv_lock_release(&b->lock);
}
