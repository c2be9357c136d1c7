// SPDX-License-Identifier: MIT
// oneTBB's side of spawn_many.
#include "harness/tbb.hpp"

#include <atomic>

static std::atomic<long> ran;

static long pass(long n)
{
    ran = 0;
    long begin = bench::now_ns();
    tbb::task_group group;
    for (long i = 0; i < n; i++) {
        group.run([] { ran.fetch_add(1, std::memory_order_relaxed); });
    }
    group.wait();
    long end = bench::now_ns();
    bench::check(ran == n, "a task did not run");
    return end - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long n = bench::param("TASKS"), rounds = bench::param("ROUNDS"), total = 0;
        pass(n);
        for (long i = 0; i < rounds; i++) {
            total += pass(n);
        }
        bench::report_each("plain", "ns/task", total, n * rounds);
    });
}
