// SPDX-License-Identifier: MIT
/* Purpose: the floor of many tasks alive at once: a context made on each of as many stacks, then
 * each entered and left. The stacks were touched before, as a runtime's are after its first round.
 * Each thread has its share. */
#include "spawn_many/config.h"

#include <stdint.h>
#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"

struct share {
    struct limit_stacks stacks;
    void **contexts;
    uintptr_t sum;
};

static struct share *shares;

static void child(struct limit_transfer t)
{
    ++*(uintptr_t *)t.data;
    jump_fcontext(t.from, NULL);
}

static void part(void *arg, unsigned i)
{
    struct share *s = &shares[i];
    long rounds = *(long *)arg;
    for (long round = 0; round < rounds; round++) {
        for (size_t c = 0; c < s->stacks.count; c++) {
            s->contexts[c] = limit_context_make(&s->stacks, c, child);
        }
        for (size_t c = 0; c < s->stacks.count; c++) {
            jump_fcontext(s->contexts[c], &s->sum);
        }
    }
}

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    unsigned workers = bench_workers();
    long n = bench_param("TASKS", TASKS) / (long)workers, once = 1;
    long rounds = bench_param("ROUNDS", ROUNDS);
    shares = bench_alloc(workers, sizeof *shares);
    for (unsigned i = 0; i < workers; i++) {
        limit_stacks_map(&shares[i].stacks, (size_t)n, LIMIT_STACK_BYTES);
        shares[i].contexts = bench_alloc((size_t)n, sizeof(void *));
    }
    limit_threads_run(part, &once);
    int64_t ns = limit_threads_run(part, &rounds);
    for (unsigned i = 0; i < workers; i++) {
        bench_check(shares[i].sum == (uintptr_t)(n * (rounds + 1)), "calls");
    }
    bench_report_each("plain", "ns/task", ns, n * rounds * (long)workers);
    return EXIT_SUCCESS;
}
