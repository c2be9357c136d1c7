// SPDX-License-Identifier: MIT
/*
 * Purpose: pooled, guarded, coloured stacks, each with room for the caller's block at its top.
 * Idea:    a slot is one piece of address space; many slots make a slab, one mapping.
 *
 *          slot start                                                        slot end
 *          | guard page | stack, grows down <------- high | block | colour * 64 |
 *                       ^ low                             ^ block, 64-aligned
 *
 *          The colour (slot index modulo 32) shifts blocks and hot frames over the L1 sets, which
 *          page-aligned stacks would all share. Memory is type-stable: mapped while the pool lives;
 *          a freed block keeps its contents (but for `batch`), a fresh one is zero.
 *          A cache is an array of pointers, its top the hottest; so alloc touches no free block,
 *          it only asks for the one RV_STACK_AHEAD places below. Batches of RV_STACK_BATCH travel
 *          between caches and pool; in the pool, each is written into a free stack of its own,
 *          below the RV_STACK_REST_BYTES in which a context at rest between two lives has frames.
 * Threads: a cache belongs to one thread; everything on the pool is for any thread.
 * Rejected: malloc per stack (no guard, page faults on each); munmap of free slots (one mapping
 *          each, and a late reader of a dead block would fault); lists linked through the blocks
 *          (a miss in memory and one in the TLB for each alloc, none started before the last ends).
 */
#ifndef RV_CORE_STACK_H
#define RV_CORE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "core/check.h"

#if RV_ASAN
#include <sanitizer/asan_interface.h>
#elif RV_VALGRIND
#include <valgrind/memcheck.h>
#endif

#define RV_STACK_MIN_BYTES ((size_t)16384)
#define RV_STACK_BATCH 64
#define RV_STACK_REST_BYTES 512 /* at the high end of a free stack; the pool leaves them alone */
#ifndef RV_STACK_CACHE_MAX
/* Free blocks a cache may hold, a multiple of RV_STACK_BATCH. At 256 a cache would be larger than
 * the frame limit of 2048 bytes, and callers make short-lived ones on coroutine stacks. */
#define RV_STACK_CACHE_MAX 192
#endif
/* How far below the top alloc prefetches. Over 100,000 creations 4, 8, 16 are alike. */
#define RV_STACK_AHEAD 8u

struct rv_stack_pool;

/* Embedded by the caller in its block at the pool's stack_offset. low .. slot_idx are constant
 * while the block is out of the pool's trimmed set. */
struct rv_stack {
    struct rv_stack_pool *pool; /* first: a free looks at nothing else */
    struct rv_stack *batch; /* the pool's, while it holds a batch: the next one's holder */
    char *low;              /* lowest usable byte */
    char *high;             /* initial stack pointer, 16-aligned: where the block begins */
    uint32_t slab_idx;
    uint32_t slot_idx;
};

/* Owner thread only, always; all its memory is the embedding struct's. */
struct rv_stack_cache {
    struct rv_stack_pool *pool;
    size_t stack_offset;
    uint32_t count;
    struct rv_stack *items[RV_STACK_CACHE_MAX]; /* [0, count), the hottest last */
};

struct rv_stack_stats {
    size_t slots;           /* ever handed out or trimmed: carved from slabs */
    size_t in_use;          /* with callers or in their caches */
    size_t cached_resident; /* free in the pool, pages kept */
    size_t trimmed;         /* free, pages given back */
    size_t slabs;
    size_t guard_failures;  /* slots without a guard although one was asked for */
    size_t mapped_bytes;
    size_t slot_bytes;
};

enum rv_stack_guard {
    RV_STACK_GUARD_MADVISE,  /* the default: lightweight guards, else the next */
    RV_STACK_GUARD_MPROTECT, /* one mapping more a stack, until the kernel's limit; else none */
    RV_STACK_GUARD_NONE,
};

/* stack_bytes is the address space of a slot, guard and block included: rounded up to pages, at
 * least RV_STACK_MIN_BYTES. stack_offset: where struct rv_stack lies in the block.
 * 0, -EINVAL (the block leaves less than half of the slot), -ENOMEM. */
RV_WARN_UNUSED int rv_stack_pool_create(size_t stack_bytes, size_t block_bytes,
                                        size_t stack_offset, struct rv_stack_pool **pool);
/* So many more stacks can be had at once, from now until they are unpromised: their address space
 * is there. A cache may hold back some of what another's owner was promised. False: no memory. */
RV_WARN_UNUSED bool rv_stack_pool_promise(struct rv_stack_pool *pool, size_t stacks);
void rv_stack_pool_unpromise(struct rv_stack_pool *pool, size_t stacks);
/* The creator lets go. With blocks still out (all caches must have been flushed) the pool lives
 * until the last rv_stack_free_remote; else it is unmapped at once. NULL is allowed. */
void rv_stack_pool_release(struct rv_stack_pool *pool);
/* Before the first alloc. */
void rv_stack_pool_set_guard(struct rv_stack_pool *pool, enum rv_stack_guard guard);
/* Gives the pages of free pooled blocks back to the kernel, the coldest first, until at most
 * keep_bytes of them are resident; returns the resident bytes given back. */
size_t rv_stack_pool_trim(struct rv_stack_pool *pool, size_t keep_bytes);
/* The same for one batch, whatever it holds: for whoever has other things to do in between. 0:
 * there is no batch, or the kernel takes nothing back. */
size_t rv_stack_pool_trim_batch(struct rv_stack_pool *pool);
/* Touched memory of all slots, in bytes; asks the kernel about each page. */
size_t rv_stack_pool_resident(struct rv_stack_pool *pool);
/* Free blocks whose pages are kept, without the lock: to decide whether a trim is worth it. */
size_t rv_stack_pool_free_hint(struct rv_stack_pool *pool);
void rv_stack_pool_stats(struct rv_stack_pool *pool, struct rv_stack_stats *stats);
/* Calls visit(block) for every slot ever handed out and not trimmed, free ones included: the
 * caller's state word in the block says whether it lives. */
void rv_stack_pool_for_each(struct rv_stack_pool *pool, void (*visit)(void *block, void *ctx),
                            void *ctx);
/* Quiet pool: counts and lists agree. */
void rv_stack_pool_check(struct rv_stack_pool *pool);
/* The block of the slot an address lies in, NULL if none; *is_guard: it is in the guard page.
 * Async-signal-safe: for overflow reports. */
void *rv_stack_pool_find(struct rv_stack_pool *pool, const void *addr, int *is_guard);

/* For caches: fills items with at most RV_STACK_BATCH blocks, the hottest last, and returns how
 * many; 0: no memory. */
uint32_t rv_stack_pool_get(struct rv_stack_pool *pool, struct rv_stack **items);
/* Exactly RV_STACK_BATCH blocks, the hottest last. */
void rv_stack_pool_put(struct rv_stack_pool *pool, struct rv_stack *const *items);

void rv_stack_cache_init(struct rv_stack_cache *c, struct rv_stack_pool *pool);
/* Everything back to the pool; before the owner thread ends. */
void rv_stack_cache_flush(struct rv_stack_cache *c);
void rv_stack_cache_check(const struct rv_stack_cache *c);

/* Bytes of the stack that were ever written since its pages were fresh: a scan from low for the
 * first nonzero byte. Best effort; the stack should be at rest. May count RV_STACK_BATCH pointers
 * at the top that the pool wrote. */
size_t rv_stack_used(const struct rv_stack *s);

/* Zeroes what was ever written below `end`, so that rv_stack_used tells of the next user alone. On
 * that very stack too, if `end` is far enough below the caller's frame. */
void rv_stack_wipe(const struct rv_stack *s, const void *end);

/* For the holder of a block, on any thread, without a cache. May be the end of a released pool. */
void rv_stack_free_remote(struct rv_stack *s);

/* For an empty cache: false when memory is out. */
RV_WARN_UNUSED bool rv_stack_cache_refill(struct rv_stack_cache *c);
/* For a full cache: its coldest batch goes to the pool. */
void rv_stack_cache_spill(struct rv_stack_cache *c);

static inline void rv_stack_poison(struct rv_stack *s)
{
#if RV_ASAN
    __asan_poison_memory_region(s->low, (size_t)(s->high - s->low));
#elif RV_VALGRIND
    (void)VALGRIND_MAKE_MEM_NOACCESS(s->low, s->high - s->low);
#else
    (void)s;
#endif
}

static inline void rv_stack_unpoison(struct rv_stack *s)
{
#if RV_ASAN
    __asan_unpoison_memory_region(s->low, (size_t)(s->high - s->low));
#elif RV_VALGRIND
    /* Defined, for the pool reads what it wrote there; frames are undefined as they are entered. */
    (void)VALGRIND_MAKE_MEM_DEFINED(s->low, s->high - s->low);
#else
    (void)s;
#endif
}

/* The line of the block that its next user reads first. Not the frames below: five lines more cost
 * 80 to 100 ns in each of 100,000 allocs, and the runs, which come later, gained nothing. */
static inline void rv_stack_prefetch(const struct rv_stack_cache *c, const struct rv_stack *s)
{
    const char *block = (const char *)s - c->stack_offset;

    __builtin_prefetch(block, 1);
}

/* The block, or NULL when memory or address space is out. */
static inline void *rv_stack_alloc(struct rv_stack_cache *c)
{
    if (RV_UNLIKELY(c->count == 0) && !rv_stack_cache_refill(c))
        return NULL;

    uint32_t top = --c->count;
    struct rv_stack *s = c->items[top];

    if (RV_LIKELY(top >= RV_STACK_AHEAD))
        rv_stack_prefetch(c, c->items[top - RV_STACK_AHEAD]);
    rv_stack_unpoison(s);
    return (char *)s - c->stack_offset;
}

/* The stack must not be running. */
static inline void rv_stack_free(struct rv_stack_cache *c, struct rv_stack *s)
{
    RV_ASSERT(s->pool == c->pool, "a stack goes back to its own pool");
    rv_stack_poison(s);
    c->items[c->count] = s;
    if (RV_UNLIKELY(++c->count == RV_STACK_CACHE_MAX))
        rv_stack_cache_spill(c);
}

#endif
