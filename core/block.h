// SPDX-License-Identifier: MIT
/*
 * Purpose: pooled blocks of one size, dense and type-stable: what a task is while it has no stack.
 * Idea:    slabs of aligned chunks, each with its pool's address in front, cut into blocks of whole
 *          cache lines. A block's memory stays mapped while the pool lives: a freed one keeps its
 *          contents, a fresh one is zero, so whoever comes late with an old pointer reads a valid
 *          state word.
 *
 *              chunk, aligned to RV_BLOCK_CHUNK
 *              | pool, one line | block | block | ... | block | rest |
 *
 *              carved = out + free            (under the lock; `out` includes the caches)
 *
 *          A cache is an array of pointers, its top the hottest; batches of RV_BLOCK_BATCH travel
 *          between caches and pool, whose free list is an array with room for all that was carved:
 *          so a free needs no memory.
 * Threads: a cache belongs to one thread; everything on the pool is for any thread.
 * Rejected: malloc for each (a late reader would fault; a header between two blocks; no walk over
 *          all of them); a list linked through the blocks (an alloc waits for the last miss).
 */
#ifndef RV_CORE_BLOCK_H
#define RV_CORE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "core/check.h"

#ifndef RV_BLOCK_CHUNK
#define RV_BLOCK_CHUNK ((size_t)64 << 10)
#endif
#define RV_BLOCK_BATCH 64
#ifndef RV_BLOCK_CACHE_MAX
#define RV_BLOCK_CACHE_MAX 192 /* a multiple of RV_BLOCK_BATCH */
#endif
#define RV_BLOCK_AHEAD 8u /* how far below the top alloc prefetches */

struct rv_block_pool;

/* Owner thread only. */
struct rv_block_cache {
    struct rv_block_pool *pool;
    uint32_t count;
    void *items[RV_BLOCK_CACHE_MAX]; /* [0, count), the hottest last */
};

struct rv_block_stats {
    size_t carved; /* ever handed out */
    size_t out;    /* with callers or in their caches */
    size_t block_bytes;
    size_t mapped_bytes;
    size_t trimmed_bytes; /* of them, given back */
};

/* 0, -EINVAL (0 bytes, or more than RV_BLOCK_CHUNK / 16), -ENOMEM. */
RV_WARN_UNUSED int rv_block_pool_create(size_t block_bytes, struct rv_block_pool **pool);
/* The creator lets go. With blocks still out (all caches must have been flushed) the pool lives
 * until the last rv_block_free_remote; else it is unmapped at once. NULL is allowed. */
void rv_block_pool_release(struct rv_block_pool *pool);
void rv_block_pool_stats(struct rv_block_pool *pool, struct rv_block_stats *stats);
/* Blocks that came back since the last whole trim, without the lock: is one worth it? */
size_t rv_block_pool_returned_hint(struct rv_block_pool *pool);
/*
 * Gives the memory of some chunks whose blocks are all free back to the kernel, from where the last
 * call stopped. False: it has been at all of them. Of a chunk its first page stays.
 */
bool rv_block_pool_trim_some(struct rv_block_pool *pool);
/* Calls visit for every block ever handed out, free ones included: the caller's state word in the
 * block says whether it lives. */
void rv_block_pool_for_each(struct rv_block_pool *pool, void (*visit)(void *block, void *ctx),
                            void *ctx);
/* Quiet pool: counts agree. */
void rv_block_pool_check(struct rv_block_pool *pool);

void rv_block_cache_init(struct rv_block_cache *c, struct rv_block_pool *pool);
/* Everything back to the pool; before the owner thread ends. */
void rv_block_cache_flush(struct rv_block_cache *c);
/* For an empty cache: false when memory is out. */
RV_WARN_UNUSED bool rv_block_cache_refill(struct rv_block_cache *c);
/* For a full cache: its coldest batch goes to the pool. */
void rv_block_cache_spill(struct rv_block_cache *c);

/* One block without a cache, any thread; NULL: no memory. The free may be the end of a released
 * pool. */
void *rv_block_alloc_remote(struct rv_block_pool *pool);
void rv_block_free_remote(void *block);

/* Whose it is; the holder's question. */
static inline struct rv_block_pool *rv_block_pool_of(const void *block)
{
    uintptr_t chunk = (uintptr_t)block & ~(uintptr_t)(RV_BLOCK_CHUNK - 1);

    return *(struct rv_block_pool *const *)chunk;
}

/* The block, or NULL when memory or address space is out. */
static inline void *rv_block_alloc(struct rv_block_cache *c)
{
    if (RV_UNLIKELY(c->count == 0) && !rv_block_cache_refill(c))
        return NULL;

    uint32_t top = --c->count;

    if (RV_LIKELY(top >= RV_BLOCK_AHEAD)) {
        const char *ahead = c->items[top - RV_BLOCK_AHEAD];

        __builtin_prefetch(ahead, 1);
        __builtin_prefetch(ahead + RV_CACHE_LINE, 1);
    }
    return c->items[top];
}

/* A block of the cache's own pool. */
static inline void rv_block_free(struct rv_block_cache *c, void *block)
{
    RV_ASSERT(c->count < RV_BLOCK_CACHE_MAX, "a full cache spills");
    c->items[c->count] = block;
    if (RV_UNLIKELY(++c->count == RV_BLOCK_CACHE_MAX))
        rv_block_cache_spill(c);
}

#endif
