// SPDX-License-Identifier: MIT
/*
 * Purpose: the floor to measure http_server against: the least that can be called an HTTP answer,
 * as a bare edge-triggered epoll loop a thread. It finds the ends of requests and looks at nothing
 * else.
 *
 * Idea: one receive and one send a batch, one shared buffer a thread, no state a connection but its
 * descriptor (a request cut in two ends the connection: a benchmark's client does not do that).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = 64 * 1024, EVENTS = 256, WORKERS_MAX = 64 };

static const char answer_format[] = "HTTP/1.1 200 OK\r\n"
                                    "Date: %s\r\n"
                                    "Content-Type: text/plain\r\n"
                                    "Content-Length: 13\r\n\r\n"
                                    "Hello, World!";

static int epolls[WORKERS_MAX];

static size_t render(char *answer, size_t bytes, time_t now)
{
    char date[64];
    struct tm t;
    gmtime_r(&now, &t);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &t);
    return (size_t)snprintf(answer, bytes, answer_format, date);
}

/* One batch: an answer for each empty line. */
static void serve(int fd, char *in, char *out, const char *answer, size_t answer_bytes)
{
    for (;;) {
        ssize_t n = recv(fd, in, BUFFER_BYTES, MSG_DONTWAIT);
        if (n <= 0) {
            if (n == 0 || errno != EAGAIN) {
                close(fd);
            }
            return;
        }
        size_t bytes = 0;
        char *at = in;
        while ((at = memmem(at, (size_t)(in + n - at), "\r\n\r\n", 4)) != NULL) {
            at += 4;
            memcpy(out + bytes, answer, answer_bytes);
            bytes += answer_bytes;
        }
        if (bytes == 0 || send(fd, out, bytes, MSG_NOSIGNAL) != (ssize_t)bytes) {
            close(fd);
            return;
        }
        if (n < BUFFER_BYTES) {
            return; /* the socket was emptied: the next edge will say when there is more */
        }
    }
}

static void *loop(void *arg)
{
    int epoll = *(int *)arg;
    struct epoll_event events[EVENTS];
    char *in = malloc(BUFFER_BYTES), *out = malloc(8 * BUFFER_BYTES), answer[256];
    size_t answer_bytes = 0;
    time_t rendered = 0;
    while (in && out) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        struct timespec now;
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        if (now.tv_sec != rendered) {
            rendered = now.tv_sec;
            answer_bytes = render(answer, sizeof answer, rendered);
        }
        for (int i = 0; i < n; i++) {
            serve(events[i].data.fd, in, out, answer, answer_bytes);
        }
    }
    return NULL;
}

static int listen_loopback(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t bytes = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &bytes) < 0) {
        return -1;
    }
    printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* raw_epoll WORKERS; connections go round robin to the workers. */
int main(int argc, char **argv)
{
    unsigned workers = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    int listener = listen_loopback();
    if (workers == 0 || workers > WORKERS_MAX || listener < 0) {
        return EXIT_FAILURE;
    }
    for (unsigned i = 0; i < workers; i++) {
        pthread_t thread;
        epolls[i] = epoll_create1(EPOLL_CLOEXEC);
        if (epolls[i] < 0 || pthread_create(&thread, NULL, loop, &epolls[i]) != 0) {
            return EXIT_FAILURE;
        }
    }
    for (unsigned next = 0;; next = (next + 1) % workers) {
        struct epoll_event event = { .events = EPOLLIN | EPOLLET };
        event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (event.data.fd >= 0) {
            epoll_ctl(epolls[next], EPOLL_CTL_ADD, event.data.fd, &event);
        }
    }
}
