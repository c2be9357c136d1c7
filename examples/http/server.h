// SPDX-License-Identifier: MIT
/*
 * Purpose: what all connections share: the settings, the list of the living, the way to stop.
 *
 * Idea: stopping asks nobody to hurry. `is_stopping` makes each connection say "Connection: close"
 * with the last answer it owes; the idle ones get a moment for a request that is already under way,
 * then their reading side is shut, so that their wait ends like any end of file.
 *
 * Threads: the lock guards the list and is held only over short system calls, never over a
 * suspension.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <pthread.h>
#include <rove.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_conn;

enum { HTTP_BODY_BYTES_MAX = 1024 * 1024 };

struct http_settings {
    const char *address;
    const char *root;             /* NULL: /file/ answers 404 */
    unsigned max_connections;     /* 0: no limit but the system's */
    unsigned acceptors;           /* accepts in flight; 0: one for each worker */
    rove_duration header_timeout; /* from the first byte of a request to its last; 0: none */
    rove_duration idle_timeout;   /* between requests, and for a peer that does not read; 0: none */
    bool is_quiet;
};

enum {
    HTTP_DEARTH_NONE,
    HTTP_DEARTH_ON,    /* and that has been said */
    HTTP_DEARTH_ENDING /* the backlog was empty after the last accept */
};

struct http_server {
    struct http_settings settings; /* constant while it runs */
    int listen_fd;
    int root_fd;            /* -1: none */
    rove_semaphore permits; /* one for each connection that may still be accepted */
    atomic_bool is_stopping;
    atomic_int dearth; /* of descriptors: HTTP_DEARTH_ */
    rove_future *drained; /* set by the last connection of a server that stops */

    pthread_mutex_t lock;
    struct http_conn *conns; /* under the lock */
    size_t conn_count;       /* under the lock */
};

/* The one server of this process. A connection's task gets its descriptor as its argument and finds
 * the rest here, so accepting allocates nothing. */
extern struct http_server http_server;

/* Listen, serve until SIGINT or SIGTERM (both blocked on every thread), then finish. settings is
 * arg. */
int http_server_main(void *arg, void **result);

/* A connection joins before its first wait and leaves before it closes its descriptor. */
void http_server_join(struct http_server *s, struct http_conn *c);
void http_server_leave(struct http_server *s, struct http_conn *c);

/* How many have joined and not left. */
size_t http_server_open(struct http_server *s);

static inline bool http_server_is_stopping(struct http_server *s)
{
    return atomic_load_explicit(&s->is_stopping, memory_order_relaxed);
}

#endif
