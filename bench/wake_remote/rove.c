// SPDX-License-Identifier: MIT
/* Purpose: how long a sleeping task takes to run after a thread that is no worker woke it. */
#include "wake_remote/config.h"

#include <rove/blocking.h>
#include <pthread.h>
#include <time.h>

#include "harness/rove_main.h"

static rove_event wake, answer;
static int64_t begin_ns; /* written before wake is set, read after it was waited for */
static long wakes, gap_us;

static void *waker(void *arg)
{
    for (long i = 0; i < wakes; i++) {
        struct timespec gap = {.tv_nsec = gap_us * 1000};
        nanosleep(&gap, NULL); /* the worker goes to sleep meanwhile: that is what is measured */
        begin_ns = bench_now_ns();
        rove_event_set(&wake);
        if (rove_event_wait_blocking(&answer, ROVE_FOREVER) != 0) {
            return NULL;
        }
        rove_event_clear(&answer);
    }
    return arg;
}

static int measure(void *arg, void **result)
{
    pthread_t thread;
    void *is_done = NULL;
    (void)arg, (void)result;
    wakes = bench_param("WAKES", WAKES);
    gap_us = bench_param("GAP_US", GAP_US);
    int64_t *late = bench_alloc((size_t)wakes, sizeof *late);
    bench_check(pthread_create(&thread, NULL, waker, &wakes) == 0, "no thread");
    for (long i = 0; i < wakes; i++) {
        rove_event_wait(&wake);
        late[i] = bench_now_ns() - begin_ns;
        rove_event_clear(&wake);
        rove_event_set(&answer);
    }
    pthread_join(thread, &is_done);
    bench_check(is_done != NULL, "a wait failed");
    bench_report_spread("wake", late, (size_t)wakes);
    free(late);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
