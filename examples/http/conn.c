// SPDX-License-Identifier: MIT
/*
 * Purpose: the life of a connection: receive, answer all that is complete, send once, again.
 *
 * Idea: a request never costs an allocation, a timer or a lock. The bytes of a short request stay
 * where they were received, on the task's stack; the answers of a batch leave with one send; the
 * idle deadline is kept by the janitor from a time stamp. Only an incomplete request gets a timer.
 *
 * Rejected: waiting by rove_poll and receiving into a shared buffer. It saves one KiB a connection
 * that the stack's page has anyway, and costs every request a second system call.
 */
#include "conn.h"

#include <string.h>
#include <sys/socket.h>

#include "server.h"

enum {
    LINGER_BYTES_MAX = 1024 * 1024,
    SMALL_ROOM_MIN = 128, /* less room for the rest of a request: move it to a big buffer */
};

static void conn_set_phase(struct http_conn *c, enum http_phase phase)
{
    atomic_store_explicit(&c->phase, (int)phase, memory_order_relaxed);
}

int http_conn_flush(struct http_conn *c)
{
    size_t sent = 0;
    if (c->out_bytes == 0) {
        return 0;
    }
    conn_set_phase(c, HTTP_PHASE_SENDING);
    while (sent < c->out_bytes) {
        ssize_t n = rove_send(c->fd, c->out->data + sent, c->out_bytes - sent, MSG_NOSIGNAL);
        if (n < 0) {
            return (int)n;
        }
        sent += (size_t)n;
    }
    struct http_local *local = http_local();
    conn_set_phase(c, HTTP_PHASE_WORKING);
    atomic_store_explicit(&c->active_ms, http_local_tick(local), memory_order_relaxed);
    http_local_count(local, HTTP_COUNT_REQUESTS, c->answered);
    http_local_count(local, HTTP_COUNT_BATCHES, 1);
    http_local_count(local, HTTP_COUNT_SENT_BYTES, sent);
    c->out_bytes = 0;
    c->answered = 0;
    return 0;
}

static void conn_give_out(struct http_conn *c)
{
    if (c->out) {
        http_buffer_give(http_local(), c->out);
        c->out = NULL;
    }
}

static void conn_use_small(struct http_conn *c)
{
    if (c->big) {
        http_buffer_give(http_local(), c->big);
        c->big = NULL;
    }
    c->in = c->small;
    c->in_capacity = sizeof c->small;
    c->start = c->end = 0;
}

/* Move what has been received to a big buffer. */
static int conn_grow(struct http_conn *c)
{
    struct http_local *local = http_local();
    c->big = local ? http_buffer_take(local) : NULL;
    if (!c->big) {
        return -ENOMEM;
    }
    memcpy(c->big->data, c->in + c->start, c->end - c->start);
    c->end -= c->start;
    c->start = 0;
    c->in = c->big->data;
    c->in_capacity = sizeof c->big->data;
    return 0;
}

/* Nothing is owed and nothing is begun: hold as little as possible until bytes come. */
static ssize_t conn_receive_idle(struct http_conn *c)
{
    conn_give_out(c);
    conn_use_small(c);
    c->deadline = 0;
    conn_set_phase(c, HTTP_PHASE_IDLE);
    ssize_t n = rove_recv(c->fd, c->small, sizeof c->small, 0);
    conn_set_phase(c, HTTP_PHASE_WORKING);
    return n;
}

/* The rest of a request that has begun: within the time that its first byte started. */
static ssize_t conn_receive_rest(struct http_conn *c)
{
    if (c->start > 0) {
        c->end -= c->start;
        memmove(c->in, c->in + c->start, c->end);
        c->start = 0;
    }
    if (!c->big && (c->is_in_body || c->in_capacity - c->end < SMALL_ROOM_MIN) &&
        conn_grow(c) < 0) {
        return -ENOMEM;
    }
    conn_give_out(c);
    if (c->deadline == 0) {
        rove_duration limit = c->server->settings.header_timeout;
        c->deadline = limit > 0 ? rove_now() + limit : ROVE_FOREVER;
    }
    conn_set_phase(c, HTTP_PHASE_READING);
    rove_timeout timeout = { 0 };
    rove_timeout_enter_at(&timeout, c->deadline);
    ssize_t n = rove_recv(c->fd, c->in + c->end, c->in_capacity - c->end, 0);
    int rc = rove_timeout_exit(&timeout, n < 0 ? (int)n : 0);
    conn_set_phase(c, HTTP_PHASE_WORKING);
    return rc < 0 ? rc : n;
}

/* A read that filled the small buffer was probably cut short. Fetch the rest before answering, so
 * that a long pipeline still leaves with one send. */
static void conn_receive_more(struct http_conn *c)
{
    if (c->big || c->end < c->in_capacity || conn_grow(c) < 0) {
        return;
    }
    ssize_t n = rove_recv(c->fd, c->in + c->end, c->in_capacity - c->end, MSG_DONTWAIT);
    if (n > 0) {
        c->end += (size_t)n;
    }
}

static ssize_t conn_receive(struct http_conn *c)
{
    ssize_t n = c->start == c->end ? conn_receive_idle(c) : conn_receive_rest(c);
    if (n > 0) {
        c->end += (size_t)n;
        conn_receive_more(c);
    }
    return n;
}

/* A server that stops says so with the last answer it owes, and not before. */
static bool conn_is_last(struct http_conn *c)
{
    char byte;
    if (!http_server_is_stopping(c->server) || c->next_at < c->end) {
        return false;
    }
    return rove_recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

void http_conn_settle(struct http_conn *c)
{
    if (c->is_keeping && conn_is_last(c)) {
        c->is_keeping = false;
        c->is_ending = c->is_lingering = true;
    }
}

/* Answer a request that cannot be served; where the next one would begin is no longer known. */
static int conn_refuse(struct http_conn *c, int status)
{
    c->is_keeping = c->is_head_only = false;
    c->is_ending = c->is_lingering = true;
    return http_reply_status(c, status, NULL);
}

static int conn_answer(struct http_conn *c)
{
    struct http_request *r = &c->request;
    c->is_keeping = r->is_keep_alive;
    c->is_ending = !c->is_keeping;
    c->is_lingering = c->is_ending && c->next_at < c->end;
    c->is_head_only = r->method == HTTP_HEAD;
    int rc = http_route(c, c->in + c->start + r->url_at, r->url_bytes);
    c->answered++;
    c->start = c->next_at;
    c->is_in_body = false;
    c->deadline = 0;
    http_request_next(r);
    return rc;
}

/* The head of the request at c->start, as far as it has come. */
static int conn_read_head(struct http_conn *c)
{
    int step = http_request_scan(&c->request, c->in + c->start, c->end - c->start);
    if (step != HTTP_STEP_DONE) {
        return step;
    }
    step = http_request_parse(&c->request, c->in + c->start);
    if (step != HTTP_STEP_DONE || c->request.is_complete) {
        return step;
    }
    c->is_in_body = true;
    if (c->request.is_expecting && !c->request.is_old &&
        c->start + c->request.head_bytes == c->end) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        int rc = http_conn_flush(c); /* answers before it go first */
        ssize_t n = rc < 0 ? rc : rove_send(c->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL);
        return n < 0 ? (int)n : HTTP_STEP_DONE;
    }
    return step;
}

/* Bytes of a body are counted and dropped at once: the head stays where it is, for the answer. */
static int conn_read_body(struct http_conn *c)
{
    size_t body = c->start + c->request.head_bytes;
    size_t taken = 0;
    int step = http_request_body(&c->request, c->in + body, c->end - body, &taken);
    if (step == HTTP_STEP_MORE) {
        c->end = body;
    }
    c->next_at = body + taken;
    return step;
}

/* One request, if it is complete. MORE: it is not; DONE: answered; < 0: give up. */
static int conn_request(struct http_conn *c)
{
    int step = HTTP_STEP_DONE;
    if (!c->is_in_body) {
        step = conn_read_head(c);
    }
    c->next_at = c->start + c->request.head_bytes;
    if (step == HTTP_STEP_DONE && c->is_in_body) {
        step = conn_read_body(c);
    }
    if (step >= HTTP_STEP_REFUSED) {
        return conn_refuse(c, step);
    }
    if (step != HTTP_STEP_DONE) {
        return step;
    }
    int rc = conn_answer(c);
    return rc < 0 ? rc : HTTP_STEP_DONE;
}

/* All complete requests of what was received, then one send. */
static int conn_batch(struct http_conn *c)
{
    struct http_local *local = http_local();
    if (!local) {
        return -ENOMEM;
    }
    atomic_store_explicit(&c->active_ms, http_local_tick(local), memory_order_relaxed);
    int step = HTTP_STEP_DONE;
    while (step == HTTP_STEP_DONE && c->start < c->end && !c->is_ending) {
        step = conn_request(c);
    }
    return step < 0 ? step : http_conn_flush(c);
}

static int conn_time_out(struct http_conn *c)
{
    http_local_count(http_local(), HTTP_COUNT_TIMEOUTS, 1);
    int rc = conn_refuse(c, 408);
    return rc < 0 ? rc : http_conn_flush(c);
}

/* Closing with unread bytes sends a reset, which may overtake the last answer: so read them first,
 * within limits, until the peer has seen our end and closed its own. */
static void conn_linger(struct http_conn *c)
{
    conn_give_out(c);
    conn_use_small(c);
    if (rove_shutdown(c->fd, SHUT_WR) < 0 || conn_grow(c) < 0) {
        return;
    }
    rove_timeout timeout = { 0 };
    rove_timeout_enter(&timeout, ROVE_SEC(1));
    ssize_t n;
    size_t total = 0;
    do {
        n = rove_recv(c->fd, c->in, c->in_capacity, 0);
        total += n > 0 ? (size_t)n : 0;
    } while (n > 0 && total < LINGER_BYTES_MAX);
    rove_timeout_exit(&timeout, n < 0 ? (int)n : 0);
}

static int conn_serve(struct http_conn *c)
{
    while (!c->is_ending) {
        ssize_t n = conn_receive(c);
        int rc = n == -ETIMEDOUT ? conn_time_out(c) : n <= 0 ? (int)n : conn_batch(c);
        if (n == 0 || rc < 0) {
            return rc;
        }
    }
    if (c->is_lingering) {
        conn_linger(c);
    }
    return 0;
}

static void conn_init(struct http_conn *c, struct http_server *server, int fd)
{
    memset(c, 0, offsetof(struct http_conn, small)); /* not the buffer: it would touch its pages */
    c->server = server;
    c->fd = fd;
    c->in = c->small;
    c->in_capacity = sizeof c->small;
    http_request_init(&c->request, HTTP_BODY_BYTES_MAX);
    atomic_init(&c->phase, HTTP_PHASE_IDLE);
    atomic_init(&c->active_ms, 0);
}

int http_conn_main(void *arg, void **result)
{
    struct http_conn c;
    (void)result;
    conn_init(&c, &http_server, (int)(intptr_t)arg);
    struct http_local *local = http_local();
    if (local) {
        atomic_init(&c.active_ms, http_local_tick(local));
        http_local_count(local, HTTP_COUNT_CONNECTIONS, 1);
        http_server_join(c.server, &c);
        conn_serve(&c); /* how it ended is the peer's affair */
        conn_give_out(&c);
        conn_use_small(&c);
        http_server_leave(c.server, &c);
    }
    rove_close(c.fd);
    rove_semaphore_release(&c.server->permits);
    return 0;
}
