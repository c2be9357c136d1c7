// SPDX-License-Identifier: MIT
// Boost.Fiber's side of mixed.
#include "harness/fiber.hpp"

#include <atomic>

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        std::chrono::milliseconds hog_time(bench::param("HOG_MS"));
        std::chrono::microseconds tick(bench::param("TICK_US"));
        std::size_t tickers = std::size_t(bench::param("TICKERS"));
        std::size_t ticks = std::size_t(bench::param("TICKS"));
        std::vector<long> late(tickers * ticks, 0);
        std::vector<boost::fibers::fiber> fibers;
        std::atomic<bool> is_over{false};
        boost::fibers::fiber hog([&] {
            while (!is_over) {
                auto end = std::chrono::steady_clock::now() + hog_time;
                while (std::chrono::steady_clock::now() < end) {
                }
                boost::this_fiber::yield();
            }
        });
        for (std::size_t t = 0; t < tickers; t++) {
            fibers.emplace_back([&, t] {
                for (std::size_t i = 0; i < ticks; i++) {
                    auto due = std::chrono::steady_clock::now() + tick;
                    boost::this_fiber::sleep_until(due);
                    auto past = std::chrono::steady_clock::now() - due;
                    late[t * ticks + i] = std::chrono::nanoseconds(past).count();
                }
            });
        }
        for (auto &fiber : fibers) {
            fiber.join();
        }
        is_over = true;
        hog.join();
        bench::report_spread("late", late);
    });
}
