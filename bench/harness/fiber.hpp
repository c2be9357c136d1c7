// SPDX-License-Identifier: MIT
/*
 * Purpose: what every benchmark program on Boost.Fiber shares; harness/bench.h says what the
 *          arguments mean.
 * Idea:    one worker keeps the library's default, which never leaves its thread; several use its
 *          work stealing, whose threads begin and end together.
 */
#ifndef BENCH_HARNESS_FIBER_HPP
#define BENCH_HARNESS_FIBER_HPP

#include <boost/fiber/all.hpp>

#include <thread>
#include <vector>

#include "harness/bench.hpp"

namespace bench {

template <typename Measure> int run(int argc, char **argv, Measure measure)
{
    count = argc;
    values = argv;
    unsigned workers = bench::workers();
    if (workers == 1) {
        measure();
        return 0;
    }
    boost::fibers::mutex mutex;
    boost::fibers::condition_variable_any ended;
    bool is_over = false;
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < workers; i++) {
        threads.emplace_back([&] {
            boost::fibers::use_scheduling_algorithm<boost::fibers::algo::work_stealing>(workers,
                                                                                        true);
            std::unique_lock<boost::fibers::mutex> lock(mutex);
            ended.wait(lock, [&] { return is_over; });
        });
    }
    boost::fibers::use_scheduling_algorithm<boost::fibers::algo::work_stealing>(workers, true);
    measure();
    mutex.lock();
    is_over = true;
    mutex.unlock();
    ended.notify_all();
    for (auto &thread : threads) {
        thread.join();
    }
    return 0;
}

} // namespace bench

#endif
