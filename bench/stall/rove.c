// SPDX-License-Identifier: MIT
/* Purpose: the stall test's server on rove: a task a connection, some messages compute. */
#include "limits/server.h"
#include "stall/config.h"

#include <rove.h>

static int serve(void *arg, void **result)
{
    int fd = (int)(intptr_t)arg;
    char message[STALL_BYTES];
    (void)result;
    while (rove_recv(fd, message, sizeof message, 0) == STALL_BYTES) {
        stall_compute(message);
        if (rove_send(fd, message, sizeof message, 0) != STALL_BYTES) {
            break;
        }
    }
    return rove_close(fd);
}

static int accept_all(void *arg, void **result)
{
    int listener = *(const int *)arg;
    int fd;
    (void)result;
    while ((fd = rove_accept(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        rove_release(rove_create_task(serve, (void *)(intptr_t)fd));
    }
    return fd;
}

int main(int argc, char **argv)
{
    rove_options options = {.workers = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2};
    int listener = server_listen();
    return rove_run_with(&options, accept_all, &listener, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
