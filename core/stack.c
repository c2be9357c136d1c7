// SPDX-License-Identifier: MIT
/*
 * Purpose: the pool of free stacks and the caches of the workers.
 * Idea:    free resident blocks wait in full batches plus one loose list that becomes a batch when
 *          it has RV_STACK_BATCH blocks; so an exchange with a cache is a few pointer moves under
 *          the lock, whatever its size. Kernel calls and first touches happen outside the lock, by
 *          the thread that holds the slots meanwhile (they count as in use).
 *
 *              carved = in use + free + trimmed          (under the lock)
 *
 *          The pool dies when its creator has released it and nothing is in use, by whichever
 *          thread brings that about.
 * Threads: see the header.
 */
#include "core/stack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/atomic.h"
#include "core/lock.h"
#include "core/stack_slab.h"

#define RV_STACK_CARVE_MIN 4u /* slots touched by the first alloc of a small program; arbitrary */

_Static_assert(RV_STACK_CACHE_MAX % RV_STACK_BATCH == 0, "a cache holds whole batches");
_Static_assert(RV_STACK_CACHE_MAX / RV_STACK_BATCH >= 1, "a cache holds at least one batch");

struct rv_stack_pool {
    struct rv_lock lock;
    /* under the lock */
    bool released;
    uint32_t loose_count;
    struct rv_stack *loose;
    struct rv_stack *batches;
    RV_ATOMIC(size_t) free_count; /* read as a hint without the lock */
    struct rv_stack_slabs slabs; /* its fields say how they are guarded */
};

int rv_stack_pool_create(size_t stack_bytes, size_t block_bytes, size_t stack_offset,
                         struct rv_stack_pool **pool)
{
    struct rv_stack_pool *p = calloc(1, sizeof(*p));
    int rc;

    if (p == NULL)
        return -ENOMEM;
    rc = rv_stack_slab_init(&p->slabs, p, stack_bytes, block_bytes, stack_offset);
    if (rc != 0) {
        free(p);
        return rc;
    }
    *pool = p;
    return 0;
}

void rv_stack_pool_set_guard(struct rv_stack_pool *pool, enum rv_stack_guard guard)
{
    rv_store_relaxed(&pool->slabs.guard, (uint32_t)guard);
}

/* Unlocks; ends the pool when this was the last reason to keep it. */
static void unlock_and_settle(struct rv_stack_pool *pool) RV_RELEASES(pool->lock);
RV_NO_LOCK_ANALYSIS static void unlock_and_settle(struct rv_stack_pool *pool)
{
    bool is_last = pool->released &&
                   pool->slabs.carved == rv_load_relaxed(&pool->free_count) + pool->slabs.trimmed;

    rv_lock_release(&pool->lock);
    if (!is_last)
        return;
    rv_stack_slab_fini(&pool->slabs);
    free(pool);
}

void rv_stack_pool_release(struct rv_stack_pool *pool)
{
    if (pool == NULL)
        return;
    rv_lock_acquire(&pool->lock);
    RV_CHECK(!pool->released, "a stack pool is released once");
    pool->released = true;
    unlock_and_settle(pool);
}

static void add_batch_locked(struct rv_stack_pool *pool, struct rv_stack *first)
{
    first->batch = pool->batches;
    pool->batches = first;
}

static void add_loose_locked(struct rv_stack_pool *pool, struct rv_stack *s)
{
    s->next = pool->loose;
    pool->loose = s;
    rv_store_relaxed(&pool->free_count, rv_load_relaxed(&pool->free_count) + 1);
    if (++pool->loose_count < RV_STACK_BATCH)
        return;
    add_batch_locked(pool, pool->loose);
    pool->loose = NULL;
    pool->loose_count = 0;
}

void rv_stack_pool_put(struct rv_stack_pool *pool, struct rv_stack *batch)
{
    rv_lock_acquire(&pool->lock);
    add_batch_locked(pool, batch);
    rv_store_relaxed(&pool->free_count, rv_load_relaxed(&pool->free_count) + RV_STACK_BATCH);
    unlock_and_settle(pool);
}

void rv_stack_free_remote(struct rv_stack *s)
{
    struct rv_stack_pool *pool = s->pool;

    rv_stack_poison(s);
    rv_lock_acquire(&pool->lock);
    add_loose_locked(pool, s);
    unlock_and_settle(pool);
}

/* A list of free resident blocks, or NULL. */
static struct rv_stack *take_resident_locked(struct rv_stack_pool *pool, uint32_t *count)
{
    struct rv_stack *list = pool->batches;

    if (list != NULL) {
        pool->batches = list->batch;
        *count = RV_STACK_BATCH;
    } else {
        list = pool->loose;
        *count = pool->loose_count;
        pool->loose = NULL;
        pool->loose_count = 0;
    }
    rv_store_relaxed(&pool->free_count, rv_load_relaxed(&pool->free_count) - *count);
    return list;
}

/* Slots without pages, to be made into blocks outside the lock. */
struct harvest {
    uint32_t count;
    bool is_fresh;
    rv_stack_name names[RV_STACK_BATCH];
};

static void take_slots_locked(struct rv_stack_pool *pool, struct harvest *harvest)
{
    /* Few at first, so that a small program touches few pages; then whole batches. */
    uint32_t count = RV_STACK_BATCH;
    rv_stack_name first;

    if (pool->slabs.carved / 8 < count)
        count = (uint32_t)(pool->slabs.carved / 8);
    if (count < RV_STACK_CARVE_MIN)
        count = RV_STACK_CARVE_MIN;
    harvest->is_fresh = false;
    harvest->count = rv_stack_slab_untrim_locked(&pool->slabs, harvest->names, count);
    if (harvest->count != 0)
        return;
    first = rv_stack_slab_carve_locked(&pool->slabs, &count);
    harvest->is_fresh = true;
    harvest->count = count;
    for (uint32_t i = 0; i < count; i++)
        harvest->names[i] = first + i;
}

static struct rv_stack *make_list(struct rv_stack_pool *pool, const struct harvest *harvest)
{
    struct rv_stack *list = NULL;

    if (harvest->is_fresh)
        rv_stack_slab_prepare(&pool->slabs, harvest->names[0], harvest->count);
    for (uint32_t i = harvest->count; i-- > 0;) {
        struct rv_stack *s = rv_stack_slab_init_slot(&pool->slabs, harvest->names[i]);

        rv_stack_poison(s);
        s->next = list;
        list = s;
    }
    return list;
}

/* Adds a slab. Two threads may do so at once: the second slab is simply used later. */
static bool grow(struct rv_stack_pool *pool)
{
    struct rv_stack_slab *slab;
    size_t bytes;
    bool is_added;

    rv_lock_acquire(&pool->lock);
    bytes = rv_stack_slab_next_bytes_locked(&pool->slabs);
    rv_lock_release(&pool->lock);
    slab = rv_stack_slab_create(&pool->slabs, bytes);
    if (slab == NULL)
        return false;
    rv_lock_acquire(&pool->lock);
    is_added = rv_stack_slab_append_locked(&pool->slabs, slab);
    rv_lock_release(&pool->lock);
    if (!is_added)
        rv_stack_slab_destroy(&pool->slabs, slab);
    return is_added;
}

struct rv_stack *rv_stack_pool_get(struct rv_stack_pool *pool, uint32_t *count)
{
    struct harvest harvest = {.count = 0};

    do {
        struct rv_stack *list;

        rv_lock_acquire(&pool->lock);
        list = take_resident_locked(pool, count);
        if (list == NULL)
            take_slots_locked(pool, &harvest);
        rv_lock_release(&pool->lock);
        if (list != NULL)
            return list;
        if (harvest.count != 0) {
            *count = harvest.count;
            return make_list(pool, &harvest);
        }
    } while (grow(pool));
    return NULL;
}

/* Trims or keeps one free block; returns the bytes given back. */
static size_t trim_block(struct rv_stack_pool *pool, struct rv_stack *s, size_t *keep_bytes)
{
    rv_stack_name name = rv_stack_slab_name(s->slab_idx, s->slot_idx);
    size_t resident = rv_stack_slab_resident(&pool->slabs, name);
    bool is_kept = resident <= *keep_bytes;

    if (is_kept)
        *keep_bytes -= resident;
    else
        is_kept = rv_stack_slab_discard(&pool->slabs, name) != 0;
    rv_lock_acquire(&pool->lock);
    if (is_kept)
        add_loose_locked(pool, s);
    else
        rv_stack_slab_trim_locked(&pool->slabs, name);
    rv_lock_release(&pool->lock);
    return is_kept ? 0 : resident;
}

size_t rv_stack_pool_trim(struct rv_stack_pool *pool, size_t keep_bytes)
{
    struct rv_stack *list, *batches;
    size_t given_back = 0;

    rv_lock_acquire(&pool->lock);
    list = pool->loose;
    batches = pool->batches;
    pool->loose = NULL;
    pool->loose_count = 0;
    pool->batches = NULL;
    rv_store_relaxed(&pool->free_count, (size_t)0);
    rv_lock_release(&pool->lock);
    while (list != NULL || batches != NULL) {
        struct rv_stack *s;

        if (list == NULL) {
            list = batches;
            batches = list->batch;
        }
        s = list;
        list = s->next; /* read before the block's page is gone */
        given_back += trim_block(pool, s, &keep_bytes);
    }
    rv_lock_acquire(&pool->lock);
    unlock_and_settle(pool);
    return given_back;
}

size_t rv_stack_pool_free_hint(struct rv_stack_pool *pool)
{
    return rv_load_relaxed(&pool->free_count);
}

void rv_stack_pool_stats(struct rv_stack_pool *pool, struct rv_stack_stats *stats)
{
    const struct rv_stack_slabs *slabs = &pool->slabs;

    rv_lock_acquire(&pool->lock);
    stats->slots = slabs->carved;
    stats->cached_resident = rv_load_relaxed(&pool->free_count);
    stats->trimmed = slabs->trimmed;
    stats->in_use = slabs->carved - rv_load_relaxed(&pool->free_count) - slabs->trimmed;
    stats->slabs = rv_load_relaxed(&slabs->count);
    stats->mapped_bytes = slabs->mapped_bytes;
    stats->slot_bytes = slabs->slot_bytes;
    stats->guard_failures = rv_load_relaxed(&slabs->guard_failures);
    rv_lock_release(&pool->lock);
}

size_t rv_stack_pool_resident(struct rv_stack_pool *pool)
{
    return rv_stack_slab_resident_all(&pool->slabs);
}

void rv_stack_pool_for_each(struct rv_stack_pool *pool, void (*visit)(void *block, void *ctx),
                            void *ctx)
{
    rv_stack_slab_for_each(&pool->slabs, visit, ctx);
}

void *rv_stack_pool_find(struct rv_stack_pool *pool, const void *addr, int *is_guard)
{
    return rv_stack_slab_find(&pool->slabs, addr, is_guard);
}

static size_t list_length(const struct rv_stack *s)
{
    size_t n = 0;

    for (; s != NULL; s = s->next)
        n++;
    return n;
}

/* Blocks in a chain of batches, each of which must be full. */
static size_t batches_length(const struct rv_stack *first)
{
    size_t n = 0;

    for (; first != NULL; first = first->batch) {
        RV_CHECK(list_length(first) == RV_STACK_BATCH, "a batch is full");
        n += RV_STACK_BATCH;
    }
    return n;
}

void rv_stack_pool_check(struct rv_stack_pool *pool)
{
    rv_lock_acquire(&pool->lock);
    RV_CHECK(list_length(pool->loose) == pool->loose_count, "%u loose blocks", pool->loose_count);
    RV_CHECK(pool->loose_count < RV_STACK_BATCH, "a full loose list becomes a batch");
    size_t free_count = rv_load_relaxed(&pool->free_count);
    RV_CHECK(batches_length(pool->batches) + pool->loose_count == free_count,
             "%zu free blocks are in the lists", free_count);
    RV_CHECK(free_count + pool->slabs.trimmed <= pool->slabs.carved, "no slot twice free");
    rv_stack_slab_check_locked(&pool->slabs);
    rv_lock_release(&pool->lock);
}

void rv_stack_cache_init(struct rv_stack_cache *c, struct rv_stack_pool *pool)
{
    memset(c, 0, sizeof(*c));
    c->pool = pool;
    c->stack_offset = pool->slabs.stack_offset;
}

/* The list of head is empty: fills it and returns its first. */
RV_COLD struct rv_stack *rv_stack_cache_refill(struct rv_stack_cache *c)
{
    if (c->spares != NULL) {
        c->head = c->spares;
        c->spares = c->head->batch;
        c->spare_count--;
        c->count = RV_STACK_BATCH;
    } else {
        c->head = rv_stack_pool_get(c->pool, &c->count);
        if (c->head == NULL)
            c->count = 0;
    }
    return c->head;
}

/* Takes the coldest of at least two spare batches off the list. */
static struct rv_stack *take_coldest_spare(struct rv_stack_cache *c)
{
    struct rv_stack **link = &c->spares;
    struct rv_stack *coldest;

    while ((*link)->batch != NULL)
        link = &(*link)->batch;
    coldest = *link;
    *link = NULL;
    c->spare_count--;
    return coldest;
}

/* The list of head is a full batch: it becomes the first spare, and the coldest one may go. */
RV_COLD void rv_stack_cache_rotate(struct rv_stack_cache *c)
{
    c->head->batch = c->spares;
    c->spares = c->head;
    c->spare_count++;
    c->head = NULL;
    c->count = 0;
    if (c->spare_count * RV_STACK_BATCH >= RV_STACK_CACHE_MAX)
        rv_stack_pool_put(c->pool, take_coldest_spare(c));
}

void rv_stack_cache_flush(struct rv_stack_cache *c)
{
    struct rv_stack_pool *pool = c->pool;

    while (c->spares != NULL)
        rv_stack_pool_put(pool, take_coldest_spare(c));
    if (c->head == NULL)
        return;
    rv_lock_acquire(&pool->lock);
    while (c->head != NULL) {
        struct rv_stack *s = c->head;

        c->head = s->next;
        add_loose_locked(pool, s);
    }
    c->count = 0;
    unlock_and_settle(pool);
}

void rv_stack_cache_check(const struct rv_stack_cache *c)
{
    RV_CHECK(list_length(c->head) == c->count, "%u blocks in the cache's list", c->count);
    RV_CHECK(c->count < RV_STACK_BATCH, "a full list becomes a spare batch");
    RV_CHECK(batches_length(c->spares) == (size_t)c->spare_count * RV_STACK_BATCH,
             "%u spare batches", c->spare_count);
    RV_CHECK(c->spare_count * RV_STACK_BATCH < RV_STACK_CACHE_MAX, "the cache is bounded");
}

RV_NO_ASAN RV_NO_TSAN size_t rv_stack_used(const struct rv_stack *s)
{
    const volatile uint64_t *at = (const volatile uint64_t *)(const void *)s->low;
    const volatile uint64_t *end = (const volatile uint64_t *)(const void *)s->high;

    while (at < end && *at == 0)
        at++;
    return (size_t)((const char *)(const void *)s->high - (const char *)(const volatile void *)at);
}
