// SPDX-License-Identifier: MIT
/*
 * Purpose: what a model is written with.
 *
 * Idea: a model is a setup, a few threads and a finish. The checker runs it again and again, each
 * time with another interleaving and other stale values, all of which C11 allows, and looks for:
 * a failed check, a data race on any plain access of the library or the model (both are compiled
 * with the hooks of -fsanitize=thread, see shadow.c), a use after free, a leak, threads that all
 * wait, threads that spin without end.
 *
 * Threads: a model's threads are coroutines; setup and finish run before and after all of them.
 */
#ifndef RV_MODEL_H
#define RV_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

#define RV_MODEL_THREADS 6 /* the first is setup and finish */

struct rv_model {
    const char *name; /* group/what */
    void (*setup)(void);
    void (*thread[RV_MODEL_THREADS - 1])(void);
    void (*finish)(void);
    unsigned flags;
};

enum {
    RV_MODEL_WIDE = 1,      /* drawn only: its interleavings cannot be counted out */
    RV_MODEL_IN_ORDER = 2,  /* no stale values: what it shows holds but for a store buffer's time */
    RV_MODEL_MUST_FAIL = 4  /* an error is built in, which the checker has to find */
};

/* Each models_*.c has one list; main.c knows them. */
struct rv_model_list {
    const struct rv_model *models;
    size_t n;
};

#define RV_MODEL_CHECK(cond, rule)                                                \
    do {                                                                          \
        if (!(cond))                                                              \
            rv_model_fail("%s:%d: %s: %s", __FILE__, __LINE__, #cond, rule);      \
    } while (0)

/* Ends the execution: it is printed with the schedule that leads to it. */
RV_NORETURN RV_PRINTF(1, 2) void rv_model_fail(const char *format, ...);

/* 1, 2 ..: which thread of the model this is; 0 in setup and finish. */
unsigned rv_model_self(void);
/* One more thread, from setup or from a thread; everything before happens before it. */
unsigned rv_model_spawn(void (*fn)(void *), void *arg);
/* Waits for the end of that thread. */
void rv_model_join(unsigned thread);
/* Ends the calling thread. */
RV_NORETURN void rv_model_exit(void);
/* Waits until rv_model_unblock, unless it has come already. A thread that still waits at the end is
 * an error, unless it says here that it may. */
void rv_model_block(bool may_stay);
/* Everything the caller did happens before what that thread does next. */
void rv_model_unblock(unsigned thread);
/* A place where another thread may go on, as before each access of a shared atomic. */
void rv_model_point(const char *site);
/* 0 .. n-1, each of which is explored; the others cost as much as a stale value. */
unsigned rv_model_choose(unsigned n);
/* Does the execution have asymmetric fences? For setup. */
void rv_model_set_fences(bool is_asymmetric);
/* Relaxed loads there may read what another thread stores later, if nothing orders the load before
 * that store: processors other than x86 do that. For setup; at most four ranges. */
void rv_model_read_ahead(const void *from, size_t bytes);
/* Blocks that are not freed at the end are no leak in this execution. */
void rv_model_allow_leaks(void);

/* memset as the kernel's zeroing of fresh memory: no access of a thread. */
void rv_model_fill(void *at, int byte, size_t bytes);

void *rv_model_malloc(size_t bytes);
void *rv_model_calloc(size_t n, size_t bytes);
void *rv_model_realloc(void *block, size_t bytes);
void *rv_model_aligned_alloc(size_t alignment, size_t bytes);
void rv_model_free(void *block);

#endif
