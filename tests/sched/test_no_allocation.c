// SPDX-License-Identifier: MIT
/*
 * Purpose: no primitive allocates, however many wait: not to lock, wait, send, receive or select.
 * Idea:    the C library's allocators are wrapped (-Wl,--wrap) and counted. A few tasks go again
 *          and again through a list of steps in which they get into each other's way; the second
 *          half is counted. A queue may allocate when it grows, and has grown by then.
 * Threads: the one worker's; an allocation on another thread would be counted too.
 */
#include "support/fixture.h"

#include "core/atomic.h"

#include <stdlib.h>

enum { TASKS = 6, ROUNDS = 20, CASES = 8 };

static RV_ATOMIC(unsigned long) allocations;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    (void)rv_fetch_add_relaxed(&allocations, 1ul);
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    (void)rv_fetch_add_relaxed(&allocations, 1ul);
    return __real_calloc(n, bytes);
}

void *__wrap_realloc(void *block, size_t bytes)
{
    (void)rv_fetch_add_relaxed(&allocations, 1ul);
    return __real_realloc(block, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    (void)rv_fetch_add_relaxed(&allocations, 1ul);
    return __real_aligned_alloc(alignment, bytes);
}

static struct all {
    rove_mutex mutex;
    rove_rwlock rwlock;
    rove_event event;
    rove_cond cond;
    rove_semaphore semaphore;
    rove_barrier barrier;
    rove_once once;
    rove_queue *queue;
    rove_chan *rendezvous, *buffered;
    rove_local local;
} all;

static int lock_all(void)
{
    RV_REQUIRE_EQ(rove_mutex_lock(&all.mutex), 0);
    RV_REQUIRE_EQ(rove_yield(), 0);
    rove_mutex_unlock(&all.mutex);
    RV_REQUIRE_EQ(rove_rwlock_rdlock(&all.rwlock), 0);
    RV_REQUIRE_EQ(rove_yield(), 0);
    rove_rwlock_unlock(&all.rwlock);
    RV_REQUIRE_EQ(rove_rwlock_wrlock(&all.rwlock), 0);
    RV_REQUIRE_EQ(rove_yield(), 0);
    rove_rwlock_unlock(&all.rwlock);
    RV_REQUIRE_EQ(rove_semaphore_acquire(&all.semaphore), 0);
    RV_REQUIRE_EQ(rove_yield(), 0);
    RV_REQUIRE_EQ(rove_semaphore_release(&all.semaphore), 0);
    return 0;
}

static int do_nothing(RV_UNUSED void *ctx)
{
    return rove_yield();
}

static int meet_all(long number)
{
    RV_REQUIRE_EQ(rove_once_call(&all.once, do_nothing, NULL), 0);
    int place = rove_barrier_wait(&all.barrier);
    RV_REQUIRE(place >= 0);
    if (place == 0) {
        RV_REQUIRE_EQ(rove_yield(), 0);
        rove_event_set(&all.event);
    }
    RV_REQUIRE_EQ(rove_event_wait(&all.event), 0);
    RV_REQUIRE(rove_barrier_wait(&all.barrier) >= 0);
    rove_event_clear(&all.event);
    for (long i = number == 0 ? 2 * TASKS : 0; i > 0; i--) /* the others are to wait by then */
        RV_REQUIRE_EQ(rove_yield(), 0);
    RV_REQUIRE_EQ(rove_mutex_lock(&all.mutex), 0);
    if (number == 0) {
        rove_cond_notify_all(&all.cond);
    } else {
        RV_REQUIRE_EQ(rove_cond_wait(&all.cond, &all.mutex), 0);
    }
    rove_mutex_unlock(&all.mutex);
    RV_REQUIRE_EQ(rove_local_set(&all.local, &all), 0);
    return 0;
}

/* Half of them send and put, half receive and get. */
static int pass_all(long number)
{
    long value = number;
    void *item = NULL;
    bool gives = number % 2 == 0;
    for (int i = 0; i < 3; i++) {
        RV_REQUIRE_EQ(gives ? rove_chan_send(all.rendezvous, &value)
                            : rove_chan_recv(all.rendezvous, &value),
                      0);
        RV_REQUIRE_EQ(gives ? rove_chan_send(all.buffered, &value)
                            : rove_chan_recv(all.buffered, &value),
                      0);
        RV_REQUIRE_EQ(gives ? rove_queue_put(all.queue, &all) : rove_queue_get(all.queue, &item),
                      0);
    }
    rove_select_case cases[CASES] = {{0}};
    for (int i = 0; i < CASES; i++) {
        cases[i] = (rove_select_case){.op = gives ? ROVE_SEND : ROVE_RECV,
                                      .chan = i % 2 == 0 ? all.rendezvous : NULL,
                                      .element = &value};
    }
    RV_REQUIRE(rove_select(CASES, cases, ROVE_FOREVER) >= 0);
    return 0;
}

/* Once to get warm, once to be counted; the last to come reads the counter. */
static int member(void *arg, RV_UNUSED void **result)
{
    long number = (long)(intptr_t)arg;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        int place = rove_barrier_wait(&all.barrier);
        if (round == ROUNDS && place == TASKS - 1)
            rv_store_relaxed(&allocations, 0);
        RV_REQUIRE_EQ(lock_all(), 0);
        RV_REQUIRE_EQ(meet_all(number), 0);
        RV_REQUIRE_EQ(pass_all(number), 0);
    }
    return 0;
}

static int count_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_call calls[TASKS];
    all = (struct all){0};
    rove_semaphore_init(&all.semaphore, 1, 1);
    rove_barrier_init(&all.barrier, TASKS);
    all.queue = rove_queue_create(2);
    all.rendezvous = rove_chan_create(sizeof(long), 0);
    all.buffered = rove_chan_create(sizeof(long), 2);
    for (long i = 0; i < TASKS; i++)
        calls[i] = (rove_call){member, (void *)(intptr_t)i};
    unsigned long before = rv_load_relaxed(&allocations);
    RV_EXPECT_EQ(rove_gather_calls(TASKS, calls, NULL), 0);
    RV_EXPECT(before > 0); /* the wrapping works: this runtime has allocated something */
    RV_EXPECT_EQ(rv_load_relaxed(&allocations), 0);
    rove_queue_destroy(all.queue);
    rove_chan_release(all.rendezvous);
    rove_chan_release(all.buffered);
    return 0;
}

/* Goal: nothing is allocated by any of it. */
static void test_no_allocation_in_any_wait(void **state)
{
    (void)state;
    rv_test_run_on(1, count_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_allocation_in_any_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
