// SPDX-License-Identifier: MIT
/* Purpose: the cost of an item through one queue between several who put and several who get. */
#include "queue/config.h"

#include "harness/rove_main.h"

enum { MAX_ENDS = 64 };

static rove_queue *queue;
static long each;

static int sender(void *arg, void **result)
{
    (void)arg, (void)result;
    for (long i = 1; i <= each; i++) {
        rove_queue_put(queue, (void *)(intptr_t)i);
    }
    return 0;
}

static int receiver(void *arg, void **result)
{
    void *item;
    long sum = 0;
    (void)arg;
    while (rove_queue_get(queue, &item) == 0) {
        sum += (long)(intptr_t)item;
    }
    *result = (void *)(intptr_t)sum;
    return 0;
}

static int64_t pass(long senders, long receivers, long transfers)
{
    rove_task *from[MAX_ENDS], *to[MAX_ENDS];
    long sum = 0;
    each = transfers / senders;
    queue = rove_queue_create((size_t)bench_param("BUFFER", BUFFER));
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
    rove_queue_shutdown(queue, false);
    for (long i = 0; i < receivers; i++) {
        void *part = NULL;
        rove_join(to[i], &part);
        sum += (long)(intptr_t)part;
    }
    int64_t end = bench_now_ns();
    bench_check(sum == senders * (each * (each + 1) / 2), "sum of the items");
    rove_queue_destroy(queue);
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
