// SPDX-License-Identifier: MIT
// oneTBB's side of skynet: a task for each child.
#include "harness/tbb.hpp"

static long fanout;

static long sky(long first, long leaves)
{
    if (leaves == 1) {
        return first;
    }
    long sums[16] = {0}, part = leaves / fanout, sum = 0;
    tbb::task_group group;
    for (long i = 0; i < fanout; i++) {
        group.run([&sums, i, first, part] { sums[i] = sky(first + i * part, part); });
    }
    group.wait();
    for (long i = 0; i < fanout; i++) {
        sum += sums[i];
    }
    return sum;
}

static long pass(long leaves)
{
    long begin = bench::now_ns(), sum = sky(0, leaves), end = bench::now_ns();
    bench::check(sum == leaves * (leaves - 1) / 2, "sum of the leaves");
    return end - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long leaves = 1;
        fanout = bench::param("FANOUT");
        for (long i = bench::param("DEPTH"); i > 0; i--) {
            leaves *= fanout;
        }
        pass(leaves);
        bench::report_each("plain", "ms", pass(leaves), 1000000);
    });
}
