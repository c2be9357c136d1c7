// SPDX-License-Identifier: MIT
// Boost.Fiber's side of yield_many.
#include "harness/fiber.hpp"

static long pass(long n, long each)
{
    std::vector<boost::fibers::fiber> fibers;
    long begin = bench::now_ns();
    for (long i = 0; i < n; i++) {
        fibers.emplace_back([each] {
            for (long k = 0; k < each; k++) {
                boost::this_fiber::yield();
            }
        });
    }
    for (auto &fiber : fibers) {
        fiber.join();
    }
    return bench::now_ns() - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long n = bench::param("TASKS"), each = bench::param("YIELDS");
        pass(n, each / 10 + 1);
        bench::report_each("plain", "ns/yield", pass(n, each), n * each);
    });
}
