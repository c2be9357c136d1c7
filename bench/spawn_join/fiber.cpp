// SPDX-License-Identifier: MIT
// Boost.Fiber's side of spawn_join: its launch::dispatch is an eager start.
#include "harness/fiber.hpp"

static long pass(long n, boost::fibers::launch policy)
{
    long sum = 0, begin = bench::now_ns();
    for (long i = 0; i < n; i++) {
        boost::fibers::fiber(policy, [&sum, i] { sum += i; }).join();
    }
    long end = bench::now_ns();
    bench::check(sum == n * (n - 1) / 2, "sum of results");
    return end - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long n = bench::param("TASKS");
        pass(n / 10 + 1, boost::fibers::launch::post);
        bench::report_each("plain", "ns/task", pass(n, boost::fibers::launch::post), n);
        bench::report_each("eager", "ns/task", pass(n, boost::fibers::launch::dispatch), n);
    });
}
