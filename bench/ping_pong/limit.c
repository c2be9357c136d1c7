// SPDX-License-Identifier: MIT
/* Purpose: the floor of a message there and back: two jumps that carry the value. More threads do
 * not help: there is one message. */
#include "ping_pong/config.h"

#include <stdint.h>
#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"

static void echo(struct limit_transfer t)
{
    for (;;) {
        t = jump_fcontext(t.from, t.data);
    }
}

static int64_t pass(void **other, long trips)
{
    int64_t begin = bench_now_ns();
    for (long i = 0; i < trips; i++) {
        struct limit_transfer t = jump_fcontext(*other, (void *)(intptr_t)i);
        *other = t.from;
        bench_check((intptr_t)t.data == i, "an answer");
    }
    return bench_now_ns() - begin;
}

int main(int argc, char **argv)
{
    struct limit_stacks stacks;
    bench_init(argc, argv);
    long trips = bench_param("TRIPS", TRIPS);
    limit_stacks_map(&stacks, 1, LIMIT_STACK_BYTES);
    void *other = limit_context_make(&stacks, 0, echo);
    pass(&other, trips / 10 + 1);
    bench_report_each("plain", "ns/round_trip", pass(&other, trips), trips);
    limit_stacks_unmap(&stacks);
    return EXIT_SUCCESS;
}
