// SPDX-License-Identifier: MIT
/* Purpose: the floor of a message on one thread: one context fills the ring, jumps, the other
 * empties it, jumps. No lock, no queue of waiters, two jumps a buffer; without a buffer, a message.
 * And the same with a futex lock taken and freed for each send and each receive ("locked"): what a
 * ring costs that others might use, before anybody does or waits. */
#include "channel/config.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"

struct ring {
    volatile long *slots; /* volatile: each message is really stored and loaded */
    long capacity, sum;
    _Alignas(64) atomic_uint word; /* of the lock: nobody else ever wants it, so nobody sleeps */
};

static inline void lock(struct ring *r, bool is_locked)
{
    unsigned is_free = 0;
    if (is_locked && !atomic_compare_exchange_strong_explicit(&r->word, &is_free, 1,
                                                              memory_order_acquire,
                                                              memory_order_relaxed)) {
        abort();
    }
}

/* An exchange, as it must be to learn who sleeps. */
static inline void unlock(struct ring *r, bool is_locked)
{
    if (is_locked && atomic_exchange_explicit(&r->word, 0, memory_order_release) != 1) {
        abort();
    }
}

/* Inlined, so that there are two loops, of which one knows no lock. */
__attribute__((always_inline)) static inline void empty(struct ring *r, bool is_locked)
{
    for (long i = 0; i < r->capacity; i++) {
        lock(r, is_locked);
        r->sum += r->slots[i];
        unlock(r, is_locked);
    }
}

__attribute__((always_inline)) static inline long fill(struct ring *r, long sent, bool is_locked)
{
    for (long i = 0; i < r->capacity; i++) {
        lock(r, is_locked);
        r->slots[i] = ++sent;
        unlock(r, is_locked);
    }
    return sent;
}

static void receiver(struct limit_transfer t)
{
    for (;;) {
        empty(t.data, false);
        t = jump_fcontext(t.from, NULL);
    }
}

static void locked_receiver(struct limit_transfer t)
{
    for (;;) {
        empty(t.data, true);
        t = jump_fcontext(t.from, NULL);
    }
}

static int64_t pass(struct ring *r, const struct limit_stacks *stacks, long transfers,
                    bool is_locked)
{
    void *other = limit_context_make(stacks, 0, is_locked ? locked_receiver : receiver);
    long sent = 0;
    r->sum = 0;
    int64_t begin = bench_now_ns();
    while (sent < transfers) {
        sent = is_locked ? fill(r, sent, true) : fill(r, sent, false);
        other = jump_fcontext(other, r).from;
    }
    int64_t end = bench_now_ns();
    bench_check(r->sum == sent * (sent + 1) / 2, "sum of the messages");
    return (end - begin) * transfers / sent; /* the last buffer may hold more than was asked */
}

int main(int argc, char **argv)
{
    struct limit_stacks stacks;
    bench_init(argc, argv);
    struct ring r = {.capacity = bench_param("BUFFER", BUFFER)};
    r.capacity = r.capacity > 0 ? r.capacity : 1;
    long transfers = bench_param("TRANSFERS", TRANSFERS);
    r.slots = bench_alloc((size_t)r.capacity, sizeof *r.slots);
    limit_stacks_map(&stacks, 1, LIMIT_STACK_BYTES);
    pass(&r, &stacks, transfers / 10 + 1, false);
    bench_report_each("plain", "ns/message", pass(&r, &stacks, transfers, false), transfers);
    bench_report_each("locked", "ns/message", pass(&r, &stacks, transfers, true), transfers);
    limit_stacks_unmap(&stacks);
    free((void *)r.slots);
    return EXIT_SUCCESS;
}
