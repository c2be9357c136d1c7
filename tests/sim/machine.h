// SPDX-License-Identifier: MIT
/*
 * Purpose: a body on a simulated machine, for tests of the machine's own parts.
 * Idea:    cmocka's asserts jump off the virtual thread's stack: in a body use RV_SEE, which prints
 *          and counts; the run fails the test afterwards.
 */
#ifndef RV_TESTS_SIM_MACHINE_H
#define RV_TESTS_SIM_MACHINE_H

#include "core/sim.h"
#include "io/ring_sim.h"
#include "io/sim_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static unsigned rv_machine_failures;

static inline void rv_machine_see(const char *file, int line, const char *what, bool holds)
{
    if (!holds) {
        printf("%s:%d: expected: %s\n", file, line, what);
        rv_machine_failures++;
    }
}

#define RV_SEE(cond) rv_machine_see(__FILE__, __LINE__, #cond, (cond))

/* Runs body with this seed; what the run came to. */
static inline struct rv_sim_outcome rv_machine_try(uint64_t seed, bool has_faults,
                                                   void (*body)(void *ctx), void *ctx)
{
    const struct rv_sim_config config = {.seed = seed};
    struct rv_sim_outcome outcome;
    rv_sim_file_reset();
    rv_sim_file_set_faults(has_faults);
    rv_ring_sim_reset();
    assert_int_equal(rv_sim_run(&config, body, ctx, &outcome), 0);
    if (rv_machine_failures > 0) {
        rv_machine_failures = 0;
        fail_msg("seed %llu: see above", (unsigned long long)seed);
    }
    return outcome;
}

/* .. with many seeds, each to its end. */
static inline void rv_machine_run(unsigned seeds, bool has_faults, void (*body)(void *ctx),
                                  void *ctx)
{
    for (uint64_t seed = 0; seed < seeds; seed++) {
        struct rv_sim_outcome outcome = rv_machine_try(seed, has_faults, body, ctx);
        if (outcome.error != 0)
            fail_msg("seed %llu: %s", (unsigned long long)seed, outcome.text);
    }
}

#endif
