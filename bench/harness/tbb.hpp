// SPDX-License-Identifier: MIT
/* Purpose: what every benchmark program on oneTBB shares; harness/bench.h says what the arguments
 * mean. Its tasks cannot wait for anything but their children. */
#ifndef BENCH_HARNESS_TBB_HPP
#define BENCH_HARNESS_TBB_HPP

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include "harness/bench.hpp"

namespace bench {

/* Runs the measuring function in an arena of as many threads as there are workers. */
template <typename Measure> int run(int argc, char **argv, Measure measure)
{
    count = argc;
    values = argv;
    tbb::global_control limit(tbb::global_control::max_allowed_parallelism, workers());
    tbb::task_arena arena{int(workers())};
    arena.execute(measure);
    return 0;
}

} // namespace bench

#endif
