// SPDX-License-Identifier: MIT
/*
 * Purpose: the pool of free stacks and the caches of the workers.
 * Idea:    free resident blocks wait in full batches plus one loose array that becomes a batch when
 *          it has RV_STACK_BATCH blocks; so an exchange with a cache copies eight cache lines under
 *          the lock. A batch is an array of pointers at the very top of the stack of its hottest
 *          block, its holder, which will be handed out first and wants these lines anyway. Kernel
 *          calls and first touches happen outside the lock, by the thread that holds the slots
 *          meanwhile (they count as in use).
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

#define RV_STACK_BATCH_BYTES (RV_STACK_BATCH * sizeof(struct rv_stack *))
#define RV_STACK_CARVE_MIN 4u /* slots touched by the first alloc of a small program; arbitrary */

_Static_assert(RV_STACK_CACHE_MAX % RV_STACK_BATCH == 0, "a cache holds whole batches");
_Static_assert(RV_STACK_CACHE_MAX / RV_STACK_BATCH >= 1, "a cache holds at least one batch");
_Static_assert(RV_STACK_AHEAD < RV_STACK_BATCH, "alloc looks ahead inside of a batch");
_Static_assert(RV_STACK_BATCH * sizeof(void *) + RV_STACK_REST_BYTES <= RV_STACK_MIN_BYTES / 2,
               "a batch fits a stack");

struct rv_stack_pool {
    struct rv_lock lock;
    /* under the lock */
    bool released;
    size_t promised; /* at most the slots of all slabs */
    uint32_t loose_count;
    struct rv_stack *loose[RV_STACK_BATCH]; /* the hottest last */
    struct rv_stack *batches; /* holders, linked by `batch`, the hottest first */
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

/* Where a holder keeps its batch. By arithmetic, not by s->high: to know it costs no miss. Below
 * the frames of a resting context, which is switched to again in the block's next life. */
static char *batch_bytes(const struct rv_stack_pool *pool, struct rv_stack *holder)
{
    return (char *)holder - pool->slabs.stack_offset - RV_STACK_REST_BYTES - RV_STACK_BATCH_BYTES;
}

/* The items are free, so the holder's stack is nobody's; for ASan it is poison again afterwards. */
static void add_batch_locked(struct rv_stack_pool *pool, struct rv_stack *const *items)
{
    struct rv_stack *holder = items[RV_STACK_BATCH - 1];

    rv_stack_unpoison(holder);
    memcpy(batch_bytes(pool, holder), items, RV_STACK_BATCH_BYTES);
    rv_stack_poison(holder);
    holder->batch = pool->batches;
    pool->batches = holder;
}

/* Copies the holder's batch into items; returns the next holder. */
static struct rv_stack *open_batch(const struct rv_stack_pool *pool, struct rv_stack *holder,
                                   struct rv_stack **items)
{
    rv_stack_unpoison(holder);
    memcpy(items, batch_bytes(pool, holder), RV_STACK_BATCH_BYTES);
    rv_stack_poison(holder);
    return holder->batch;
}

static void add_loose_locked(struct rv_stack_pool *pool, struct rv_stack *s)
{
    pool->loose[pool->loose_count] = s;
    rv_store_relaxed(&pool->free_count, rv_load_relaxed(&pool->free_count) + 1);
    if (++pool->loose_count < RV_STACK_BATCH)
        return;
    add_batch_locked(pool, pool->loose);
    pool->loose_count = 0;
}

void rv_stack_pool_put(struct rv_stack_pool *pool, struct rv_stack *const *items)
{
    rv_lock_acquire(&pool->lock);
    add_batch_locked(pool, items);
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

static uint32_t take_loose_locked(struct rv_stack_pool *pool, struct rv_stack **items)
{
    uint32_t count = pool->loose_count;

    memcpy(items, pool->loose, count * sizeof(items[0]));
    pool->loose_count = 0;
    return count;
}

/* The holder's lines, for the get after this one. */
static void prefetch_batch(const struct rv_stack_pool *pool, struct rv_stack *holder)
{
    const char *bytes = batch_bytes(pool, holder);

    __builtin_prefetch(holder, 1);
    for (size_t at = 0; at < RV_STACK_BATCH_BYTES; at += RV_CACHE_LINE)
        __builtin_prefetch(bytes + at, 1);
}

/* Fills items with free resident blocks; returns how many, 0 if there is none. */
static uint32_t take_resident_locked(struct rv_stack_pool *pool, struct rv_stack **items)
{
    uint32_t count = RV_STACK_BATCH;

    if (pool->batches == NULL) {
        count = take_loose_locked(pool, items);
    } else {
        pool->batches = open_batch(pool, pool->batches, items);
        if (pool->batches != NULL)
            prefetch_batch(pool, pool->batches);
    }
    rv_store_relaxed(&pool->free_count, rv_load_relaxed(&pool->free_count) - count);
    return count;
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

/* The lowest slot on top: handed out in the order of addresses. */
static void make_blocks(struct rv_stack_pool *pool, const struct harvest *harvest,
                        struct rv_stack **items)
{
    if (harvest->is_fresh)
        rv_stack_slab_prepare(&pool->slabs, harvest->names[0], harvest->count);
    for (uint32_t i = 0; i < harvest->count; i++) {
        struct rv_stack *s = rv_stack_slab_init_slot(&pool->slabs, harvest->names[i]);

        rv_stack_poison(s);
        items[harvest->count - 1 - i] = s;
    }
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

bool rv_stack_pool_promise(struct rv_stack_pool *pool, size_t stacks)
{
    bool is_kept;

    do {
        rv_lock_acquire(&pool->lock);
        is_kept = pool->promised + stacks <= pool->slabs.mapped_bytes / pool->slabs.slot_bytes;
        pool->promised += is_kept ? stacks : 0;
        rv_lock_release(&pool->lock);
    } while (!is_kept && grow(pool));
    return is_kept;
}

void rv_stack_pool_unpromise(struct rv_stack_pool *pool, size_t stacks)
{
    rv_lock_acquire(&pool->lock);
    RV_CHECK(pool->promised >= stacks, "only what was promised is given up");
    pool->promised -= stacks;
    rv_lock_release(&pool->lock);
}

uint32_t rv_stack_pool_get(struct rv_stack_pool *pool, struct rv_stack **items)
{
    struct harvest harvest = {.count = 0};

    do {
        uint32_t count;

        rv_lock_acquire(&pool->lock);
        count = take_resident_locked(pool, items);
        if (count == 0)
            take_slots_locked(pool, &harvest);
        rv_lock_release(&pool->lock);
        if (count != 0)
            return count;
        if (harvest.count != 0) {
            make_blocks(pool, &harvest, items);
            return harvest.count;
        }
    } while (grow(pool));
    return 0;
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
    struct rv_stack *items[RV_STACK_BATCH], *batches;
    size_t given_back = 0;
    uint32_t count;

    rv_lock_acquire(&pool->lock);
    count = take_loose_locked(pool, items);
    batches = pool->batches;
    pool->batches = NULL;
    rv_store_relaxed(&pool->free_count, (size_t)0);
    rv_lock_release(&pool->lock);
    for (;;) {
        while (count > 0)
            given_back += trim_block(pool, items[--count], &keep_bytes);
        if (batches == NULL)
            break;
        batches = open_batch(pool, batches, items); /* before the holder's page is gone */
        count = RV_STACK_BATCH;
    }
    rv_lock_acquire(&pool->lock);
    unlock_and_settle(pool);
    return given_back;
}

size_t rv_stack_pool_trim_batch(struct rv_stack_pool *pool)
{
    struct rv_stack *items[RV_STACK_BATCH];
    size_t given_back = 0, keep_bytes = 0;
    uint32_t count = 0;

    rv_lock_acquire(&pool->lock);
    if (pool->batches != NULL)
        count = take_resident_locked(pool, items);
    rv_lock_release(&pool->lock);
    while (count > 0)
        given_back += trim_block(pool, items[--count], &keep_bytes);
    rv_lock_acquire(&pool->lock);
    unlock_and_settle(pool);
    return given_back;
}

RV_HOT size_t rv_stack_pool_free_hint(struct rv_stack_pool *pool)
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

static void check_items(const struct rv_stack_pool *pool, struct rv_stack *const *items,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        RV_CHECK(items[i]->pool == pool, "item %u of %u is the pool's", i, count);
}

void rv_stack_pool_check(struct rv_stack_pool *pool)
{
    struct rv_stack *items[RV_STACK_BATCH], *next;
    size_t listed, free_count;

    rv_lock_acquire(&pool->lock);
    RV_CHECK(pool->promised <= pool->slabs.mapped_bytes / pool->slabs.slot_bytes,
             "there is a slot for each promise");
    RV_CHECK(pool->loose_count < RV_STACK_BATCH, "full loose ones become a batch");
    check_items(pool, pool->loose, pool->loose_count);
    listed = pool->loose_count;
    for (struct rv_stack *holder = pool->batches; holder != NULL; holder = next) {
        next = open_batch(pool, holder, items);
        RV_CHECK(items[RV_STACK_BATCH - 1] == holder, "the holder is the top of its batch");
        check_items(pool, items, RV_STACK_BATCH);
        listed += RV_STACK_BATCH;
    }
    free_count = rv_load_relaxed(&pool->free_count);
    RV_CHECK(listed == free_count, "%zu free blocks counted, %zu found", free_count, listed);
    RV_CHECK(free_count + pool->slabs.trimmed <= pool->slabs.carved, "no slot twice free");
    rv_stack_slab_check_locked(&pool->slabs);
    rv_lock_release(&pool->lock);
}

void rv_stack_cache_init(struct rv_stack_cache *c, struct rv_stack_pool *pool)
{
    c->pool = pool;
    c->stack_offset = pool->slabs.stack_offset;
    c->count = 0;
}

RV_COLD bool rv_stack_cache_refill(struct rv_stack_cache *c)
{
    uint32_t count = rv_stack_pool_get(c->pool, c->items);

    c->count = count;
    /* These come before any alloc could have asked for them; the misses overlap at least. */
    for (uint32_t i = 1; i <= RV_STACK_AHEAD && i <= count; i++)
        rv_stack_prefetch(c, c->items[count - i]);
    return count != 0;
}

RV_COLD void rv_stack_cache_spill(struct rv_stack_cache *c)
{
    rv_stack_pool_put(c->pool, c->items);
    c->count -= RV_STACK_BATCH;
    memmove(c->items, c->items + RV_STACK_BATCH, c->count * sizeof(c->items[0]));
}

void rv_stack_cache_flush(struct rv_stack_cache *c)
{
    struct rv_stack_pool *pool = c->pool;

    if (c->count == 0)
        return;
    rv_lock_acquire(&pool->lock);
    for (uint32_t i = 0; i < c->count; i++)
        add_loose_locked(pool, c->items[i]);
    c->count = 0;
    unlock_and_settle(pool);
}

void rv_stack_cache_check(const struct rv_stack_cache *c)
{
    RV_CHECK(c->count < RV_STACK_CACHE_MAX, "a full cache spills");
    check_items(c->pool, c->items, c->count);
}

/* valgrind takes what is below a running task's frames for nobody's, and would report the look. */
static void show_to_valgrind(const struct rv_stack *s)
{
#if RV_VALGRIND
    (void)VALGRIND_MAKE_MEM_DEFINED(s->low, s->high - s->low);
#else
    (void)s;
#endif
}

RV_NO_ASAN RV_NO_TSAN size_t rv_stack_used(const struct rv_stack *s)
{
    const volatile uint64_t *at = (const volatile uint64_t *)(const void *)s->low;
    const volatile uint64_t *end = (const volatile uint64_t *)(const void *)s->high;

    show_to_valgrind(s);
    while (at < end && *at == 0)
        at++;
    return (size_t)((const char *)(const void *)s->high - (const char *)(const volatile void *)at);
}

RV_NO_ASAN RV_NO_TSAN void rv_stack_wipe(const struct rv_stack *s, const void *end)
{
    volatile uint64_t *at = (volatile uint64_t *)(void *)s->low;
    const volatile uint64_t *last = (const volatile uint64_t *)end;

    show_to_valgrind(s);
    for (; at + 1 <= last; at++) {
        if (*at != 0) /* a page that was never touched stays untouched */
            *at = 0;
    }
}
