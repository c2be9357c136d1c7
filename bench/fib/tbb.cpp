// SPDX-License-Identifier: MIT
// oneTBB's side of fib: a task_group for each call.
#include "harness/tbb.hpp"

static long fib(long n)
{
    if (n < 2) {
        return n;
    }
    long a = 0, b = 0;
    tbb::task_group group;
    group.run([&] { a = fib(n - 1); });
    b = fib(n - 2);
    group.wait();
    return a + b;
}

static long pass(long n)
{
    long a = 0, b = 1;
    for (long i = 0; i < n; i++) {
        long next = a + b;
        a = b;
        b = next;
    }
    long begin = bench::now_ns(), value = fib(n), end = bench::now_ns();
    bench::check(value == a, "fib");
    return end - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long n = bench::param("N");
        pass(n > 20 ? n - 4 : n);
        bench::report_each("plain", "ms", pass(n), 1000000);
    });
}
