// SPDX-License-Identifier: MIT
/*
 * Purpose: what the raw echo loops share: a listening socket, and connections dealt in turn to as
 *          many threads as were asked for.
 * Idea:    one thread alone accepts in its own loop. Of several, the main thread accepts and writes
 *          each descriptor into the pipe of the next one, which waits for it by its own means.
 *          Nothing is shared afterwards.
 */
#ifndef BENCH_LIMITS_SERVER_H
#define BENCH_LIMITS_SERVER_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVER_BUFFER_BYTES = 16 * 1024, SERVER_MAX_WORKERS = 64 };

static inline void server_die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static inline int server_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* inherited */
    if (bind(fd, (struct sockaddr *)&address, bytes) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &bytes) < 0) {
        server_die("listen");
    }
    printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* Where a worker gets its connections from. */
struct server_source {
    int fd;          /* the listening socket, or the reading end of a pipe */
    int is_listener;
};

/* Starts the threads; worker(&source) never returns, nor does this. */
static inline void server_run(int argc, char **argv, void *(*worker)(void *))
{
    static struct server_source sources[SERVER_MAX_WORKERS];
    int pipes[SERVER_MAX_WORKERS][2];
    unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    if (n == 0 || n > SERVER_MAX_WORKERS) {
        fputs("usage: PROGRAM WORKERS [shared]\n", stderr);
        exit(EXIT_FAILURE);
    }
    int listener = server_listen();
    if (n == 1) {
        sources[0] = (struct server_source){.fd = listener, .is_listener = 1};
        worker(&sources[0]);
    }
    for (unsigned long i = 0; i < n; i++) {
        pthread_t thread;
        if (pipe(pipes[i]) < 0) {
            server_die("pipe");
        }
        sources[i].fd = pipes[i][0];
        if (pthread_create(&thread, NULL, worker, &sources[i]) != 0) {
            server_die("thread");
        }
    }
    for (unsigned long next = 0;; next = (next + 1) % n) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 && write(pipes[next][1], &fd, sizeof fd) != sizeof fd) {
            server_die("pipe");
        }
    }
}

#endif
