// SPDX-License-Identifier: MIT
/* Purpose: libuv's side of wake_remote: uv_async_send, and a semaphore back. */
#include "wake_remote/config.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "harness/bench.h"

static uv_async_t wake;
static sem_t answer;
static int64_t begin_ns, *late;
static long wakes, gap_us, woken;

static void *waker(void *arg)
{
    for (long i = 0; i < wakes; i++) {
        struct timespec gap = {.tv_nsec = gap_us * 1000};
        nanosleep(&gap, NULL); /* the loop goes to sleep meanwhile */
        begin_ns = bench_now_ns();
        uv_async_send(&wake);
        sem_wait(&answer);
    }
    return arg;
}

static void on_wake(uv_async_t *async)
{
    late[woken++] = bench_now_ns() - begin_ns;
    if (woken == wakes) {
        uv_close((uv_handle_t *)async, NULL);
    }
    sem_post(&answer);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    bench_init(argc, argv);
    wakes = bench_param("WAKES", WAKES);
    gap_us = bench_param("GAP_US", GAP_US);
    late = bench_alloc((size_t)wakes, sizeof *late);
    sem_init(&answer, 0, 0);
    uv_async_init(uv_default_loop(), &wake, on_wake);
    bench_check(pthread_create(&thread, NULL, waker, NULL) == 0, "no thread");
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    pthread_join(thread, NULL);
    bench_check(woken == wakes, "wakes were lost");
    bench_report_spread("wake", late, (size_t)wakes);
    free(late);
    return EXIT_SUCCESS;
}
