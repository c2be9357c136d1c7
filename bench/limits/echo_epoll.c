// SPDX-License-Identifier: MIT
/*
 * Purpose: the floor of an echo server on readiness: an edge-triggered epoll loop a thread, one
 *          receive and one send a message, one buffer a thread. `echo_epoll 2 shared`: one set for
 *          all threads, from which whoever is free takes the next events.
 */
#include "limits/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/epoll.h>

enum { EVENTS = 256, EVENTS_SHARED = 16 }; /* who takes few leaves the rest to the others */

#define IS_SOURCE (UINT64_C(1) << 32) /* in an event's data: connections come from there */

static int shared_set = -1;

/* A peer that does not read its echo is dropped: the loader always does. */
static void serve(int fd, char *buffer)
{
    ssize_t n;
    do {
        n = recv(fd, buffer, SERVER_BUFFER_BYTES, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0 || send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n) {
            close(fd);
            return;
        }
    } while (n == SERVER_BUFFER_BYTES); /* else it was emptied, and the next edge will tell */
}

static void take_connection(int epoll, int from, bool is_listener)
{
    int fd = is_listener ? accept4(from, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (!is_listener && read(from, &fd, sizeof fd) != sizeof fd) {
        return; /* of a shared set: another thread has */
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = (uint32_t)fd};
    if (fd >= 0) {
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void *loop(void *arg)
{
    const struct server_source *from = arg;
    bool is_shared = shared_set >= 0;
    int epoll = is_shared ? shared_set : epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    event.data.u64 = IS_SOURCE | (uint32_t)from->fd;
    fcntl(from->fd, F_SETFL, O_NONBLOCK);
    char *buffer = malloc(SERVER_BUFFER_BYTES);
    if (!buffer || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, from->fd, &event) < 0) {
        server_die("epoll");
    }
    for (;;) {
        int n = epoll_wait(epoll, events, is_shared ? EVENTS_SHARED : EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = (int)(uint32_t)events[i].data.u64;
            if ((events[i].data.u64 & IS_SOURCE) != 0) {
                take_connection(epoll, fd, from->is_listener);
            } else {
                serve(fd, buffer);
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[2], "shared") == 0) {
        shared_set = epoll_create1(EPOLL_CLOEXEC);
    }
    server_run(argc, argv, loop);
    return EXIT_SUCCESS;
}
