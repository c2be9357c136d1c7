// SPDX-License-Identifier: MIT
/* Purpose: the floor of a yield: contexts in a ring, each jumps to the next; nothing is queued.
 * Each thread has its share of the ring, and shares nothing. */
#include "yield_many/config.h"

#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"

struct ring {
    void **contexts;
    size_t count, at;
    long jumps_left;
    void *home;
};

/* In each context: note where the jump came from, jump on. */
static void spin(struct limit_transfer t)
{
    struct ring *r = t.data;
    for (;;) {
        size_t before = r->at == 0 ? r->count - 1 : r->at - 1;
        if (r->home) {
            r->contexts[before] = t.from;
        } else {
            r->home = t.from; /* the first jump came from outside the ring */
        }
        if (r->jumps_left-- == 0) {
            jump_fcontext(r->home, NULL);
        }
        r->at = r->at + 1 == r->count ? 0 : r->at + 1;
        t = jump_fcontext(r->contexts[r->at], r);
    }
}

static void part(void *arg, unsigned i)
{
    const long *size = arg; /* tasks and yields of one thread */
    struct limit_stacks stacks;
    struct ring r = {.count = (size_t)size[0], .jumps_left = size[0] * size[1]};
    (void)i;
    limit_stacks_map(&stacks, r.count, LIMIT_STACK_BYTES);
    r.contexts = bench_alloc(r.count, sizeof *r.contexts);
    for (size_t c = 0; c < r.count; c++) {
        r.contexts[c] = limit_context_make(&stacks, c, spin);
    }
    jump_fcontext(r.contexts[0], &r);
    bench_check(r.jumps_left == -1, "the ring stopped early");
    free(r.contexts);
    limit_stacks_unmap(&stacks);
}

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    long workers = (long)bench_workers();
    long size[2] = {bench_param("TASKS", TASKS) / workers, bench_param("YIELDS", YIELDS)};
    long warm[2] = {size[0], size[1] / 10 + 1};
    limit_threads_run(part, warm);
    int64_t ns = limit_threads_run(part, size);
    bench_report_each("plain", "ns/yield", ns, size[0] * size[1] * workers);
    return EXIT_SUCCESS;
}
