// SPDX-License-Identifier: MIT
/*
 * Purpose: one connection: the struct, its loop, and what routes use to answer.
 *
 * Idea: the whole state lives on the stack of the connection's task. While it waits for the next
 * request that is all it holds, a little over one KiB with the receive buffer; big buffers are
 * borrowed from the thread (local.h) for as long as a request needs them.
 *
 * Threads: fields belong to the connection's task, except those marked shared.
 */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <rove.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "local.h"
#include "request.h"

struct http_server;

enum {
    HTTP_SMALL_BYTES = 1024, /* sixteen short requests in a row, or one of a browser */
    HTTP_REPLY_ROOM = 512,   /* no head that http_reply writes is longer */
};

/* Who may end the wait the connection is in. */
enum http_phase {
    HTTP_PHASE_IDLE,    /* for the next request: the janitor, by shutting the reading side */
    HTTP_PHASE_READING, /* for the rest of a request: its own deadline; in the end the server's stop
                         */
    HTTP_PHASE_WORKING, /* inside a request: only the task itself */
    HTTP_PHASE_SENDING, /* for a peer that does not read: the janitor, by shutting both sides */
    HTTP_PHASES,
};

enum http_type {
    HTTP_TYPE_BYTES,
    HTTP_TYPE_TEXT,
    HTTP_TYPE_HTML,
    HTTP_TYPE_CSS,
    HTTP_TYPE_JS,
    HTTP_TYPE_JSON,
    HTTP_TYPE_SVG,
    HTTP_TYPE_PNG,
    HTTP_TYPE_JPEG,
    HTTP_TYPES,
};

struct http_conn {
    struct http_server *server;
    int fd;
    bool is_in_body;   /* the head is parsed, its body is still coming */
    bool is_keeping;   /* the request being answered leaves the connection open */
    bool is_ending;    /* nothing is read after this batch */
    bool is_lingering; /* bytes may still arrive: do not let close() turn them into a reset */
    bool is_head_only; /* the request being answered is a HEAD */
    char *in;          /* small, or big->data */
    size_t in_capacity;
    size_t start;       /* of the request being read */
    size_t end;         /* of what was received */
    size_t next_at;     /* where the request after the one being answered begins */
    rove_time deadline; /* of the request being read; 0: none yet */
    struct http_buffer *big;
    struct http_buffer *out;
    size_t out_bytes;
    unsigned answered; /* requests since the counters were last told */
    struct http_request request;
    char small[HTTP_SMALL_BYTES];

    /* shared: written by the task, read by the janitor */
    _Atomic int phase;
    _Atomic int64_t active_ms;

    /* shared: under the server's lock */
    struct http_conn *next;
    struct http_conn **link;
};

/* The task of a connection; arg is the descriptor, which it owns. */
int http_conn_main(void *arg, void **result);

/* Answer completely. < 0: give the connection up. */
int http_reply(struct http_conn *c, int status, enum http_type type, const char *body,
               size_t bytes);

/* Answer with a status, its name as the body, and extra header lines ("Allow: GET\r\n") or NULL. */
int http_reply_status(struct http_conn *c, int status, const char *extra);

/* Begin an answer whose body of exactly `bytes` bytes the caller then puts behind out_bytes. */
int http_reply_head(struct http_conn *c, int status, enum http_type type, uint64_t bytes);

/* Last call for the connection's future: reply.c asks right before it writes a head. A server that
 * is stopping ends the connection with the last answer that is owed. */
void http_conn_settle(struct http_conn *c);

/* Send what has been answered so far; suspends only when the peer is slow. < 0: give up. */
int http_conn_flush(struct http_conn *c);

/* routes.c: answer the parsed request. < 0: give the connection up. */
int http_route(struct http_conn *c, const char *url, size_t bytes);

/* file.c: answer with the file `name` below the root. */
int http_file(struct http_conn *c, const char *name, size_t bytes);

#endif
