// SPDX-License-Identifier: MIT
/*
 * Purpose: a pool with one cache, and blocks as a task would be, for the tests of stacks and slabs.
 * Threads: one.
 */
#ifndef RV_TESTS_CORE_STACK_FIXTURE_H
#define RV_TESTS_CORE_STACK_FIXTURE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/atomic.h"
#include "core/os.h"
#include "core/stack.h"

#define STACK_BYTES ((size_t)64 * 1024)

/* What a task would be: some state, the stack's struct somewhere in the middle, a tail. */
struct block {
    RV_ATOMIC(uint64_t) state;
    uint64_t payload[20];
    struct rv_stack stack;
    uint64_t tail[10];
};

struct fixture {
    struct rv_stack_pool *pool;
    struct rv_stack_cache cache;
};

static inline void fixture_init_size(struct fixture *f, size_t stack_bytes)
{
    assert_int_equal(rv_stack_pool_create(stack_bytes, sizeof(struct block),
                                          offsetof(struct block, stack), &f->pool),
                     0);
    rv_stack_cache_init(&f->cache, f->pool);
}

static inline void fixture_init(struct fixture *f)
{
    fixture_init_size(f, STACK_BYTES);
}

static inline void fixture_check(struct fixture *f)
{
    rv_stack_cache_check(&f->cache);
    rv_stack_pool_check(f->pool);
}

static inline void fixture_fini(struct fixture *f)
{
    struct rv_stack_stats stats;

    rv_stack_cache_flush(&f->cache);
    fixture_check(f);
    rv_stack_pool_stats(f->pool, &stats);
    assert_int_equal(stats.in_use, 0);
    rv_stack_pool_release(f->pool);
}

static inline struct block **alloc_many(struct fixture *f, size_t n)
{
    struct block **blocks = calloc(n, sizeof(*blocks));

    assert_non_null(blocks);
    for (size_t i = 0; i < n; i++) {
        blocks[i] = rv_stack_alloc(&f->cache);
        assert_non_null(blocks[i]);
    }
    return blocks;
}

static inline void free_many(struct fixture *f, struct block **blocks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rv_stack_free(&f->cache, &blocks[i]->stack);
    free(blocks);
}

/* Writes to addr in a child; returns the signal that ended it, or 0. */
static inline int touch_in_child(volatile char *addr)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        *addr = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static inline void count_visit(void *block, void *ctx)
{
    size_t *visits = ctx;

    (void)block;
    (*visits)++;
}

#endif
