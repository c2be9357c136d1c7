// SPDX-License-Identifier: MIT
/*
 * Purpose: the open loop: messages are due at a fixed rate whatever the server does, in turn on the
 *          connections.
 * Idea:    a latency begins when its message was due, not when it could be sent: a server that
 *          stops for a while is charged for all that came due meanwhile, and so are we when we are
 *          late ourselves ("lag" says how late). Messages go out behind one another without waiting
 *          for answers. What is unanswered a second after the end counts as waiting until then, so
 *          that a server cannot better its tail by not answering. (Gil Tene calls the mistake that
 *          this avoids coordinated omission.)
 */
#include "loader/loader.h"

#include <stdio.h>

static int64_t begin, counted_from, end;
static uint64_t in_time;
static struct histogram lags;

static int64_t due(const struct connection *c, uint64_t number)
{
    uint64_t i = number * loader_settings.connections + c->id;
    return begin + (int64_t)((double)i * 1e9 / (double)loader_settings.rate);
}

static void count(const struct connection *c, uint64_t number, int64_t when)
{
    int64_t from = due(c, number);
    if (from >= counted_from && from < end) {
        histogram_add(&loader_latencies, when - from);
        in_time += when < end;
    }
}

static void answered(struct connection *c)
{
    count(c, c->answered - 1, loader_now);
}

/* Sends what has come due by now; *next is the first that has not. */
static void send_due(struct connection *all, uint64_t *next)
{
    loader_now = loader_clock();
    for (;;) {
        struct connection *c = &all[*next % loader_settings.connections];
        int64_t when = due(c, c->asked);
        if (when > loader_now || when >= end) {
            return;
        }
        c->asked++;
        traffic_send(c);
        loader_now = loader_clock();
        if (when >= counted_from) {
            histogram_add(&lags, loader_now - when);
        }
        ++*next;
    }
}

static void run_until(int64_t stop, int epoll, struct connection *all, uint64_t *next)
{
    while (loader_clock() < stop) {
        send_due(all, next);
        loader_poll(epoll, answered);
    }
}

static uint64_t count_unanswered(struct connection *all)
{
    uint64_t unanswered = 0;
    for (size_t i = 0; i < loader_settings.connections; i++) {
        for (struct connection *c = &all[i]; c->answered < c->asked; c->answered++) {
            count(c, c->answered, loader_now);
            unanswered++;
        }
    }
    return unanswered;
}

void open_run(void)
{
    if (loader_settings.rate == 0) {
        loader_settings.rate = 10000;
    }
    int epoll = loader_epoll();
    struct connection *all = loader_connect_all(epoll);
    uint64_t next = 0;
    begin = loader_clock();
    counted_from = begin + LOADER_WARM_NS;
    end = counted_from + (int64_t)(loader_settings.seconds * 1e9);
    run_until(counted_from, epoll, all, &next);
    watch_begin();
    run_until(end, epoll, all, &next);
    watch_end();
    int64_t drained = end + LOADER_NS_PER_S;
    for (size_t i = 0; i < loader_settings.connections && loader_clock() < drained;) {
        loader_poll(epoll, answered);
        i = all[i].answered < all[i].asked ? i : i + 1;
    }
    loader_now = loader_clock();
    uint64_t unanswered = count_unanswered(all);
    loader_report(loader_settings.seconds);
    printf("unanswered 1 %llu\n", (unsigned long long)unanswered);
    printf("lag_p99 us %.2f\n", (double)histogram_quantile(&lags, 0.99) / 1e3);
    watch_report(in_time);
}
