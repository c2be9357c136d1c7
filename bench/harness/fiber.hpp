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

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace bench {

inline int count;
inline char **values;

inline void check(bool is_right, const char *what)
{
    if (!is_right) {
        std::fprintf(stderr, "wrong: %s\n", what);
        std::exit(1);
    }
}

inline long param(const char *name)
{
    std::size_t bytes = std::strlen(name);
    for (int i = 2; i < count; i++) {
        if (std::strncmp(values[i], name, bytes) == 0 && values[i][bytes] == '=') {
            return std::strtol(values[i] + bytes + 1, nullptr, 10);
        }
    }
    check(false, name);
    return 0;
}

inline long now_ns()
{
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline void report_each(const char *metric, const char *unit, long total, long n)
{
    std::printf("%s %s %.6g\n", metric, unit, double(total) / double(n));
}

template <typename Measure> int run(int argc, char **argv, Measure measure)
{
    count = argc;
    values = argv;
    unsigned workers = unsigned(std::atoi(argv[1]));
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
