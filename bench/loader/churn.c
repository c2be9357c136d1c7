// SPDX-License-Identifier: MIT
/* Purpose: connections that are opened, used for one message, and closed, so many at once; what
 * counts is whole connections. A latency is from connect to the answer. Another source address each
 * time, since the ports of closed connections stay taken for a minute.
 *
 * With a rate they are opened when they are due, at most so many at once, and what the server holds
 * when none is open is compared: after a tenth of the time with what is left at the end. */
#include "loader/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static int epoll;
static uint32_t opened;
static int64_t counted_from;
static struct connection **idle; /* with a rate: not open at the moment */
static size_t idle_count;

static void reopen(struct connection *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    c->opened = loader_clock();
    c->fd = traffic_dial(0, ++opened);
    c->asked++;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) {
        loader_die("epoll");
    }
}

static void answered(struct connection *c)
{
    if (c->opened >= counted_from) {
        histogram_add(&loader_latencies, loader_now - c->opened);
    }
    close(c->fd);
    if (idle) {
        idle[idle_count++] = c;
    } else {
        reopen(c);
    }
}

static void run_until(int64_t end)
{
    while (loader_clock() < end) {
        loader_poll(epoll, answered);
    }
}

/* At the rate until `end`, then until none is open. */
static void run_paced(int64_t begin, int64_t end)
{
    uint64_t n = 0;
    for (int64_t now = begin; now < end; now = loader_clock()) {
        uint64_t due = (uint64_t)((double)(now - begin) * (double)loader_settings.rate / 1e9);
        for (; n < due && idle_count > 0; n++) {
            reopen(idle[--idle_count]);
        }
        loader_poll(epoll, answered);
    }
    while (idle_count < loader_settings.connections) {
        loader_poll(epoll, answered);
    }
}

/* How many the server has once it has seen the ends of all connections: the least of a second. */
static int64_t descriptors_at_rest(void)
{
    int64_t end = loader_clock() + LOADER_NS_PER_S, least = INT64_MAX;
    while (loader_clock() < end) {
        int64_t now = watch_descriptors();
        least = now < least ? now : least;
    }
    return least;
}

static void churn_paced(struct connection *all)
{
    int64_t seconds = (int64_t)(loader_settings.seconds * 1e9);
    idle = calloc(loader_settings.connections, sizeof(*idle));
    if (!idle) {
        loader_die("memory");
    }
    for (size_t i = 0; i < loader_settings.connections; i++) {
        all[i].id = i;
        idle[idle_count++] = &all[i];
    }
    counted_from = INT64_MAX;
    run_paced(loader_clock(), loader_clock() + seconds / 10);
    int64_t descriptors = descriptors_at_rest(), memory = watch_memory_bytes();
    watch_begin();
    counted_from = loader_clock();
    run_paced(counted_from, counted_from + seconds);
    watch_end();
    loader_report(loader_settings.seconds);
    watch_report(loader_latencies.count);
    printf("descriptors_before 1 %lld\n", (long long)descriptors);
    printf("descriptors_after 1 %lld\n", (long long)descriptors_at_rest());
    printf("memory_before bytes %lld\n", (long long)memory);
    printf("memory_after bytes %lld\n", (long long)watch_memory_bytes());
}

void churn_run(void)
{
    struct connection *all = calloc(loader_settings.connections, sizeof *all);
    if (!all) {
        loader_die("memory");
    }
    epoll = loader_epoll();
    if (loader_settings.rate > 0) {
        churn_paced(all);
        return;
    }
    counted_from = INT64_MAX;
    for (size_t i = 0; i < loader_settings.connections; i++) {
        all[i].id = i;
        reopen(&all[i]);
    }
    run_until(loader_clock() + LOADER_WARM_NS);
    watch_begin();
    counted_from = loader_clock();
    run_until(counted_from + (int64_t)(loader_settings.seconds * 1e9));
    watch_end();
    loader_report(loader_settings.seconds);
    watch_report(loader_latencies.count);
}
