// SPDX-License-Identifier: MIT
/* Purpose: the cost of a message there and back between two tasks, unbuffered channels. */
#include "ping_pong/config.h"

#include "harness/rove_main.h"

static rove_chan *there, *back;

static int echo(void *arg, void **result)
{
    long n;
    (void)arg, (void)result;
    while (rove_chan_recv(there, &n) == 0) {
        rove_chan_send(back, &n);
    }
    return 0;
}

static int64_t pass(long trips)
{
    int64_t begin = bench_now_ns();
    for (long i = 0; i < trips; i++) {
        long n = -1;
        rove_chan_send(there, &i);
        rove_chan_recv(back, &n);
        bench_check(n == i, "an answer");
    }
    return bench_now_ns() - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long trips = bench_param("TRIPS", TRIPS);
    there = rove_chan_create(sizeof(long), 0);
    back = rove_chan_create(sizeof(long), 0);
    rove_task *other = rove_create_task(echo, NULL);
    pass(trips / 10 + 1);
    bench_report_each("plain", "ns/round_trip", pass(trips), trips);
    rove_chan_close(there);
    rove_join(other, NULL);
    rove_chan_release(there);
    rove_chan_release(back);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
