// SPDX-License-Identifier: MIT
/* Purpose: the floor of a switch: a raw jump to another context and the raw jump back. */
#include "switch/config.h"

#include <stdint.h>
#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"

static void other_main(struct limit_transfer t)
{
    for (;;) {
        ++*(uintptr_t *)t.data;
        t = jump_fcontext(t.from, NULL);
    }
}

/* There and back `rounds` times: two switches each. */
static int64_t pass(void **other, long rounds)
{
    uintptr_t entered = 0;
    int64_t begin = bench_now_ns();
    for (long i = 0; i < rounds; i++) {
        *other = jump_fcontext(*other, &entered).from;
    }
    int64_t end = bench_now_ns();
    bench_check(entered == (uintptr_t)rounds, "jumps");
    return end - begin;
}

int main(int argc, char **argv)
{
    struct limit_stacks stacks;
    bench_init(argc, argv);
    long each = bench_param("YIELDS", YIELDS);
    limit_stacks_map(&stacks, 1, LIMIT_STACK_BYTES);
    void *other = limit_context_make(&stacks, 0, other_main);
    pass(&other, each / 10 + 1);
    bench_report_each("plain", "ns/yield", pass(&other, each), 2 * each);
    limit_stacks_unmap(&stacks);
    return EXIT_SUCCESS;
}
