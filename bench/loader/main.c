// SPDX-License-Identifier: MIT
/*
 * Purpose: load a server, compare every byte of its answers, and say how it did.
 *
 *     loader MODE PORT CONNECTIONS BYTES SECONDS [depth=N] [rate=N] [messages=N] [pids=N,N...]
 *
 *     closed   every connection has `depth` messages under way: rate and latencies at saturation
 *     open     `rate` messages a second whatever the server does; see open.c
 *     churn    open a connection, one message, close it, again; CONNECTIONS at once, or, with a
 *              rate, so many a second, and what the server holds before and after
 *     idle     CONNECTIONS that were used once: the server's memory and processor time
 *     count    `messages` on each connection, as closed, within SECONDS; nothing is measured
 *
 * BYTES of 0 means HTTP. Prints lines "metric unit value". `pids` are the server's processes.
 */
#include "loader/loader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

enum { EVENTS = 256 };

struct settings loader_settings = {.depth = 1, .messages = 100};
struct histogram loader_latencies;
int64_t loader_now;

static const struct mode {
    const char *name;
    void (*run)(void);
} modes[] = {{"closed", closed_run},
             {"open", open_run},
             {"churn", churn_run},
             {"idle", idle_run},
             {"count", count_run}};

int64_t loader_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * LOADER_NS_PER_S + t.tv_nsec;
}

_Noreturn void loader_die(const char *what)
{
    fprintf(stderr, "loader: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

int loader_epoll(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        loader_die("epoll");
    }
    return epoll;
}

void loader_connect(int epoll, struct connection *c, uint64_t id)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    c->id = id;
    c->fd = traffic_dial(1, 0);
    c->began = calloc(loader_settings.depth, sizeof *c->began);
    if (!c->began || epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) {
        loader_die("connection");
    }
}

struct connection *loader_connect_all(int epoll)
{
    struct connection *all = calloc(loader_settings.connections, sizeof *all);
    for (size_t i = 0; all && i < loader_settings.connections; i++) {
        loader_connect(epoll, &all[i], i);
    }
    if (!all) {
        loader_die("memory");
    }
    return all;
}

void loader_poll(int epoll, loader_answered *answered)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, 0);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        traffic_send(c);
        if (!traffic_receive(c, answered)) {
            errno = ECONNRESET;
            loader_die("the server closed a connection");
        }
    }
}

void loader_report(double seconds)
{
    const struct histogram *h = &loader_latencies;
    printf("rate 1/s %.0f\n", (double)h->count / seconds);
    printf("p50 us %.2f\n", (double)histogram_quantile(h, 0.50) / 1e3);
    printf("p99 us %.2f\n", (double)histogram_quantile(h, 0.99) / 1e3);
    printf("p999 us %.2f\n", (double)histogram_quantile(h, 0.999) / 1e3);
}

static void parse_option(const char *word)
{
    struct settings *s = &loader_settings;
    const char *value = strchr(word, '=');
    if (value && strncmp(word, "depth=", 6) == 0) {
        s->depth = strtoul(value + 1, NULL, 10);
    } else if (value && strncmp(word, "rate=", 5) == 0) {
        s->rate = strtoul(value + 1, NULL, 10);
    } else if (value && strncmp(word, "messages=", 9) == 0) {
        s->messages = strtoul(value + 1, NULL, 10);
    } else if (value && strncmp(word, "pids=", 5) == 0) {
        s->pids = value + 1;
    } else {
        errno = EINVAL;
        loader_die(word);
    }
}

int main(int argc, char **argv)
{
    struct settings *s = &loader_settings;
    struct rlimit files;
    if (argc < 6) {
        fputs("usage: loader closed|open|churn|idle|count PORT CONNECTIONS BYTES SECONDS "
              "[depth=N] [rate=N] [messages=N] [pids=N,N]\n",
              stderr);
        return 2;
    }
    s->mode = argv[1];
    s->port = (uint16_t)strtoul(argv[2], NULL, 10);
    s->connections = strtoul(argv[3], NULL, 10);
    s->bytes = strtoul(argv[4], NULL, 10);
    s->seconds = strtod(argv[5], NULL);
    for (int i = 6; i < argc; i++) {
        parse_option(argv[i]);
    }
    errno = EINVAL;
    if (s->connections == 0 || s->depth == 0 || s->depth > LOADER_MAX_DEPTH || s->messages == 0 ||
        s->seconds <= 0) {
        loader_die("arguments");
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    traffic_init();
    if (s->pids) {
        watch_init();
    }
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i].name, s->mode) == 0) {
            modes[i].run();
            return EXIT_SUCCESS;
        }
    }
    loader_die(s->mode);
}
