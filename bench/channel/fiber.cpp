// SPDX-License-Identifier: MIT
// Boost.Fiber's side of channel. Its buffered_channel keeps one slot free, and its sizes are powers
// of two: 64 hold 63. Without a buffer it is another class.
#include "harness/fiber.hpp"

template <typename Channel> static long receive_all(Channel &c)
{
    long sum = 0, n = 0;
    while (c.pop(n) == boost::fibers::channel_op_status::success) {
        sum += n;
    }
    return sum;
}

template <typename Channel>
static long pass_through(Channel &c, long senders, long receivers, long transfers)
{
    std::vector<boost::fibers::fiber> from, to;
    std::vector<long> sums(std::size_t(receivers), 0);
    long each = transfers / senders, sum = 0, begin = bench::now_ns();
    for (long i = 0; i < receivers; i++) {
        to.emplace_back([&c, &sums, i] { sums[std::size_t(i)] = receive_all(c); });
    }
    for (long i = 0; i < senders; i++) {
        from.emplace_back([&c, each] {
            for (long k = 1; k <= each; k++) {
                c.push(k);
            }
        });
    }
    for (auto &fiber : from) {
        fiber.join();
    }
    c.close();
    for (auto &fiber : to) {
        fiber.join();
    }
    long end = bench::now_ns();
    for (long part : sums) {
        sum += part;
    }
    bench::check(sum == senders * (each * (each + 1) / 2), "sum of the messages");
    return end - begin;
}

static long pass(long senders, long receivers, long transfers)
{
    std::size_t buffer = std::size_t(bench::param("BUFFER"));
    if (buffer == 0) {
        boost::fibers::unbuffered_channel<long> c;
        return pass_through(c, senders, receivers, transfers);
    }
    boost::fibers::buffered_channel<long> c{buffer};
    return pass_through(c, senders, receivers, transfers);
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        long senders = bench::param("SENDERS"), receivers = bench::param("RECEIVERS");
        long n = bench::param("TRANSFERS");
        pass(senders, receivers, n / 10 + senders);
        bench::report_each("plain", "ns/message", pass(senders, receivers, n),
                           n / senders * senders);
    });
}
