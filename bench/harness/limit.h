// SPDX-License-Identifier: MIT
/*
 * Purpose: raw contexts, stacks and threads for the limits: what the machine can do when nothing
 *          is scheduled.
 * Idea:    stacks lie a fixed stride apart in one mapping; each top is shifted by another multiple
 *          of 64 bytes within a page, for page-aligned tops would all fall into the same sets of
 *          the first-level cache (measured: 15.7 ns a jump through 1000 stacks, 8.6 so coloured).
 * Threads: a mapping and its contexts belong to one thread.
 */
#ifndef BENCH_HARNESS_LIMIT_H
#define BENCH_HARNESS_LIMIT_H

#include <stddef.h>
#include <stdint.h>

struct limit_transfer {
    void *from; /* the context that jumped here */
    void *data;
};

/* Boost.Context's three C symbols are two here: nothing is run on top. */
struct limit_transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *stack_high, size_t bytes, void (*fn)(struct limit_transfer));

enum { LIMIT_STACK_BYTES = 16 * 1024 };

struct limit_stacks {
    char *base;
    size_t count, stride;
};

void limit_stacks_map(struct limit_stacks *s, size_t count, size_t stride);
void limit_stacks_unmap(struct limit_stacks *s);
char *limit_stack_top(const struct limit_stacks *s, size_t i);
/* A fresh context on stack i. */
void *limit_context_make(const struct limit_stacks *s, size_t i, void (*fn)(struct limit_transfer));

/* Calls fn(arg, i) on as many threads as there are workers, all at once; returns the ns from the
 * start of the first to the end of the last. */
typedef void limit_part(void *arg, unsigned i);
int64_t limit_threads_run(limit_part *fn, void *arg);

#endif
