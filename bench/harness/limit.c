// SPDX-License-Identifier: MIT
/* Purpose: raw contexts, stacks and threads for the limits; see limit.h. */
#include "harness/limit.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "harness/bench.h"

enum { COLOURS = 48, PAGE = 4096, MAX_THREADS = 64 };

void limit_stacks_map(struct limit_stacks *s, size_t count, size_t stride)
{
    s->count = count;
    s->stride = stride;
    s->base = mmap(NULL, count * stride, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bench_check(s->base != MAP_FAILED, "no memory for stacks");
    madvise(s->base, count * stride, MADV_NOHUGEPAGE);
}

void limit_stacks_unmap(struct limit_stacks *s)
{
    munmap(s->base, s->count * s->stride);
}

char *limit_stack_top(const struct limit_stacks *s, size_t i)
{
    return s->base + (i + 1) * s->stride - i % COLOURS * 64;
}

void *limit_context_make(const struct limit_stacks *s, size_t i, void (*fn)(struct limit_transfer))
{
    return make_fcontext(limit_stack_top(s, i), s->stride - PAGE, fn);
}

struct part {
    limit_part *fn;
    void *arg;
    unsigned i;
    pthread_barrier_t *start;
    int64_t begin, end;
};

static void *part_main(void *arg)
{
    struct part *p = arg;
    pthread_barrier_wait(p->start);
    p->begin = bench_now_ns();
    p->fn(p->arg, p->i);
    p->end = bench_now_ns();
    return NULL;
}

int64_t limit_threads_run(limit_part *fn, void *arg)
{
    struct part parts[MAX_THREADS];
    pthread_t threads[MAX_THREADS];
    pthread_barrier_t start;
    unsigned n = bench_workers();
    bench_check(n <= MAX_THREADS, "too many workers");
    pthread_barrier_init(&start, NULL, n);
    for (unsigned i = 0; i < n; i++) {
        parts[i] = (struct part){.fn = fn, .arg = arg, .i = i, .start = &start};
        bench_check(pthread_create(&threads[i], NULL, part_main, &parts[i]) == 0, "no thread");
    }
    int64_t begin = INT64_MAX, end = 0;
    for (unsigned i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        begin = parts[i].begin < begin ? parts[i].begin : begin;
        end = parts[i].end > end ? parts[i].end : end;
    }
    pthread_barrier_destroy(&start);
    return end - begin;
}
