// SPDX-License-Identifier: MIT
/* Purpose: the cost of a message through one channel between several senders and receivers. */
#include "channel/config.h"

#include "harness/rove_main.h"

enum { MAX_ENDS = 64 };

static rove_chan *chan;
static long each;

static int sender(void *arg, void **result)
{
    (void)arg, (void)result;
    for (long i = 1; i <= each; i++) {
        rove_chan_send(chan, &i);
    }
    return 0;
}

static int receiver(void *arg, void **result)
{
    long n, sum = 0;
    (void)arg;
    while (rove_chan_recv(chan, &n) == 0) {
        sum += n;
    }
    *result = (void *)(intptr_t)sum;
    return 0;
}

static int64_t pass(long senders, long receivers, long transfers)
{
    rove_task *from[MAX_ENDS], *to[MAX_ENDS];
    long sum = 0;
    each = transfers / senders;
    chan = rove_chan_create(sizeof(long), (size_t)bench_param("BUFFER", BUFFER));
    int64_t begin = bench_now_ns();
    for (long i = 0; i < receivers; i++) {
        to[i] = rove_create_task(receiver, NULL);
    }
    for (long i = 0; i < senders; i++) {
        from[i] = rove_create_task(sender, NULL);
    }
    for (long i = 0; i < senders; i++) {
        rove_join(from[i], NULL);
    }
    rove_chan_close(chan);
    for (long i = 0; i < receivers; i++) {
        void *part = NULL;
        rove_join(to[i], &part);
        sum += (long)(intptr_t)part;
    }
    int64_t end = bench_now_ns();
    bench_check(sum == senders * (each * (each + 1) / 2), "sum of the messages");
    rove_chan_release(chan);
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long senders = bench_param("SENDERS", SENDERS), receivers = bench_param("RECEIVERS", RECEIVERS);
    long transfers = bench_param("TRANSFERS", TRANSFERS);
    bench_check(senders <= MAX_ENDS && receivers <= MAX_ENDS, "too many ends");
    pass(senders, receivers, transfers / 10 + senders);
    int64_t ns = pass(senders, receivers, transfers); /* sets each */
    bench_report_each("plain", "ns/message", ns, each * senders);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
