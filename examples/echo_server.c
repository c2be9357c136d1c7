// SPDX-License-Identifier: MIT
/*
 * Purpose: an echo server: what a connection sends, it gets back.
 *
 *     echo_server --address 127.0.0.1:7777 --workers 2 --backend auto
 *
 * Idea: one task a connection, with its buffer on its own stack: bytes are touched by nobody but
 * the kernel, and a connection that never sent anything never touched the buffer's pages.
 *
 * Threads: SIGINT and SIGTERM are blocked on every thread and read from a descriptor. Stopping is
 * the runtime's: when main returns, the tasks that are left are cancelled and waited for.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <rove.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

enum { BACKLOG = 1024, BUFFER_BYTES = 16 * 1024 };

static int listen_fd;
static _Atomic uint64_t connections, messages, echoed_bytes; /* added when a connection ends */

/* A cancelled send is taken up again: what was received is returned even when the server stops, as
 * long as the peer reads it within a second. */
static ssize_t send_all(int fd, const char *data, size_t bytes)
{
    size_t sent = 0;
    while (sent < bytes) {
        ssize_t n = rove_send(fd, data + sent, bytes - sent, MSG_NOSIGNAL);
        if (n == -ECANCELED) {
            rove_timeout timeout = { 0 };
            rove_timeout_enter(&timeout, ROVE_SEC(1));
            n = rove_send(fd, data + sent, bytes - sent, MSG_NOSIGNAL);
            rove_timeout_exit(&timeout, n < 0 ? (int)n : 0);
        }
        if (n < 0) {
            return n;
        }
        sent += (size_t)n;
    }
    return (ssize_t)sent;
}

static int echo(void *arg, void **result)
{
    char buffer[BUFFER_BYTES];
    int fd = (int)(intptr_t)arg;
    uint64_t count = 0, bytes = 0;
    ssize_t n;
    (void)result;
    while ((n = rove_recv(fd, buffer, sizeof buffer, 0)) > 0 &&
           (n = send_all(fd, buffer, (size_t)n)) > 0) {
        count++;
        bytes += (uint64_t)n;
    }
    rove_close(fd);
    atomic_fetch_add_explicit(&connections, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&messages, count, memory_order_relaxed);
    atomic_fetch_add_explicit(&echoed_bytes, bytes, memory_order_relaxed);
    return 0;
}

/* Out of descriptors: the connection waits in the backlog, so pause instead of spinning on it. */
static int pause_accepting(int error)
{
    bool is_starved = error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
    return is_starved ? rove_sleep(ROVE_MS(50)) : 0;
}

static int acceptor(void *arg, void **result)
{
    (void)arg, (void)result;
    for (;;) {
        int fd = rove_accept(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd == -ECANCELED || (fd < 0 && pause_accepting(fd) < 0)) {
            return -ECANCELED;
        }
        if (fd < 0) {
            continue;
        }
        const rove_task_options options = { .name = "echo", .eager = true };
        rove_task *task = rove_create_task_with(&options, echo, (void *)(intptr_t)fd);
        if (!task) {
            rove_close(fd);
        }
        rove_release(task);
    }
}

static void announce(const char *address)
{
    struct sockaddr_in6 bound = { 0 };
    socklen_t bytes = sizeof bound;
    const char *colon = strrchr(address, ':');
    if (colon && getsockname(listen_fd, (struct sockaddr *)&bound, &bytes) == 0) {
        printf("listening on %.*s:%u\n", (int)(colon - address), address, ntohs(bound.sin6_port));
        fflush(stdout);
    }
}

static int wait_for_signal(int fd)
{
    struct signalfd_siginfo info;
    ssize_t n = rove_read(fd, &info, sizeof info);
    rove_close(fd);
    return n < 0 ? (int)n : 0;
}

struct settings {
    const char *address;
    sigset_t signals;
};

static int serve(void *arg, void **result)
{
    const struct settings *s = arg;
    (void)result;
    listen_fd = rove_listen(s->address, BACKLOG);
    if (listen_fd < 0) {
        return listen_fd;
    }
    setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)); /* inherited */
    announce(s->address);
    int signals = signalfd(-1, &s->signals, SFD_CLOEXEC); /* before clients take all there are */
    rove_task *task = signals < 0 ? NULL : rove_create_task(acceptor, NULL);
    if (!task) {
        int error = signals < 0 ? -errno : -ENOMEM;
        if (signals >= 0) {
            rove_close(signals);
        }
        rove_close(listen_fd);
        return error;
    }
    int rc = wait_for_signal(signals);
    rove_cancel(task);
    rove_join(task, NULL);
    rove_close(listen_fd);
    return rc;
}

static rove_backend backend_named(const char *name)
{
    return strcmp(name, "uring") == 0   ? ROVE_BACKEND_URING
           : strcmp(name, "epoll") == 0 ? ROVE_BACKEND_EPOLL
                                        : ROVE_BACKEND_AUTO;
}

static void parse_options(int argc, char **argv, struct settings *s, rove_options *options)
{
    static const struct option names[] = {
        { "address", required_argument, NULL, 'a' },
        { "workers", required_argument, NULL, 'w' },
        { "backend", required_argument, NULL, 'b' },
        { NULL, 0, NULL, 0 },
    };
    int id;
    while ((id = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (id == 'a') {
            s->address = optarg;
        } else if (id == 'w') {
            options->workers = (unsigned)strtoul(optarg, NULL, 10);
        } else if (id == 'b') {
            options->backend = backend_named(optarg);
        } else {
            fputs("usage: echo_server [--address HOST:PORT] [--workers N] "
                  "[--backend auto|uring|epoll]\n",
                  stderr);
            exit(EXIT_FAILURE);
        }
    }
}

int main(int argc, char **argv)
{
    struct settings s = { .address = "127.0.0.1:7777" };
    rove_options options = { 0 };
    parse_options(argc, argv, &s, &options);
    sigemptyset(&s.signals);
    sigaddset(&s.signals, SIGINT);
    sigaddset(&s.signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &s.signals, NULL);
    int rc = rove_run_with(&options, serve, &s, NULL);
    if (rc < 0) {
        fprintf(stderr, "echo_server: %s\n", rove_strerror(rc));
        return EXIT_FAILURE;
    }
    printf("connections %" PRIu64 "  messages %" PRIu64 "  bytes %" PRIu64 "\n",
           atomic_load(&connections), atomic_load(&messages), atomic_load(&echoed_bytes));
    return EXIT_SUCCESS;
}
