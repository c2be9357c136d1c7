// SPDX-License-Identifier: MIT
/* Purpose: a closed loop of so many messages and no more: `messages` on each connection. For who
 * counts what they cost (harness/instructions.py): the difference of two such loads is that of
 * their messages, whatever starting and connecting cost. */
#include "loader/loader.h"

#include <errno.h>
#include <stdio.h>

static uint64_t left;

static void answered(struct connection *c)
{
    left--;
    c->asked += c->asked < loader_settings.messages;
}

void count_run(void)
{
    const struct settings *s = &loader_settings;
    int64_t end = loader_clock() + (int64_t)(s->seconds * 1e9);
    int epoll = loader_epoll();
    struct connection *all = loader_connect_all(epoll);
    left = s->connections * s->messages;
    for (size_t i = 0; i < s->connections; i++) {
        all[i].asked = s->depth < s->messages ? s->depth : s->messages;
        traffic_send(&all[i]);
    }
    while (left > 0) {
        loader_poll(epoll, answered);
        if (loader_clock() > end) {
            errno = ETIMEDOUT;
            loader_die("messages");
        }
    }
    printf("requests 1 %llu\n", (unsigned long long)(s->connections * s->messages));
}
