// SPDX-License-Identifier: MIT
/* Purpose: what connections cost that are open and idle: each is used once and left open. Then the
 * server's memory (resident and page tables, less what it had before), and its processor time over
 * a window in which nothing happens. After it all must still answer. The kernel's own memory for
 * sockets is not in it. */
#include "loader/loader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t answers;

static void answered(struct connection *c)
{
    (void)c;
    answers++;
}

/* One after the other: a flood would measure how long the queue of the listening socket is. */
static void use_all(int epoll, struct connection *all, int is_new)
{
    answers = 0;
    for (size_t i = 0; i < loader_settings.connections; i++) {
        int64_t end = loader_clock() + 20 * LOADER_NS_PER_S;
        if (is_new) {
            loader_connect(epoll, &all[i], i);
        }
        all[i].asked++;
        traffic_send(&all[i]);
        while (answers <= i) {
            loader_poll(epoll, answered);
            if (loader_clock() > end) {
                errno = ETIMEDOUT;
                loader_die("idle connections");
            }
        }
    }
}

void idle_run(void)
{
    double n = (double)loader_settings.connections;
    struct timespec window = {.tv_sec = (time_t)loader_settings.seconds};
    window.tv_nsec = (long)((loader_settings.seconds - (double)window.tv_sec) * 1e9);
    int epoll = loader_epoll();
    int64_t before = watch_memory_bytes(), began = loader_clock();
    struct connection *all = calloc(loader_settings.connections, sizeof *all);
    if (!all) {
        loader_die("memory");
    }
    use_all(epoll, all, 1);
    printf("open us/connection %.3f\n", (double)(loader_clock() - began) / 1e3 / n);
    printf("memory KiB/connection %.3f\n", (double)(watch_memory_bytes() - before) / 1024 / n);
    int64_t cpu = watch_cpu_ns(), asleep = loader_clock();
    nanosleep(&window, NULL);
    cpu = watch_cpu_ns() - cpu;
    printf("cpu %% %.3f\n", (double)cpu * 100 / (double)(loader_clock() - asleep));
    use_all(epoll, all, 0);
}
