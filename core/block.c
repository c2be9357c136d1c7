// SPDX-License-Identifier: MIT
/*
 * Purpose: the pool of free blocks and where they come from.
 * Idea:    a directory of slabs that only grows, so a walk needs no lock. Each slab is as large as
 *          all before it together, a chunk at least, RV_BLOCK_SLAB_LAST at most, and is carved from
 *          its start. S1: a slab is complete before the count that readers look at first. The pool
 *          dies when its creator has released it and nothing is out.
 *          Each chunk counts its free blocks that are here. A chunk of which all are is given back
 *          under the lock, so that none of them is handed out meanwhile; they stay in the list, and
 *          who takes one finds zeroes, as in a block that was never used.
 * Threads: see the header.
 */
#include "core/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/atomic.h"
#include "core/lock.h"
#include "core/os.h"

#ifndef RV_BLOCK_SLABS_MAX
#define RV_BLOCK_SLABS_MAX 16384u
#endif
#define RV_BLOCK_SLAB_LAST ((size_t)4 << 20) /* bytes; arbitrary */
#define RV_BLOCK_TRIM_CHUNKS 32 /* a call looks at: a third of a millisecond if all go */

_Static_assert(RV_BLOCK_CACHE_MAX % RV_BLOCK_BATCH == 0, "a cache holds whole batches");
_Static_assert(RV_BLOCK_AHEAD < RV_BLOCK_BATCH, "alloc looks ahead inside of a batch");

/* Of one chunk, under the lock. Dense, and not in the first line of the chunk: those of all chunks
 * fall into the same few sets of the caches. Who frees a block has read that line anyway. */
struct census {
    uint32_t free;   /* of its blocks, how many are in the pool's list */
    bool is_trimmed; /* all, and the kernel has their memory */
};

/* The first line of a chunk; constant. */
struct chunk {
    struct rv_block_pool *pool;
    struct census *census;
};

_Static_assert(sizeof(struct chunk) <= RV_CACHE_LINE, "blocks begin behind the head");

struct slab {
    char *base;
    size_t bytes;
    uint32_t blocks;
    RV_ATOMIC(uint32_t) carved; /* blocks [0, carved) were handed out at least once */
    struct census census[];     /* one a chunk */
};

struct rv_block_pool {
    size_t block_bytes; /* constant; whole cache lines */
    uint32_t per_chunk; /* constant */
    struct rv_lock lock;
    /* under the lock */
    bool released;
    void **free;        /* free_count of them, the hottest last; room for capacity */
    size_t free_count;
    size_t capacity;    /* >= carved */
    size_t carved;
    size_t mapped_bytes;
    size_t trimmed;       /* chunks */
    uint32_t trim_slab;   /* where the next trim goes on */
    uint32_t trim_chunk;
    size_t trim_begin;    /* `returned` when it was at the first */
    /* written under the lock, read by any */
    RV_ATOMIC(size_t) returned; /* blocks, those before the last whole trim not counted */
    RV_ATOMIC(uint32_t) count;
    RV_ATOMIC(struct slab *) directory[RV_BLOCK_SLABS_MAX];
};

int rv_block_pool_create(size_t block_bytes, struct rv_block_pool **pool)
{
    struct rv_block_pool *p;

    if (block_bytes == 0 || block_bytes > RV_BLOCK_CHUNK / 16)
        return -EINVAL;
    p = rv_os_map(sizeof *p); /* its directory is mostly never touched */
    if (p == NULL)
        return -ENOMEM;
    p->block_bytes = (block_bytes + RV_CACHE_LINE - 1) / RV_CACHE_LINE * RV_CACHE_LINE;
    p->per_chunk = (uint32_t)((RV_BLOCK_CHUNK - RV_CACHE_LINE) / p->block_bytes);
    *pool = p;
    return 0;
}

static void destroy(struct rv_block_pool *pool)
{
    for (uint32_t i = 0; i < rv_load_relaxed(&pool->count); i++) {
        struct slab *slab = rv_load_relaxed(&pool->directory[i]);

        rv_os_unmap(slab->base, slab->bytes);
        free(slab);
    }
    free(pool->free);
    rv_os_unmap(pool, sizeof *pool);
}

/* Unlocks; ends the pool when this was the last reason to keep it. */
static void unlock_and_settle(struct rv_block_pool *pool) RV_RELEASES(pool->lock);
RV_NO_LOCK_ANALYSIS static void unlock_and_settle(struct rv_block_pool *pool)
{
    bool is_last = pool->released && pool->carved == pool->free_count;

    rv_lock_release(&pool->lock);
    if (is_last)
        destroy(pool);
}

void rv_block_pool_release(struct rv_block_pool *pool)
{
    if (pool == NULL)
        return;
    rv_lock_acquire(&pool->lock);
    RV_CHECK(!pool->released, "a block pool is released once");
    pool->released = true;
    unlock_and_settle(pool);
}

static char *block_at(const struct rv_block_pool *pool, const struct slab *slab, uint32_t i)
{
    return slab->base + i / pool->per_chunk * RV_BLOCK_CHUNK + RV_CACHE_LINE +
           i % pool->per_chunk * pool->block_bytes;
}

static struct chunk *chunk_of(const void *block)
{
    return (struct chunk *)((uintptr_t)block & ~(uintptr_t)(RV_BLOCK_CHUNK - 1));
}

/* Whole chunks, or NULL. */
static char *map_aligned(size_t bytes)
{
    char *got = rv_os_map(bytes + RV_BLOCK_CHUNK);
    size_t head;

    if (got == NULL)
        return NULL;
    head = (size_t)(-(uintptr_t)got & (RV_BLOCK_CHUNK - 1));
    if (head > 0)
        rv_os_unmap(got, head);
    if (head < RV_BLOCK_CHUNK)
        rv_os_unmap(got + head + bytes, RV_BLOCK_CHUNK - head);
    return got + head;
}

/* The last slab, or a new one if that is used up; NULL: no memory. */
static struct slab *slab_locked(struct rv_block_pool *pool)
{
    uint32_t count = rv_load_relaxed(&pool->count);
    size_t bytes = pool->mapped_bytes;
    size_t chunks;
    struct slab *slab = count == 0 ? NULL : rv_load_relaxed(&pool->directory[count - 1]);

    if (slab != NULL && rv_load_relaxed(&slab->carved) < slab->blocks)
        return slab;
    bytes = bytes < RV_BLOCK_CHUNK ? RV_BLOCK_CHUNK : bytes;
    bytes = bytes > RV_BLOCK_SLAB_LAST ? RV_BLOCK_SLAB_LAST : bytes;
    chunks = bytes / RV_BLOCK_CHUNK;
    if (count == RV_BLOCK_SLABS_MAX ||
        (slab = calloc(1, sizeof *slab + chunks * sizeof slab->census[0])) == NULL)
        return NULL;
    slab->bytes = bytes;
    slab->blocks = (uint32_t)chunks * pool->per_chunk;
    slab->base = map_aligned(slab->bytes);
    if (slab->base == NULL) {
        free(slab);
        return NULL;
    }
    rv_store_relaxed(&pool->directory[count], slab);
    /* order: release S1. The slab before its number; pairs with rv_block_pool_for_each. */
    rv_store_release(&pool->count, count + 1);
    pool->mapped_bytes += slab->bytes;
    return slab;
}

/* Room in the free list for `more` further blocks. */
static bool make_room_locked(struct rv_block_pool *pool, size_t more)
{
    size_t capacity = pool->capacity == 0 ? (size_t)4 * RV_BLOCK_BATCH : pool->capacity;
    void *grown;

    while (capacity < pool->carved + more)
        capacity *= 2;
    if (capacity == pool->capacity)
        return true;
    grown = realloc(pool->free, capacity * sizeof pool->free[0]);
    if (grown == NULL)
        return false;
    pool->free = grown;
    pool->capacity = capacity;
    return true;
}

/* The lowest on top: handed out in the order of addresses. */
static uint32_t carve_locked(struct rv_block_pool *pool, void **items, uint32_t max)
{
    struct slab *slab;
    uint32_t carved;

    if (!make_room_locked(pool, max) || (slab = slab_locked(pool)) == NULL)
        return 0;
    carved = rv_load_relaxed(&slab->carved);
    if (max > slab->blocks - carved)
        max = slab->blocks - carved;
    for (uint32_t i = 0; i < max; i++) {
        char *block = block_at(pool, slab, carved + i);

        if ((carved + i) % pool->per_chunk == 0)
            *chunk_of(block) =
                (struct chunk){pool, &slab->census[(carved + i) / pool->per_chunk]};
        items[max - 1 - i] = block;
    }
    rv_store_relaxed(&slab->carved, carved + max);
    pool->carved += max;
    return max;
}

/* How many of items, from the first on, lie in one chunk: mostly neighbours travel together. */
static uint32_t run_length(void *const *items, uint32_t count)
{
    const struct chunk *chunk = chunk_of(items[0]);
    uint32_t run = 1;

    while (run < count && chunk_of(items[run]) == chunk)
        run++;
    return run;
}

/* They leave the list: none of their chunks is free as a whole. */
static void count_taken_locked(struct rv_block_pool *pool, void *const *items, uint32_t count)
{
    for (uint32_t run; count > 0; items += run, count -= run) {
        struct census *census = chunk_of(items[0])->census;

        run = run_length(items, count);
        census->free -= run;
        pool->trimmed -= census->is_trimmed;
        census->is_trimmed = false;
    }
}

static void count_given_locked(void *const *items, uint32_t count)
{
    for (uint32_t run; count > 0; items += run, count -= run) {
        run = run_length(items, count);
        chunk_of(items[0])->census->free += run;
    }
}

/* Fills items with at most max blocks, the hottest last, and returns how many; 0: no memory. */
static uint32_t take(struct rv_block_pool *pool, void **items, uint32_t max)
{
    uint32_t count = max;

    rv_lock_acquire(&pool->lock);
    if (pool->free_count > 0) {
        if (count > pool->free_count)
            count = (uint32_t)pool->free_count;
        pool->free_count -= count;
        memcpy(items, pool->free + pool->free_count, count * sizeof items[0]);
        count_taken_locked(pool, items, count);
    } else {
        count = carve_locked(pool, items, max);
    }
    rv_lock_release(&pool->lock);
    return count;
}

static void give(struct rv_block_pool *pool, void *const *items, uint32_t count)
{
    rv_lock_acquire(&pool->lock);
    RV_CHECK(pool->free_count + count <= pool->carved, "a block is freed once");
    memcpy(pool->free + pool->free_count, items, count * sizeof items[0]);
    pool->free_count += count;
    count_given_locked(items, count);
    rv_store_relaxed(&pool->returned, rv_load_relaxed(&pool->returned) + count);
    unlock_and_settle(pool);
}

/* Under the lock for one chunk at a time: 10 us if it is given back. */
static void trim_chunk_locked(struct rv_block_pool *pool, struct slab *slab, uint32_t idx)
{
    struct census *census = &slab->census[idx];
    size_t page = rv_os_page_size();

    if (census->free != pool->per_chunk || census->is_trimmed || page >= RV_BLOCK_CHUNK)
        return;
    if (rv_os_discard(slab->base + idx * RV_BLOCK_CHUNK + page, RV_BLOCK_CHUNK - page) != 0)
        return;
    census->is_trimmed = true;
    pool->trimmed++;
}

/* Of the next chunk. False after the last of all: then it begins again. */
static bool trim_next_locked(struct rv_block_pool *pool)
{
    size_t returned = rv_load_relaxed(&pool->returned);
    bool is_begin = pool->trim_slab == 0 && pool->trim_chunk == 0;
    struct slab *slab;

    pool->trim_begin = is_begin ? returned : pool->trim_begin;
    if (pool->trim_slab == rv_load_relaxed(&pool->count)) {
        pool->trim_slab = 0;
        rv_store_relaxed(&pool->returned, returned - pool->trim_begin);
        return false;
    }
    slab = rv_load_relaxed(&pool->directory[pool->trim_slab]);
    trim_chunk_locked(pool, slab, pool->trim_chunk++);
    if (pool->trim_chunk * RV_BLOCK_CHUNK == slab->bytes) {
        pool->trim_chunk = 0;
        pool->trim_slab++;
    }
    return true;
}

bool rv_block_pool_trim_some(struct rv_block_pool *pool)
{
    bool is_more = true;

    for (unsigned i = 0; is_more && i < RV_BLOCK_TRIM_CHUNKS; i++) {
        rv_lock_acquire(&pool->lock);
        is_more = trim_next_locked(pool);
        rv_lock_release(&pool->lock);
    }
    return is_more;
}

RV_HOT size_t rv_block_pool_returned_hint(struct rv_block_pool *pool)
{
    return rv_load_relaxed(&pool->returned);
}

void *rv_block_alloc_remote(struct rv_block_pool *pool)
{
    void *block;

    return take(pool, &block, 1) == 0 ? NULL : block;
}

void rv_block_free_remote(void *block)
{
    give(rv_block_pool_of(block), &block, 1);
}

void rv_block_pool_stats(struct rv_block_pool *pool, struct rv_block_stats *stats)
{
    rv_lock_acquire(&pool->lock);
    stats->carved = pool->carved;
    stats->out = pool->carved - pool->free_count;
    stats->block_bytes = pool->block_bytes;
    stats->mapped_bytes = pool->mapped_bytes;
    stats->trimmed_bytes = pool->trimmed * (RV_BLOCK_CHUNK - rv_os_page_size());
    rv_lock_release(&pool->lock);
}

void rv_block_pool_for_each(struct rv_block_pool *pool, void (*visit)(void *block, void *ctx),
                            void *ctx)
{
    /* order: acquire S1. The slabs below the number; pairs with slab_locked. */
    uint32_t slabs = rv_load_acquire(&pool->count);

    for (uint32_t i = 0; i < slabs; i++) {
        struct slab *slab = rv_load_relaxed(&pool->directory[i]);
        uint32_t carved = rv_load_relaxed(&slab->carved);

        for (uint32_t at = 0; at < carved; at++) /* one carved this moment is all zero */
            visit(block_at(pool, slab, at), ctx);
    }
}

static int compare(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t)*(void *const *)a, right = (uintptr_t)*(void *const *)b;

    return (left > right) - (left < right);
}

void rv_block_pool_check(struct rv_block_pool *pool)
{
    size_t carved = 0;

    rv_lock_acquire(&pool->lock);
    RV_CHECK(pool->free_count <= pool->carved && pool->carved <= pool->capacity,
             "the free list has room for every block");
    for (uint32_t i = 0; i < rv_load_relaxed(&pool->count); i++)
        carved += rv_load_relaxed(&rv_load_relaxed(&pool->directory[i])->carved);
    RV_CHECK(carved == pool->carved, "the slabs' counts add up");
    if (pool->free_count > 0)
        qsort(pool->free, pool->free_count, sizeof pool->free[0], compare);
    for (size_t i = 1; i < pool->free_count; i++)
        RV_CHECK(pool->free[i - 1] != pool->free[i], "no block is twice free");
    rv_lock_release(&pool->lock);
}

void rv_block_cache_init(struct rv_block_cache *c, struct rv_block_pool *pool)
{
    c->pool = pool;
    c->count = 0;
}

void rv_block_cache_flush(struct rv_block_cache *c)
{
    if (c->count == 0)
        return;
    give(c->pool, c->items, c->count);
    c->count = 0;
}

RV_COLD bool rv_block_cache_refill(struct rv_block_cache *c)
{
    c->count = take(c->pool, c->items, RV_BLOCK_BATCH);
    return c->count != 0;
}

RV_COLD void rv_block_cache_spill(struct rv_block_cache *c)
{
    give(c->pool, c->items, RV_BLOCK_BATCH);
    c->count -= RV_BLOCK_BATCH;
    memmove(c->items, c->items + RV_BLOCK_BATCH, c->count * sizeof c->items[0]);
}
