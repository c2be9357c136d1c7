// SPDX-License-Identifier: MIT
/* Purpose: the closed loop: an answer asks for the next message, so each connection always has
 * `depth` under way and the server decides how fast it goes. A tenth of a second at the beginning
 * does not count. */
#include "loader/loader.h"

#include <stdlib.h>

static int64_t counted_from;

static void ask(struct connection *c)
{
    c->began[c->asked++ % loader_settings.depth] = loader_now;
}

static void answered(struct connection *c)
{
    int64_t began = c->began[(c->answered - 1) % loader_settings.depth];
    if (loader_now >= counted_from && began >= counted_from) {
        histogram_add(&loader_latencies, loader_now - began);
    }
    ask(c);
}

void closed_run(void)
{
    int epoll = loader_epoll();
    struct connection *all = loader_connect_all(epoll);
    loader_now = loader_clock();
    int64_t warm = loader_now + LOADER_WARM_NS;
    counted_from = INT64_MAX;
    for (size_t i = 0; i < loader_settings.connections; i++) {
        for (uint64_t k = 0; k < loader_settings.depth; k++) {
            ask(&all[i]);
        }
        traffic_send(&all[i]);
    }
    while (loader_clock() < warm) {
        loader_poll(epoll, answered);
    }
    watch_begin();
    counted_from = loader_clock();
    int64_t end = counted_from + (int64_t)(loader_settings.seconds * 1e9);
    while (loader_clock() < end) {
        loader_poll(epoll, answered);
    }
    watch_end();
    loader_report(loader_settings.seconds);
    watch_report(loader_latencies.count);
}
