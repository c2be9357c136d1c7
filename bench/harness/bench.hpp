// SPDX-License-Identifier: MIT
/* Purpose: what every benchmark program in C++ shares; harness/bench.h says what the arguments
 * mean. */
#ifndef BENCH_HARNESS_BENCH_HPP
#define BENCH_HARNESS_BENCH_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
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

inline unsigned workers()
{
    return unsigned(std::atoi(values[1]));
}

inline long now_ns()
{
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline void report_each(const char *metric, const char *unit, long total, long n)
{
    std::printf("%s %s %.6g\n", metric, unit, double(total) / double(n));
}

inline void report_spread(const std::string &name, std::vector<long> &ns)
{
    std::sort(ns.begin(), ns.end());
    std::size_t n = ns.size();
    report_each((name + "_p50").c_str(), "us", ns[n / 2], 1000);
    report_each((name + "_p99").c_str(), "us", ns[n - 1 - n / 100], 1000);
    report_each((name + "_max").c_str(), "us", ns[n - 1], 1000);
}

} // namespace bench

#endif
