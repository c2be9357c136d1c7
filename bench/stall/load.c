// SPDX-License-Identifier: MIT
/*
 * Purpose: the stall test's loader: how long the messages that compute nothing wait for those that
 * do.
 *
 * Idea: open loop: each connection has a planned time for each message, and the time of an answer
 * counts from there, so that a server which makes the loader wait is not let off. It runs with
 * real-time priority where that is allowed, or it would measure its own waiting for a CPU.
 *
 *     load PORT SECONDS MESSAGES-A-SECOND
 */
#include "limits/server.h"
#include "stall/config.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/epoll.h>

enum { SLOTS = 20000, SLOT_NS = 500, WARM_NS = 200 * 1000 * 1000 };

struct connection {
    int fd;
    bool is_waiting, is_computing;
    int64_t due_ns;
};

static struct connection connections[STALL_CONNECTIONS];
static uint64_t slots[SLOTS], counted; /* by the time waited; the last one: longer */
static uint64_t rate;     /* messages a second, all connections together */
static int64_t period_ns; /* of one connection */

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void open_all(int epoll, uint16_t port, int64_t first_ns)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < STALL_CONNECTIONS; i++) {
        struct connection *c = &connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        c->due_ns = first_ns + period_ns * i / STALL_CONNECTIONS;
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) {
            server_die("connect");
        }
    }
}

static void send_one(struct connection *c)
{
    char message[STALL_BYTES] = {0};
    uint32_t us = next_random() % rate < STALL_BURNS ? STALL_BURN_US : 0;
    memcpy(message, &us, sizeof us);
    if (send(c->fd, message, sizeof message, MSG_NOSIGNAL) != STALL_BYTES) {
        server_die("send");
    }
    c->is_computing = us > 0;
    c->is_waiting = true;
}

/* Sends what is due; when the next one is. */
static int64_t send_due(int64_t now_ns)
{
    int64_t next_ns = now_ns + 1000000;
    for (int i = 0; i < STALL_CONNECTIONS; i++) {
        struct connection *c = &connections[i];
        if (!c->is_waiting && c->due_ns <= now_ns) {
            send_one(c);
        } else if (!c->is_waiting && c->due_ns < next_ns) {
            next_ns = c->due_ns;
        }
    }
    return next_ns;
}

static void take_answer(struct connection *c, int64_t now_ns, bool is_warm)
{
    char message[STALL_BYTES];
    if (recv(c->fd, message, sizeof message, 0) != STALL_BYTES) {
        server_die("answer");
    }
    if (!c->is_computing && is_warm) {
        int64_t slot = (now_ns - c->due_ns) / SLOT_NS;
        slots[slot < SLOTS ? slot : SLOTS - 1]++;
        counted++;
    }
    c->is_waiting = false;
    c->due_ns += period_ns;
}

static double quantile_us(double q)
{
    uint64_t seen = 0;
    int i = 0;
    while (i < SLOTS - 1 && (double)(seen += slots[i]) < (double)counted * q) {
        i++;
    }
    return (i + 0.5) * SLOT_NS / 1000;
}

int main(int argc, char **argv)
{
    struct sched_param priority = {.sched_priority = 10};
    struct epoll_event events[STALL_CONNECTIONS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    rate = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (rate == 0 || epoll < 0) {
        fputs("usage: load PORT SECONDS RATE\n", stderr);
        return EXIT_FAILURE;
    }
    period_ns = INT64_C(1000000000) * STALL_CONNECTIONS / (int64_t)rate;
    (void)sched_setscheduler(0, SCHED_FIFO, &priority);
    int64_t start_ns = stall_now_ns() + 1000000;
    int64_t end_ns = start_ns + WARM_NS + (int64_t)(strtod(argv[2], NULL) * 1e9);
    open_all(epoll, (uint16_t)strtoul(argv[1], NULL, 10), start_ns);
    int64_t now_ns;
    while ((now_ns = stall_now_ns()) < end_ns) {
        int64_t next_ns = send_due(now_ns);
        now_ns = stall_now_ns();
        struct timespec wait = {.tv_nsec = next_ns > now_ns ? next_ns - now_ns : 0};
        int n = epoll_pwait2(epoll, events, STALL_CONNECTIONS, &wait, NULL);
        now_ns = stall_now_ns();
        for (int i = 0; i < n; i++) {
            take_answer(events[i].data.ptr, now_ns, now_ns > start_ns + WARM_NS);
        }
    }
    printf("requests count %llu\np50 us %.1f\np99 us %.1f\np999 us %.1f\n",
           (unsigned long long)counted, quantile_us(0.5), quantile_us(0.99), quantile_us(0.999));
    return EXIT_SUCCESS;
}
