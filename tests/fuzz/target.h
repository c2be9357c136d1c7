// SPDX-License-Identifier: MIT
/*
 * Purpose: what a fuzz target of tasks needs: a runtime that stays, and a way to say no.
 *
 * Idea: an input is the argument of one task, which must have given everything back when it ends.
 * The same file is linked with libFuzzer, or with replay.c, which feeds it a corpus and numbers.
 */
#ifndef RV_TESTS_FUZZ_TARGET_H
#define RV_TESTS_FUZZ_TARGET_H

#include <rove.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct rv_input {
    const uint8_t *data;
    size_t size, at;
};

/* The next byte; 0 when there is none left. */
static inline uint8_t rv_input_take(struct rv_input *in)
{
    return in->at < in->size ? in->data[in->at++] : 0;
}

static inline void rv_require(_Bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "violated: %s\n", what);
        abort();
    }
}

static rove_runtime *rv_target_runtime;

static inline void rv_target_stop(void)
{
    rv_require(rove_runtime_stop(rv_target_runtime, 0) == 0, "a runtime stops");
}

/* One worker: the same input takes the same way each time. */
static inline void rv_target_run(rove_coro *main, struct rv_input *in)
{
    if (rv_target_runtime == NULL) {
        const rove_options options = {.workers = 1};
        rv_require(rove_runtime_start(&options, &rv_target_runtime) == 0, "a runtime starts");
        rv_require(atexit(rv_target_stop) == 0, "it is stopped at the end");
    }
    rove_runtime *runtime = rv_target_runtime;
    rove_task *t = rove_submit(runtime, main, in);
    rv_require(t != NULL, "a task is made");
    int rc = rove_wait_blocking(t, ROVE_SEC(5), NULL); /* an input takes a millisecond */
    if (rc == -ETIMEDOUT) {
        (void)rove_print_call_graph(runtime, stderr);
    }
    rv_require(rc == 0, "an input comes to an end");
    rove_release(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
