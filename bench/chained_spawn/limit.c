// SPDX-License-Identifier: MIT
/* Purpose: the floor of a chain: a context makes the next one on the other of two warm stacks and
 * jumps there for good. One thread: a link cannot begin before the one that makes it. */
#include "chained_spawn/config.h"

#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"

struct chain {
    struct limit_stacks stacks;
    void *home;
    long left, ran;
};

static void chain_link(struct limit_transfer t)
{
    struct chain *c = t.data;
    if (c->ran++ == 0) {
        c->home = t.from;
    }
    if (c->left-- == 0) {
        jump_fcontext(c->home, NULL);
    }
    jump_fcontext(limit_context_make(&c->stacks, (size_t)(c->left & 1), chain_link), c);
}

static int64_t pass(struct chain *c, long n)
{
    c->ran = 0;
    c->left = n - 1;
    int64_t begin = bench_now_ns();
    /* The first link makes its successor on stack (n - 2) & 1. */
    jump_fcontext(limit_context_make(&c->stacks, (size_t)((n - 1) & 1), chain_link), c);
    int64_t end = bench_now_ns();
    bench_check(c->ran == n, "a link is missing");
    return end - begin;
}

int main(int argc, char **argv)
{
    struct chain c;
    bench_init(argc, argv);
    long n = bench_param("CHAIN", CHAIN);
    limit_stacks_map(&c.stacks, 2, LIMIT_STACK_BYTES);
    pass(&c, n / 10 + 1);
    bench_report_each("plain", "ns/task", pass(&c, n), n);
    limit_stacks_unmap(&c.stacks);
    return EXIT_SUCCESS;
}
