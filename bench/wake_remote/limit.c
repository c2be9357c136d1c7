// SPDX-License-Identifier: MIT
/* Purpose: the floor of waking a sleeper: a futex between two threads. */
#include "wake_remote/config.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "harness/bench.h"

static _Alignas(64) _Atomic uint32_t wake, answer;
static int64_t begin_ns;
static long wakes, gap_us;

static void wait_for(_Atomic uint32_t *word)
{
    while (atomic_exchange_explicit(word, 0, memory_order_acquire) == 0) {
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    }
}

static void set(_Atomic uint32_t *word)
{
    atomic_store_explicit(word, 1, memory_order_release);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *waker(void *arg)
{
    for (long i = 0; i < wakes; i++) {
        struct timespec gap = {.tv_nsec = gap_us * 1000};
        nanosleep(&gap, NULL); /* the other goes to sleep meanwhile: that is what is measured */
        begin_ns = bench_now_ns();
        set(&wake);
        wait_for(&answer);
    }
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    bench_init(argc, argv);
    wakes = bench_param("WAKES", WAKES);
    gap_us = bench_param("GAP_US", GAP_US);
    int64_t *late = bench_alloc((size_t)wakes, sizeof *late);
    bench_check(pthread_create(&thread, NULL, waker, NULL) == 0, "no thread");
    for (long i = 0; i < wakes; i++) {
        wait_for(&wake);
        late[i] = bench_now_ns() - begin_ns;
        set(&answer);
    }
    pthread_join(thread, NULL);
    bench_report_spread("wake", late, (size_t)wakes);
    free(late);
    return EXIT_SUCCESS;
}
