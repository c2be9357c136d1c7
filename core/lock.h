// SPDX-License-Identifier: MIT
/*
 * Purpose: one-word spin lock for sections of a few dozen instructions, with clang's annotations.
 * Idea:    0 free, 1 held. One compare-and-swap when free; then a bounded spin with exponential
 *          back-off; then yielding the processor, in case the holder was preempted. Release is one
 *          plain store and the last access to the word: the lock's memory may be freed by the next
 *          holder. A section never suspends, allocates or calls the kernel.
 * Threads: any. Not recursive, not fair.
 * Rejected: a futex lock: the wake on release touches the word's address after it is free, and
 *          sections this short never sleep long enough to pay for it.
 */
#ifndef RV_CORE_LOCK_H
#define RV_CORE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/atomic.h"
#include "core/base.h"
#include "core/check.h"

#if defined(__clang__)
#define RV_CAPABILITY(name)     __attribute__((capability(name)))
#define RV_ACQUIRES(...)        __attribute__((acquire_capability(__VA_ARGS__)))
#define RV_RELEASES(...)        __attribute__((release_capability(__VA_ARGS__)))
#define RV_TRY_ACQUIRES(...)    __attribute__((try_acquire_capability(__VA_ARGS__)))
#define RV_REQUIRES(...)        __attribute__((requires_capability(__VA_ARGS__)))
#define RV_EXCLUDES(...)        __attribute__((locks_excluded(__VA_ARGS__)))
#define RV_NO_LOCK_ANALYSIS     __attribute__((no_thread_safety_analysis))
#else
#define RV_CAPABILITY(name)
#define RV_ACQUIRES(...)
#define RV_RELEASES(...)
#define RV_TRY_ACQUIRES(...)
#define RV_REQUIRES(...)
#define RV_EXCLUDES(...)
#define RV_NO_LOCK_ANALYSIS
#endif

/* All-zero is a free lock. */
struct RV_CAPABILITY("lock") rv_lock {
    RV_ATOMIC(uint32_t) word;
};

#define RV_LOCK_INIT {0}

void rv_lock_acquire_slow(struct rv_lock *l);

static inline void rv_lock_init(struct rv_lock *l)
{
    rv_store_relaxed(&l->word, 0u);
}

static inline void rv_lock_acquire(struct rv_lock *l) RV_ACQUIRES(*l);
/* True when the lock was free and is now the caller's. */
static inline bool rv_lock_try(struct rv_lock *l) RV_TRY_ACQUIRES(true, *l);
static inline void rv_lock_release(struct rv_lock *l) RV_RELEASES(*l);

RV_NO_LOCK_ANALYSIS static inline void rv_lock_acquire(struct rv_lock *l)
{
    uint32_t free = 0;

    /* order: acquire L1. What the last holder wrote; pairs with rv_lock_release. */
    if (RV_UNLIKELY(!rv_cas_acquire(&l->word, &free, 1u)))
        rv_lock_acquire_slow(l);
}

RV_NO_LOCK_ANALYSIS static inline bool rv_lock_try(struct rv_lock *l)
{
    uint32_t free = 0;

    /* order: acquire L1. What the last holder wrote; pairs with rv_lock_release. */
    return rv_cas_acquire(&l->word, &free, 1u);
}

RV_NO_LOCK_ANALYSIS static inline void rv_lock_release(struct rv_lock *l)
{
    RV_ASSERT(rv_load_relaxed(&l->word) == 1, "only a held lock is released");
    /* order: release L1. The section's writes; pairs with rv_lock_acquire and rv_lock_try. */
    rv_store_release(&l->word, 0u);
}

/* For asserts: held by someone. */
static inline bool rv_lock_is_held(struct rv_lock *l)
{
    return rv_load_relaxed(&l->word) != 0;
}

#endif
