// SPDX-License-Identifier: MIT
/* Purpose: the floor of an echo server on readiness: an edge-triggered epoll loop a thread, one
 * receive and one send a message, one buffer a thread. */
#include "limits/server.h"

#include <errno.h>
#include <sys/epoll.h>

enum { EVENTS = 256 };

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

static void take_connection(int epoll, const struct server_source *from)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    if (from->is_listener) {
        event.data.fd = accept4(from->fd, NULL, NULL, SOCK_CLOEXEC);
    } else if (read(from->fd, &event.data.fd, sizeof(int)) != sizeof(int)) {
        return;
    }
    if (event.data.fd >= 0) {
        epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
    }
}

static void *loop(void *arg)
{
    const struct server_source *from = arg;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.fd = from->fd};
    char *buffer = malloc(SERVER_BUFFER_BYTES);
    if (!buffer || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, from->fd, &event) < 0) {
        server_die("epoll");
    }
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == from->fd) {
                take_connection(epoll, from);
            } else {
                serve(events[i].data.fd, buffer);
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    server_run(argc, argv, loop);
    return EXIT_SUCCESS;
}
