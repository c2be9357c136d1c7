// SPDX-License-Identifier: MIT
/*
 * Purpose: load an echo server: every connection sends a message, waits for its echo, compares
 *          every byte, sends the next; what counts is answers a second and how long each took.
 *
 *     loader PORT CONNECTIONS BYTES SECONDS      prints lines "metric unit value"
 *
 * Idea:    one thread that never sleeps (a loader that does makes the server pay for waking it).
 *          Messages are cut out of one random table, at another place each time, so that an echo
 *          of the wrong message is seen. Latencies go into buckets of 1/32 of their magnitude. A
 *          fifth of a second at the beginning does not count.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, TABLE_BYTES = 1 << 20, SUB_LOG2 = 5, SUB = 1 << SUB_LOG2, BUCKETS = 40 * SUB };

struct connection {
    int fd;
    uint32_t at; /* where in the table the present message begins */
    size_t sent, got;
    int64_t began;
};

static char table[TABLE_BYTES];
static uint64_t buckets[BUCKETS];
static size_t message_bytes;
static int64_t counted_from, now;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "loader: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static uint32_t random_next(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

/* Values up to 32 have a bucket each; above, 32 buckets for each power of two. */
static unsigned bucket_of(uint64_t ns)
{
    if (ns < SUB) {
        return (unsigned)ns;
    }
    unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - SUB_LOG2;
    unsigned i = (shift + 1) * SUB + (unsigned)(ns >> shift) - SUB;
    return i < BUCKETS ? i : BUCKETS - 1;
}

static uint64_t bucket_value(unsigned i)
{
    return i < SUB ? i : (uint64_t)(i % SUB + SUB) << (i / SUB - 1);
}

static void report_percentile(const char *name, uint64_t total, double share)
{
    uint64_t seen = 0, wanted = (uint64_t)((double)total * share);
    unsigned i = 0;
    while (i + 1 < BUCKETS && (seen += buckets[i]) <= wanted) {
        i++;
    }
    printf("%s us %.2f\n", name, (double)bucket_value(i) / 1e3);
}

static void send_some(struct connection *c)
{
    while (c->sent < message_bytes) {
        ssize_t n = send(c->fd, table + c->at + c->sent, message_bytes - c->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n < 0) {
            die("send");
        }
        c->sent += (size_t)n;
    }
}

static void begin_message(struct connection *c)
{
    c->at = random_next() % (uint32_t)(TABLE_BYTES - message_bytes);
    c->sent = c->got = 0;
    c->began = now;
    send_some(c);
}

static void end_message(struct connection *c)
{
    now = now_ns();
    if (now >= counted_from && c->began >= counted_from) {
        buckets[bucket_of((uint64_t)(now - c->began))]++;
    }
    begin_message(c);
}

static void receive(struct connection *c)
{
    static char buffer[64 * 1024];
    for (;;) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            errno = n == 0 ? ECONNRESET : errno;
            die("the server closed a connection");
        }
        if (c->got + (size_t)n > message_bytes ||
            memcmp(buffer, table + c->at + c->got, (size_t)n) != 0) {
            fputs("loader: a wrong byte came back\n", stderr);
            exit(EXIT_FAILURE);
        }
        c->got += (size_t)n;
        if (c->got == message_bytes) {
            end_message(c);
            return; /* a closed loop: nothing more can have come */
        }
    }
}

static int dial(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        die("connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

static void run(int epoll, int64_t end)
{
    struct epoll_event events[EVENTS];
    while ((now = now_ns()) < end) {
        int n = epoll_wait(epoll, events, EVENTS, 0);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->sent < message_bytes) {
                send_some(c);
            }
            receive(c);
        }
    }
}

static void report(double seconds)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        total += buckets[i];
    }
    printf("rate 1/s %.0f\nrequests 1 %llu\n", (double)total / seconds, (unsigned long long)total);
    report_percentile("p50", total, 0.50);
    report_percentile("p99", total, 0.99);
    report_percentile("p999", total, 0.999);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (argc != 5) {
        fputs("usage: loader PORT CONNECTIONS BYTES SECONDS\n", stderr);
        return 2;
    }
    size_t count = strtoul(argv[2], NULL, 10);
    double seconds = strtod(argv[4], NULL);
    message_bytes = strtoul(argv[3], NULL, 10);
    struct connection *all = calloc(count, sizeof *all);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!all || epoll < 0 || message_bytes == 0 || message_bytes > TABLE_BYTES / 2) {
        die("arguments");
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (size_t i = 0; i < TABLE_BYTES; i++) {
        table[i] = (char)random_next();
    }
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
        event.data.ptr = &all[i];
        all[i].fd = dial((uint16_t)strtoul(argv[1], NULL, 10));
        epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    now = now_ns();
    counted_from = now + 200000000;
    for (size_t i = 0; i < count; i++) {
        begin_message(&all[i]);
    }
    run(epoll, counted_from + (int64_t)(seconds * 1e9));
    report(seconds);
    return EXIT_SUCCESS;
}
