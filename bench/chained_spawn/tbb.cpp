// SPDX-License-Identifier: MIT
// oneTBB's side of chained_spawn: a group, whose wait ends with the last.
#include "harness/tbb.hpp"

#include <atomic>

struct chain {
    std::atomic<long> ran{0};
    tbb::task_group group;
};

static void link_to(chain &c, long left)
{
    c.group.run([&c, left] {
        c.ran.fetch_add(1, std::memory_order_relaxed);
        if (left > 0) {
            link_to(c, left - 1);
        }
    });
}

static long pass(long n)
{
    chain c;
    long begin = bench::now_ns();
    link_to(c, n - 1);
    c.group.wait();
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
