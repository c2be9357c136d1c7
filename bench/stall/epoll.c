// SPDX-License-Identifier: MIT
/*
 * Purpose: the stall test's server as bare epoll loops: `epoll shared 2`, one set from which every
 * thread takes the next event, the best there is for this; `epoll own 2`, a set for each thread.
 */
#include "limits/server.h"
#include "stall/config.h"

#include <stdbool.h>
#include <sys/epoll.h>

enum { EVENTS = 4 };

static bool is_shared;

static void *loop(void *arg)
{
    int set = *(const int *)arg;
    struct epoll_event events[EVENTS];
    char message[STALL_BYTES];
    for (;;) {
        int n = epoll_wait(set, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (recv(fd, message, sizeof message, 0) != STALL_BYTES) {
                close(fd);
                continue;
            }
            stall_compute(message);
            (void)send(fd, message, sizeof message, MSG_NOSIGNAL);
            if (is_shared) {
                struct epoll_event again = {.events = EPOLLIN | EPOLLONESHOT, .data.fd = fd};
                epoll_ctl(set, EPOLL_CTL_MOD, fd, &again);
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static int sets[SERVER_MAX_WORKERS];
    unsigned long n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    if (n == 0 || n > SERVER_MAX_WORKERS) {
        fputs("usage: epoll shared|own WORKERS\n", stderr);
        return EXIT_FAILURE;
    }
    is_shared = strcmp(argv[1], "shared") == 0;
    int listener = server_listen();
    for (unsigned long i = 0; i < n; i++) {
        pthread_t thread;
        sets[i] = i > 0 && is_shared ? sets[0] : epoll_create1(EPOLL_CLOEXEC);
        if (sets[i] < 0 || pthread_create(&thread, NULL, loop, &sets[i]) != 0) {
            server_die("thread");
        }
    }
    for (unsigned long next = 0;; next = (next + 1) % n) {
        struct epoll_event event = {.events = EPOLLIN | (is_shared ? (uint32_t)EPOLLONESHOT : 0)};
        event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (event.data.fd >= 0) {
            epoll_ctl(sets[next], EPOLL_CTL_ADD, event.data.fd, &event);
        }
    }
}
