// SPDX-License-Identifier: MIT
/*
 * Purpose: a runtime in small, for models of its life and of who comes from outside.
 *
 * Idea: a worker here is the loop of sched/worker.c in small: it takes what is injected and runs it
 * to its end on its own stack, or announces itself and sleeps. Everything else is the library's.
 * The runtime is freed at the end of a stop, so whoever still uses it is found.
 *
 * Threads: each worker is one that rove_runtime_start makes; the rest on any other.
 */
#ifndef RV_MODEL_SMALL_H
#define RV_MODEL_SMALL_H

#include "sched/runtime.h"

extern struct rv_small {
    rove_runtime *made;
    unsigned outside;  /* a thread from outside; 0: none */
    bool must_outlive; /* the runtime stays until that has ended */
    int start_error;   /* of the back-end on each worker */
    unsigned logged;
} rv_small;

/* In setup. Threads 1 .. n are workers of another runtime. */
void rv_small_begin(unsigned n);
/* For options.log: counts. */
void rv_small_log(void *ctx, int level, const char *message);
void rv_small_start(unsigned workers);
/* False: it has given up, as all of its patience passed before the others did anything. */
bool rv_small_stop(rove_duration grace);

#endif
