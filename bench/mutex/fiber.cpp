// SPDX-License-Identifier: MIT
// Boost.Fiber's side of mutex.
#include "harness/fiber.hpp"

static long pass(long n, long each)
{
    std::vector<boost::fibers::fiber> fibers;
    boost::fibers::mutex mutex;
    long counter = 0, begin = bench::now_ns();
    for (long i = 0; i < n; i++) {
        fibers.emplace_back([&, each] {
            for (long k = 0; k < each; k++) {
                mutex.lock();
                counter++;
                mutex.unlock();
            }
        });
    }
    for (auto &fiber : fibers) {
        fiber.join();
    }
    long end = bench::now_ns();
    bench::check(counter == n * each, "a lock that does not exclude");
    return end - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long n = bench::param("TASKS"), each = bench::param("LOCKS") / n;
        pass(n, each / 10 + 1);
        bench::report_each("plain", "ns/lock", pass(n, each), n * each);
    });
}
