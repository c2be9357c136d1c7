// SPDX-License-Identifier: MIT
/*
 * Purpose: latencies in buckets of 1/32 of their magnitude: values up to 32 ns have a bucket each;
 *          above, 32 buckets for each power of two.
 * Threads: one.
 */
#ifndef BENCH_LOADER_HISTOGRAM_H
#define BENCH_LOADER_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_LOG2 = 5, HISTOGRAM_SUB = 1 << HISTOGRAM_LOG2, HISTOGRAM_SIZE = 40 * 32 };

struct histogram {
    uint64_t count;
    uint64_t buckets[HISTOGRAM_SIZE];
};

static inline unsigned histogram_index(uint64_t ns)
{
    if (ns < HISTOGRAM_SUB) {
        return (unsigned)ns;
    }
    unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - HISTOGRAM_LOG2;
    unsigned i = (shift + 1) * HISTOGRAM_SUB + (unsigned)(ns >> shift) - HISTOGRAM_SUB;
    return i < HISTOGRAM_SIZE ? i : HISTOGRAM_SIZE - 1;
}

/* The smallest value of bucket i. */
static inline uint64_t histogram_value(unsigned i)
{
    return i < HISTOGRAM_SUB
               ? i
               : (uint64_t)(i % HISTOGRAM_SUB + HISTOGRAM_SUB) << (i / HISTOGRAM_SUB - 1);
}

static inline void histogram_add(struct histogram *h, int64_t ns)
{
    h->count++;
    h->buckets[histogram_index(ns < 0 ? 0 : (uint64_t)ns)]++;
}

/* The value that `share` of all are not above, to within a bucket. */
static inline uint64_t histogram_quantile(const struct histogram *h, double share)
{
    uint64_t seen = 0, wanted = (uint64_t)((double)h->count * share);
    unsigned i = 0;
    while (i + 1 < HISTOGRAM_SIZE && (seen += h->buckets[i]) <= wanted) {
        i++;
    }
    return histogram_value(i);
}

#endif
