// SPDX-License-Identifier: MIT
/*
 * Purpose: messages out and answers in; see loader.h.
 * Idea:    messages are cut out of one random table at a place that follows from the numbers of
 *          connection and message, so that the echo of a wrong message is seen.
 */
#include "loader/loader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { TABLE_BYTES = 1 << 20, IOVECS = 64 };

static char table[TABLE_BYTES];

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

void traffic_init(void)
{
    for (size_t i = 0; i < TABLE_BYTES; i++) {
        table[i] = (char)mix(i + 1);
    }
    if (loader_settings.bytes > TABLE_BYTES / 2) {
        errno = EINVAL;
        loader_die("bytes");
    }
    if (loader_settings.bytes == 0) {
        http_learn();
    }
}

static const char *message(const struct connection *c, uint64_t number)
{
    uint64_t places = TABLE_BYTES - loader_settings.bytes;
    return loader_settings.bytes == 0 ? http_request
                                      : table + mix(c->id << 40 ^ number) % places;
}

static size_t message_bytes(void)
{
    return loader_settings.bytes == 0 ? http_request_bytes() : loader_settings.bytes;
}

static size_t answer_bytes(void)
{
    return loader_settings.bytes == 0 ? http_answer_bytes() : loader_settings.bytes;
}

static int is_right(const struct connection *c, const char *bytes, size_t n)
{
    return loader_settings.bytes == 0
               ? http_is_right(bytes, n, c->got)
               : memcmp(bytes, message(c, c->answered) + c->got, n) == 0;
}

/* 127.0.0.1, or one of 65,000 other addresses of this machine: each has its own ports, and those
 * of closed connections stay taken for a minute. */
static void bind_source(int fd, uint32_t source)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f010000 + source % 65000 + 1);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) {
        loader_die("bind");
    }
}

int traffic_dial(int is_blocking, uint32_t source)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(loader_settings.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (is_blocking ? 0 : SOCK_NONBLOCK), 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0) {
        loader_die("socket");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (source > 0) {
        bind_source(fd, source);
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        loader_die("connect");
    }
    return fd;
}

/* As many messages as one call takes. */
static ssize_t send_batch(const struct connection *c)
{
    struct iovec parts[IOVECS];
    struct msghdr header = {.msg_iov = parts};
    size_t skip = c->sent, bytes = message_bytes();
    for (uint64_t i = c->sending; i < c->asked && header.msg_iovlen < IOVECS; i++) {
        struct iovec *part = &parts[header.msg_iovlen++];
        part->iov_base = (char *)(uintptr_t)message(c, i) + skip;
        part->iov_len = bytes - skip;
        skip = 0;
    }
    return sendmsg(c->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void traffic_send(struct connection *c)
{
    size_t bytes = message_bytes();
    while (c->sending < c->asked) {
        ssize_t n = send_batch(c);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n < 0) {
            loader_die("send");
        }
        c->sending += (c->sent + (size_t)n) / bytes;
        c->sent = (c->sent + (size_t)n) % bytes;
    }
}

static void take(struct connection *c, const char *bytes, size_t n, loader_answered *answered)
{
    while (n > 0) {
        size_t rest = answer_bytes() - c->got, part = n < rest ? n : rest;
        if (c->answered == c->sending || !is_right(c, bytes, part)) {
            fputs("loader: a wrong byte came back\n", stderr);
            exit(EXIT_FAILURE);
        }
        bytes += part;
        n -= part;
        c->got += part;
        if (c->got == answer_bytes()) {
            c->got = 0;
            c->answered++;
            answered(c);
        }
    }
}

int traffic_receive(struct connection *c, loader_answered *answered)
{
    static char buffer[64 * 1024];
    size_t n;
    do {
        ssize_t rc = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (rc < 0 && errno == EAGAIN) {
            return 1;
        }
        if (rc < 0) {
            loader_die("recv");
        }
        if (rc == 0) {
            return 0;
        }
        n = (size_t)rc;
        loader_now = loader_clock();
        take(c, buffer, n, answered);
        traffic_send(c); /* what the answers made the mode ask for, in one call */
    } while (n == sizeof buffer); /* else it was emptied: the next edge will tell */
    return 1;
}
