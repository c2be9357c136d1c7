// SPDX-License-Identifier: MIT
/* Purpose: connections that are opened, used for one message, and closed, so many at once; what
 * counts is whole connections. A latency is from connect to the answer. Another source address each
 * time, since the ports of closed connections stay taken for a minute. */
#include "loader/loader.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static int epoll;
static uint32_t opened;
static int64_t counted_from;

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
    reopen(c);
}

static void run_until(int64_t end)
{
    while (loader_clock() < end) {
        loader_poll(epoll, answered);
    }
}

void churn_run(void)
{
    struct connection *all = calloc(loader_settings.connections, sizeof *all);
    if (!all) {
        loader_die("memory");
    }
    epoll = loader_epoll();
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
