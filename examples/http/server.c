// SPDX-License-Identifier: MIT
/*
 * Purpose: listen, accept, watch over the connections, stop in good order.
 *
 * Idea: four kinds of task: this one (waits for a signal, then winds up), a few acceptors, one task
 * a connection, and a janitor that looks at all connections a few times per idle timeout. Against a
 * timer a request the janitor costs nothing while requests come, and some 0.1 us a connection and
 * look.
 *
 * Threads: see server.h.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"

enum {
    BACKLOG = 1024,
    ACCEPTORS_MAX = 64,
    STOP_IDLE_MS = 200, /* a quiet connection is closed: a request under way had time to arrive */
    STOP_READING_MS = 1000, /* half a request that does not go on is given up */
    STOP_SENDING_MS = 5000,
    STOP_GRACE_S = 30, /* then the runtime cancels what is left */
    NEVER = -1,
};

struct http_server http_server = { .lock = PTHREAD_MUTEX_INITIALIZER };

void http_server_join(struct http_server *s, struct http_conn *c)
{
    pthread_mutex_lock(&s->lock);
    c->next = s->conns;
    c->link = &s->conns;
    if (c->next) {
        c->next->link = &c->next;
    }
    s->conns = c;
    s->conn_count++;
    pthread_mutex_unlock(&s->lock);
}

void http_server_leave(struct http_server *s, struct http_conn *c)
{
    pthread_mutex_lock(&s->lock);
    *c->link = c->next;
    if (c->next) {
        c->next->link = c->link;
    }
    /* Who drains may give up, and let go of it, as soon as the lock is left. */
    bool is_last = --s->conn_count == 0 && s->drained;
    rove_future *drained = is_last ? rove_retain(s->drained) : NULL;
    pthread_mutex_unlock(&s->lock);
    if (drained) {
        rove_set_result(drained, NULL);
        rove_release(drained);
    }
}

size_t http_server_open(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    size_t count = s->conn_count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

/* End the waits that have lasted too long, by phase. Under the lock a connection cannot close its
 * descriptor, so it is its own that gets shut. */
static void server_sweep(struct http_server *s, const int64_t limit_ms[HTTP_PHASES])
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    pthread_mutex_lock(&s->lock);
    for (struct http_conn *c = s->conns; c; c = c->next) {
        int phase = atomic_load_explicit(&c->phase, memory_order_relaxed);
        int64_t since_ms = atomic_load_explicit(&c->active_ms, memory_order_relaxed);
        if (limit_ms[phase] != NEVER && now_ms - since_ms >= limit_ms[phase]) {
            shutdown(c->fd, phase == HTTP_PHASE_SENDING ? SHUT_RDWR : SHUT_RD);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

static int server_janitor(void *arg, void **result)
{
    struct http_server *s = arg;
    (void)result;
    int64_t limit_ms = s->settings.idle_timeout / ROVE_MS(1);
    const int64_t limits[HTTP_PHASES] = {
        [HTTP_PHASE_IDLE] = limit_ms,
        [HTTP_PHASE_READING] = NEVER,
        [HTTP_PHASE_WORKING] = NEVER,
        [HTTP_PHASE_SENDING] = limit_ms,
    };
    int rc;
    while ((rc = rove_sleep(s->settings.idle_timeout / 4)) == 0) {
        server_sweep(s, limits);
    }
    return rc;
}

/* Out of descriptors or memory: the connection stays in the backlog. Say it once for all acceptors
 * and come back later, for trying at once would find the same and burn the CPU that could finish
 * other requests. */
static int accept_again(struct http_server *s, int error)
{
    if (error != -EMFILE && error != -ENFILE && error != -ENOBUFS && error != -ENOMEM) {
        return 0; /* such as a peer that gave up before it was accepted */
    }
    if (atomic_exchange_explicit(&s->dearth, HTTP_DEARTH_ON, memory_order_relaxed) ==
        HTTP_DEARTH_NONE) {
        fprintf(stderr, "http_server: accept: %s; trying again every 50 ms\n",
                rove_strerror(error));
    }
    return rove_sleep(ROVE_MS(50));
}

/* A connection got in. As long as others wait, what one gives back the next one takes; and this one
 * may have taken the last. */
static void note_accepted(struct http_server *s)
{
    struct pollfd backlog = { .fd = s->listen_fd, .events = POLLIN };
    int dearth = atomic_load_explicit(&s->dearth, memory_order_relaxed);
    if (dearth == HTTP_DEARTH_NONE || (dearth == HTTP_DEARTH_ON && poll(&backlog, 1, 0) != 0)) {
        return;
    }
    int next = dearth == HTTP_DEARTH_ON ? HTTP_DEARTH_ENDING : HTTP_DEARTH_NONE;
    atomic_compare_exchange_strong_explicit(&s->dearth, &dearth, next, memory_order_relaxed,
                                            memory_order_relaxed);
}

static bool server_start_conn(struct http_server *s, int fd)
{
    /* 64 KiB of address space are plenty: handlers keep their buffers on the heap. */
    const rove_task_options options = { .name = "connection",
                                        .stack_size = 64 * 1024,
                                        .eager = true };
    rove_task *task = rove_create_task_with(&options, http_conn_main, (void *)(intptr_t)fd);
    if (!task) {
        close(fd);
        rove_semaphore_release(&s->permits);
        return false;
    }
    rove_release(task);
    return true;
}

static int server_acceptor(void *arg, void **result)
{
    struct http_server *s = arg;
    (void)result;
    for (;;) {
        int rc = rove_semaphore_acquire(&s->permits);
        if (rc < 0) {
            return rc;
        }
        int fd = rove_accept(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            if (server_start_conn(s, fd)) {
                note_accepted(s);
            }
            continue;
        }
        rove_semaphore_release(&s->permits);
        rc = fd == -ECANCELED ? fd : accept_again(s, fd);
        if (rc < 0) {
            return rc;
        }
    }
}

static void server_announce(const struct http_server *s)
{
    struct sockaddr_in6 address = { 0 };
    socklen_t bytes = sizeof address;
    if (getsockname(s->listen_fd, (struct sockaddr *)&address, &bytes) < 0) {
        return;
    }
    const char *host = s->settings.address;
    const char *colon = strrchr(host, ':');
    if (colon && address.sin6_family != AF_UNIX) {
        /* The port is at the same place for IPv4 and IPv6. */
        printf("listening on %.*s:%u\n", (int)(colon - host), host, ntohs(address.sin6_port));
    } else {
        printf("listening on %s\n", host);
    }
    fflush(stdout);
}

static int server_open(struct http_server *s)
{
    s->root_fd = -1;
    if (s->settings.root) {
        s->root_fd = rove_open(s->settings.root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (s->root_fd < 0) {
            fprintf(stderr, "http_server: %s: %s\n", s->settings.root, rove_strerror(s->root_fd));
            return s->root_fd;
        }
    }
    s->listen_fd = rove_listen(s->settings.address, BACKLOG);
    if (s->listen_fd < 0) {
        fprintf(stderr, "http_server: %s: %s\n", s->settings.address, rove_strerror(s->listen_fd));
        return s->listen_fd;
    }
    /* Accepted sockets inherit it: one call for all. A batch is one send, so there is nothing to
     * merge. */
    setsockopt(s->listen_fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    unsigned limit = s->settings.max_connections;
    rove_semaphore_init(&s->permits, limit ? limit : UINT32_MAX, 0);
    server_announce(s);
    return 0;
}

/* Connections that the kernel had completed before we stopped have been promised an answer. */
static void server_empty_backlog(struct http_server *s)
{
    while (rove_poll(s->listen_fd, POLLIN, 0) > 0) {
        int fd = rove_accept(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 || rove_semaphore_tryacquire(&s->permits) < 0) {
            if (fd >= 0) {
                close(fd);
            }
            return;
        }
        server_start_conn(s, fd);
    }
}

/* All answers that are owed go out; quiet connections are closed, again and again until none is
 * left. */
static void server_drain(struct http_server *s)
{
    static const int64_t limits[HTTP_PHASES] = {
        [HTTP_PHASE_IDLE] = STOP_IDLE_MS,
        [HTTP_PHASE_READING] = STOP_READING_MS,
        [HTTP_PHASE_WORKING] = NEVER,
        [HTTP_PHASE_SENDING] = STOP_SENDING_MS,
    };
    rove_future *drained = rove_create_future();
    pthread_mutex_lock(&s->lock);
    s->drained = drained;
    bool is_empty = s->conn_count == 0;
    pthread_mutex_unlock(&s->lock);
    rove_time give_up = rove_now() + ROVE_SEC(STOP_GRACE_S);
    while (drained && !is_empty && rove_now() < give_up) {
        if (rove_wait(1, &drained, ROVE_ALL_COMPLETED, ROVE_MS(STOP_IDLE_MS), NULL) != 0) {
            break; /* drained, or cancelled */
        }
        server_sweep(s, limits);
    }
    pthread_mutex_lock(&s->lock);
    s->drained = NULL;
    pthread_mutex_unlock(&s->lock);
    rove_release(drained);
}

/* Before anything is accepted: the clients may take every descriptor there is. */
static int server_open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    int fd = signalfd(-1, &set, SFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int server_wait_for_signal(int fd)
{
    struct signalfd_siginfo info;
    ssize_t n = rove_read(fd, &info, sizeof info);
    rove_close(fd);
    return n < 0 ? (int)n : 0;
}

/* One a worker by default: a connection's task begins where it was accepted, so several accepts in
 * flight spread the connections (bench/http/run, 64 connections on two workers: 2.7 us of CPU a
 * request instead of 2.8 on io_uring, 3.9 instead of 4.4 on epoll). */
static unsigned server_acceptors(const struct http_server *s)
{
    unsigned count = s->settings.acceptors;
    rove_metrics *m = count == 0 ? calloc(1, sizeof *m) : NULL;
    if (m && rove_metrics_read(rove_current_runtime(), m) == 0) {
        count = m->workers;
    }
    free(m);
    return count == 0 ? 1 : count < ACCEPTORS_MAX ? count : ACCEPTORS_MAX;
}

static int server_serve(struct http_server *s)
{
    rove_task *acceptors[ACCEPTORS_MAX] = { NULL };
    unsigned count = server_acceptors(s);
    int signals = server_open_signals();
    if (signals < 0) {
        rove_close(s->listen_fd);
        return signals;
    }
    for (unsigned i = 0; i < count; i++) {
        acceptors[i] = rove_create_task(server_acceptor, s);
    }
    rove_task *janitor = s->settings.idle_timeout > 0 ? rove_create_task(server_janitor, s) : NULL;
    int rc = server_wait_for_signal(signals);
    atomic_store_explicit(&s->is_stopping, true, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++) {
        if (acceptors[i]) {
            rove_cancel(acceptors[i]);
            rove_join(acceptors[i], NULL);
        }
    }
    server_empty_backlog(s);
    rove_close(s->listen_fd);
    server_drain(s);
    if (janitor) {
        rove_cancel(janitor);
        rove_join(janitor, NULL);
    }
    return rc;
}

static void print_counters(rove_metrics *m)
{
    uint64_t n[HTTP_COUNTERS];
    http_local_totals(n);
    printf("connections %" PRIu64 "  requests %" PRIu64 "  refused %" PRIu64 "  timeouts %" PRIu64
           "  sends %" PRIu64 "  MiB sent %.1f\n",
           n[HTTP_COUNT_CONNECTIONS], n[HTTP_COUNT_REQUESTS], n[HTTP_COUNT_REFUSED],
           n[HTTP_COUNT_TIMEOUTS], n[HTTP_COUNT_BATCHES],
           (double)n[HTTP_COUNT_SENT_BYTES] / (1 << 20));
    printf("%-6s %12s %12s %12s %12s %12s %12s\n", "worker", "tasks", "switches", "steals", "parks",
           "wakeups", "operations");
    for (unsigned i = 0; i < m->workers; i++) {
        const rove_worker_metrics *w = &m->worker[i];
        printf("%-6u %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64
               " %12" PRIu64 "\n",
               i, w->tasks_done, w->switches, w->steals, w->parks, w->wakeups, w->ops_submitted);
    }
    fflush(stdout);
}

int http_server_main(void *arg, void **result)
{
    struct http_server *s = &http_server;
    (void)result;
    s->settings = *(const struct http_settings *)arg;
    int rc = server_open(s);
    if (rc < 0) {
        return rc;
    }
    rc = server_serve(s);
    rove_metrics *m = s->settings.is_quiet ? NULL : calloc(1, sizeof *m);
    if (m && rove_metrics_read(rove_current_runtime(), m) == 0) {
        print_counters(m);
    }
    free(m);
    if (s->root_fd >= 0) {
        rove_close(s->root_fd);
    }
    return rc;
}
