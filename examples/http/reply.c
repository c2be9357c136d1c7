// SPDX-License-Identifier: MIT
/*
 * Purpose: write responses into the connection's outgoing buffer.
 *
 * Idea: answers to all requests of one read gather in one buffer and leave with one send. A head is
 * a few copies of constant length; nothing is formatted by printf on this path.
 */
#include <string.h>

#include "conn.h"

struct status {
    int code;
    const char *line;
};

static const struct status statuses[] = {
    { 200, "HTTP/1.1 200 OK\r\n" },
    { 400, "HTTP/1.1 400 Bad Request\r\n" },
    { 404, "HTTP/1.1 404 Not Found\r\n" },
    { 405, "HTTP/1.1 405 Method Not Allowed\r\n" },
    { 408, "HTTP/1.1 408 Request Timeout\r\n" },
    { 413, "HTTP/1.1 413 Content Too Large\r\n" },
    { 414, "HTTP/1.1 414 URI Too Long\r\n" },
    { 417, "HTTP/1.1 417 Expectation Failed\r\n" },
    { 431, "HTTP/1.1 431 Request Header Fields Too Large\r\n" },
    { 500, "HTTP/1.1 500 Internal Server Error\r\n" },
    { 501, "HTTP/1.1 501 Not Implemented\r\n" },
    { 505, "HTTP/1.1 505 HTTP Version Not Supported\r\n" },
};

/* The two lines that end in a number, in one piece. */
#define TYPE_LINE(name) "Content-Type: " name "\r\nContent-Length: "
#define TYPE(name)                                                                                 \
    {                                                                                              \
        TYPE_LINE(name), sizeof TYPE_LINE(name) - 1                                                \
    }

static const struct {
    const char *line;
    size_t bytes;
} types[HTTP_TYPES] = {
    [HTTP_TYPE_BYTES] = TYPE("application/octet-stream"),
    [HTTP_TYPE_TEXT] = TYPE("text/plain"),
    [HTTP_TYPE_HTML] = TYPE("text/html"),
    [HTTP_TYPE_CSS] = TYPE("text/css"),
    [HTTP_TYPE_JS] = TYPE("text/javascript"),
    [HTTP_TYPE_JSON] = TYPE("application/json"),
    [HTTP_TYPE_SVG] = TYPE("image/svg+xml"),
    [HTTP_TYPE_PNG] = TYPE("image/png"),
    [HTTP_TYPE_JPEG] = TYPE("image/jpeg"),
};

static const char *status_line(int code)
{
    const size_t n = sizeof statuses / sizeof statuses[0];
    size_t i = 0;
    while (i < n - 1 && statuses[i].code != code) {
        i++;
    }
    return statuses[i].code == code ? statuses[i].line : status_line(500);
}

static char *put(char *at, const char *text, size_t bytes)
{
    memcpy(at, text, bytes);
    return at + bytes;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

static char *put_number(char *at, uint64_t n)
{
    char digits[20];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return put(at, digits + first, sizeof digits - first);
}

/* A place for at least `bytes` more bytes, sending what is there if it must. NULL: give up. */
static char *reply_room(struct http_conn *c, size_t bytes)
{
    if (c->out && HTTP_BUFFER_BYTES - c->out_bytes < bytes && http_conn_flush(c) < 0) {
        return NULL;
    }
    struct http_local *local = http_local(); /* put_head relies on it */
    if (local && !c->out) {
        c->out = http_buffer_take(local);
    }
    return !local || !c->out ? NULL : c->out->data + c->out_bytes;
}

static char *put_head(struct http_conn *c, char *at, int status, const char *extra)
{
    struct http_local *local = http_local(); /* exists: reply_room has looked */
    if (status == 200) {
        at = PUT(at, "HTTP/1.1 200 OK\r\n");
    } else {
        const char *line = status_line(status);
        at = put(at, line, strlen(line));
        http_local_count(local, HTTP_COUNT_REFUSED, 1);
    }
    at = put(at, local->date, HTTP_DATE_BYTES);
    if (extra) {
        at = put(at, extra, strlen(extra));
    }
    if (!c->is_keeping) {
        return PUT(at, "Connection: close\r\n");
    }
    return c->request.is_old ? PUT(at, "Connection: keep-alive\r\n") : at;
}

static int reply_begin(struct http_conn *c, int status, const char *extra, enum http_type type,
                       uint64_t bytes)
{
    char *at = reply_room(c, HTTP_REPLY_ROOM);
    if (!at) {
        return -ENOMEM;
    }
    http_conn_settle(c);
    at = put_head(c, at, status, extra);
    at = put(at, types[type].line, types[type].bytes);
    at = put_number(at, bytes);
    at = PUT(at, "\r\n\r\n");
    c->out_bytes = (size_t)(at - c->out->data);
    return 0;
}

int http_reply_head(struct http_conn *c, int status, enum http_type type, uint64_t bytes)
{
    return reply_begin(c, status, NULL, type, bytes);
}

/* Behind a head, which has seen to it that there is a buffer. */
static int reply_body(struct http_conn *c, const char *body, size_t bytes)
{
    if (c->is_head_only) {
        return 0;
    }
    while (bytes > 0) {
        if (c->out_bytes == HTTP_BUFFER_BYTES && http_conn_flush(c) < 0) {
            return -EPIPE;
        }
        size_t room = HTTP_BUFFER_BYTES - c->out_bytes;
        size_t n = bytes < room ? bytes : room;
        memcpy(c->out->data + c->out_bytes, body, n);
        c->out_bytes += n;
        body += n;
        bytes -= n;
    }
    return 0;
}

int http_reply(struct http_conn *c, int status, enum http_type type, const char *body, size_t bytes)
{
    int rc = reply_begin(c, status, NULL, type, bytes);
    return rc < 0 ? rc : reply_body(c, body, bytes);
}

int http_reply_status(struct http_conn *c, int status, const char *extra)
{
    const char *name = status_line(status) + sizeof "HTTP/1.1 " - 1;
    size_t bytes = strlen(name) - 1; /* without the CR: the body is one line of text */
    char body[64];
    put(body, name, bytes - 1);
    body[bytes - 1] = '\n';
    int rc = reply_begin(c, status, extra, HTTP_TYPE_TEXT, bytes);
    return rc < 0 ? rc : reply_body(c, body, bytes);
}
