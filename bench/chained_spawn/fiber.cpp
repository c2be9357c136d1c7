// SPDX-License-Identifier: MIT
// Boost.Fiber's side of chained_spawn.
#include "harness/fiber.hpp"

struct chain {
    long ran = 0; // one link runs at a time, each after the one before
    boost::fibers::promise<void> ended;
};

static void link_to(chain &c, long left)
{
    boost::fibers::fiber(boost::fibers::launch::post, [&c, left] {
        c.ran++;
        if (left == 0) {
            c.ended.set_value();
        } else {
            link_to(c, left - 1);
        }
    }).detach();
}

static long pass(long n)
{
    chain c;
    auto ended = c.ended.get_future();
    long begin = bench::now_ns();
    link_to(c, n - 1);
    ended.get();
    long end = bench::now_ns();
    bench::check(c.ran == n, "a link is missing");
    return end - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long n = bench::param("CHAIN");
        pass(n / 10 + 1);
        bench::report_each("plain", "ns/task", pass(n), n);
    });
}
