// SPDX-License-Identifier: MIT
/* Purpose: the floor of a message on one thread: one context fills the ring, jumps, the other
 * empties it, jumps. No lock, no queue of waiters, two jumps a buffer; without a buffer, a message.
 */
#include "channel/config.h"

#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"

struct ring {
    volatile long *slots; /* volatile: each message is really stored and loaded */
    long capacity, sum;
};

static void receiver(struct limit_transfer t)
{
    for (;;) {
        struct ring *r = t.data;
        for (long i = 0; i < r->capacity; i++) {
            r->sum += r->slots[i];
        }
        t = jump_fcontext(t.from, NULL);
    }
}

static int64_t pass(struct ring *r, const struct limit_stacks *stacks, long transfers,
                    long *all_sent)
{
    void *other = limit_context_make(stacks, 0, receiver);
    long sent = 0;
    r->sum = 0;
    int64_t begin = bench_now_ns();
    while (sent < transfers) {
        for (long i = 0; i < r->capacity; i++) {
            r->slots[i] = ++sent;
        }
        other = jump_fcontext(other, r).from;
    }
    int64_t end = bench_now_ns();
    bench_check(r->sum == sent * (sent + 1) / 2, "sum of the messages");
    *all_sent = sent;
    return end - begin;
}

int main(int argc, char **argv)
{
    struct limit_stacks stacks;
    bench_init(argc, argv);
    struct ring r = {.capacity = bench_param("BUFFER", BUFFER)};
    r.capacity = r.capacity > 0 ? r.capacity : 1;
    long transfers = bench_param("TRANSFERS", TRANSFERS), sent;
    r.slots = bench_alloc((size_t)r.capacity, sizeof *r.slots);
    limit_stacks_map(&stacks, 1, LIMIT_STACK_BYTES);
    pass(&r, &stacks, transfers / 10 + 1, &sent);
    int64_t ns = pass(&r, &stacks, transfers, &sent);
    bench_report_each("plain", "ns/message", ns, sent);
    limit_stacks_unmap(&stacks);
    free((void *)r.slots);
    return EXIT_SUCCESS;
}
