// SPDX-License-Identifier: MIT
// Boost.Fiber's side of spawn_many. Its stacks come from malloc, which maps each of them alone:
// more than about 65,000 at once are more mappings than Linux allows, so they are small and pooled.
#include "harness/fiber.hpp"

static long pass(long n)
{
    static boost::fibers::pooled_fixedsize_stack stacks(16 * 1024, 1024); // warm in later passes
    std::vector<boost::fibers::fiber> fibers;
    std::vector<long> results(std::size_t(n), 0);
    long sum = 0;
    fibers.reserve(std::size_t(n));
    long begin = bench::now_ns();
    for (long i = 0; i < n; i++) {
        fibers.emplace_back(boost::fibers::launch::post, std::allocator_arg, stacks,
                            [&results, i] { results[std::size_t(i)] = i; });
    }
    for (auto &fiber : fibers) {
        fiber.join();
    }
    for (long result : results) {
        sum += result;
    }
    long end = bench::now_ns();
    bench::check(sum == n * (n - 1) / 2, "sum of results");
    return end - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long n = bench::param("TASKS"), rounds = bench::param("ROUNDS"), ns = 0;
        pass(n);
        for (long i = 0; i < rounds; i++) {
            ns += pass(n);
        }
        bench::report_each("plain", "ns/task", ns, n * rounds);
    });
}
