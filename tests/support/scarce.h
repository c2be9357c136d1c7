// SPDX-License-Identifier: MIT
/*
 * Purpose: memory that runs out when a test says so.
 * Idea:    the linker gives the library's allocations to these (rove_scarce in
 *          tools/cmake/tests.cmake); each hands on to the C library until its number has come.
 *          Included by one file of a test program.
 * Threads: any; the number is the process's.
 */
#ifndef RV_TESTS_SCARCE_H
#define RV_TESTS_SCARCE_H

#include "core/atomic.h"

#include <stddef.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t each);
void *__real_realloc(void *block, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t each);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

/* How many allocations still succeed; negative: all. */
static RV_ATOMIC(int) rv_scarce_left = -1;

static inline void rv_scarce_after(int successes)
{
    rv_store_relaxed(&rv_scarce_left, successes);
}

static inline void rv_scarce_end(void)
{
    rv_scarce_after(-1);
}

static inline bool rv_scarce_is_out(void)
{
    int left = rv_load_relaxed(&rv_scarce_left);
    while (left > 0 && !rv_cas_acq_rel(&rv_scarce_left, &left, left - 1)) {
    }
    return left == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return rv_scarce_is_out() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t each)
{
    return rv_scarce_is_out() ? NULL : __real_calloc(n, each);
}

void *__wrap_realloc(void *block, size_t bytes)
{
    return rv_scarce_is_out() ? NULL : __real_realloc(block, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return rv_scarce_is_out() ? NULL : __real_aligned_alloc(alignment, bytes);
}

#endif
