// SPDX-License-Identifier: MIT
/*
 * Purpose: what a fuzz target of tasks needs: a runtime, and a way to say no.
 *
 * Idea: an input is the argument of one task, which must have given everything back when it ends.
 * With RV_FUZZ_SIM that task is the first of a simulation (rove/sim.h), whose seed is the input's
 * last byte: one to three workers, a clock that jumps, a kernel with manners of its own, and all of
 * it again for the same input. So libFuzzer has it, with which no input waits for another thread
 * or for time to pass. Else a runtime stays from input to input, on the kernel that is there.
 * The same file is linked with libFuzzer, or with replay.c, which feeds it a corpus and numbers.
 */
#ifndef RV_TESTS_FUZZ_TARGET_H
#define RV_TESTS_FUZZ_TARGET_H

#include <rove.h>
#ifdef RV_FUZZ_SIM
#include <rove/sim.h>
#endif

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

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

#ifdef RV_FUZZ_SIM

static inline int rv_target_pair(int fds[2])
{
    return rove_sim_socketpair(fds);
}

static inline void rv_target_run(rove_coro *main, struct rv_input *in)
{
    uint64_t seed = in->size == 0 ? 0 : in->data[in->size - 1];
    rove_sim_report report = {.trouble = ""};
    const rove_sim_options options = {.runtime = {.workers = 1 + (unsigned)seed % 3},
                                      .report = &report};
    int rc = rove_sim_run(seed, &options, main, in);
    if (rc != 0) {
        fprintf(stderr, "simulation: %d: %s\n", rc, report.trouble);
    }
    rv_require(rc == 0, "an input comes to an end, and nothing is left over");
}

#else

static inline int rv_target_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 ? 0 : -errno;
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

#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
