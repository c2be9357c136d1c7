// SPDX-License-Identifier: MIT
// Boost.Fiber's side of ping_pong.
#include "harness/fiber.hpp"

static boost::fibers::unbuffered_channel<long> there, back;

static long pass(long trips)
{
    long begin = bench::now_ns();
    for (long i = 0; i < trips; i++) {
        there.push(i);
        bench::check(back.value_pop() == i, "an answer");
    }
    return bench::now_ns() - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long trips = bench::param("TRIPS");
        boost::fibers::fiber other([] {
            for (long n : there) {
                back.push(n);
            }
        });
        pass(trips / 10 + 1);
        bench::report_each("plain", "ns/round_trip", pass(trips), trips);
        there.close();
        other.join();
    });
}
