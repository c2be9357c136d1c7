// SPDX-License-Identifier: MIT
// Boost.Fiber's side of mixed.
#include "harness/fiber.hpp"

#include <atomic>

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        std::chrono::milliseconds hog_time(bench::param("HOG_MS"));
        std::chrono::microseconds tick(bench::param("TICK_US"));
        std::vector<long> late(std::size_t(bench::param("TICKS")), 0);
        std::atomic<bool> is_over{false};
        boost::fibers::fiber hog([&] {
            while (!is_over) {
                auto end = std::chrono::steady_clock::now() + hog_time;
                while (std::chrono::steady_clock::now() < end) {
                }
                boost::this_fiber::yield();
            }
        });
        for (long &ns : late) {
            auto due = std::chrono::steady_clock::now() + tick;
            boost::this_fiber::sleep_until(due);
            ns = std::chrono::nanoseconds(std::chrono::steady_clock::now() - due).count();
        }
        is_over = true;
        hog.join();
        bench::report_spread("late", late);
    });
}
