// SPDX-License-Identifier: MIT
/*
 * Purpose: a small fast random stream, one per worker: victim choice, jitter. Not for secrets.
 * Idea:    a Weyl counter (odd step, so the period is 2^64) whose value is mixed by folding a
 *          64x64 -> 128 bit product; any seed is good, zero included.
 * Threads: one owner per struct.
 */
#ifndef RV_CORE_RAND_H
#define RV_CORE_RAND_H

#include <stdint.h>

#include "core/base.h"

struct rv_rand {
    uint64_t s;
};

__extension__ typedef unsigned __int128 rv_rand_u128;

static inline void rv_rand_seed(struct rv_rand *r, uint64_t seed)
{
    /* Neighbouring seeds (worker 0, 1, 2 ...) must not give neighbouring streams. */
    r->s = (seed ^ (seed >> 31)) * UINT64_C(0xd6e8feb86659fd93);
}

static inline uint64_t rv_rand_next(struct rv_rand *r)
{
    rv_rand_u128 product;

    r->s += UINT64_C(0x9e3779b97f4a7c15);
    product = (rv_rand_u128)r->s * (r->s ^ UINT64_C(0xe7037ed1a0b428db));
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/* In [0, n); n must not be 0. Multiply and shift: the bias is below n / 2^32. */
static inline uint32_t rv_rand_below(struct rv_rand *r, uint32_t n)
{
    return (uint32_t)(((rv_rand_next(r) >> 32) * n) >> 32);
}

#endif
