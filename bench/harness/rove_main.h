// SPDX-License-Identifier: MIT
/* Purpose: run a benchmark's first task in a runtime of as many workers as were asked for. */
#ifndef BENCH_HARNESS_ROVE_MAIN_H
#define BENCH_HARNESS_ROVE_MAIN_H

#include <rove.h>
#include <stdlib.h>

#include "harness/bench.h"

static inline int bench_rove_main(int argc, char **argv, rove_coro *measure)
{
    bench_init(argc, argv);
    rove_options options = {.workers = bench_workers()};
    int rc = rove_run_with(&options, measure, NULL, NULL);
    bench_check(rc == 0, "the measuring task failed");
    return EXIT_SUCCESS;
}

#endif
