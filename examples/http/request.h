// SPDX-License-Identifier: MIT
/*
 * Purpose: one HTTP/1.x request out of a byte stream: find its head, check it, parse it, pass its
 * body.
 *
 * Idea: two stages. http_request_scan walks the bytes line by line until the empty line that ends
 * the head; it touches each line once, however the bytes were cut, and refuses what a lenient
 * parser would let through (llhttp 8.1 accepts a space before the colon and folded lines). Only a
 * complete head is then given to llhttp, so what it reports about the request line is never split
 * over two reads and needs no copy; a plain one, see is_plain, is not given to it at all. The body
 * goes through llhttp as it comes.
 *
 *     | ... served | head .............. CRLF CRLF | body ... | next request ...
 *                  ^ 0    ^ line  (scanned to here) ^ head_bytes
 *
 * Threads: belongs to the task of its connection.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_HEAD_BYTES_MAX = 8192, /* longer: 431, or 414 while still in the request line */
    HTTP_HEADERS_MAX = 100,
};

/* What to do next. Values from 400 on are the status to refuse the request with. */
enum http_step {
    HTTP_STEP_MORE = 0, /* receive more bytes, then ask again */
    HTTP_STEP_DONE = 1, /* the stage is complete */
    HTTP_STEP_REFUSED = 400,
};

struct http_request {
    /* for all requests of a connection */
    llhttp_t parser;
    uint64_t body_bytes_max;

    /* of the request at hand: http_request_next clears from here on */
    uint64_t body_bytes;     /* so far, without chunk framing */
    uint64_t wire_bytes;     /* of the body so far, with chunk framing */
    uint64_t content_length; /* as announced; 0 if chunked or absent */
    uint32_t line_at;        /* of the scan: where the next unread line begins */
    uint32_t head_bytes;
    uint32_t url_at; /* offsets, not pointers: the buffer may be moved */
    uint32_t url_bytes;
    uint16_t lines;
    uint8_t hosts;
    uint8_t lengths;        /* how many Content-Length */
    uint8_t codings;        /* how many Transfer-Encoding */
    bool is_coding_unknown; /* something else than exactly "chunked" */
    bool is_expecting;      /* Expect: 100-continue */
    bool is_expectation_unknown;
    uint8_t method; /* llhttp's HTTP_GET and so on */
    bool is_plain; /* GET or HEAD of 1.1 in which the scan met nothing that it cannot judge alone */
    bool is_old;   /* 1.0: must be told that the connection stays open; later ones expect it */
    bool is_keep_alive;
    bool has_body;
    bool is_complete;
    const char *base; /* only while llhttp runs: what url_at counts from */
};

/* Once a connection. */
void http_request_init(struct http_request *r, uint64_t body_bytes_max);

/* Before each request: the next byte is the first of a new one. */
void http_request_next(struct http_request *r);

/* Look for the end of the head in data[0..bytes), where data[0] is the first byte of the request
 * and data only ever grows between calls. DONE: r->head_bytes is set. */
int http_request_scan(struct http_request *r, const char *data, size_t bytes);

/* Parse the head that the scan found. DONE: method, url, keep-alive and framing are known;
 * r->is_complete says whether there is no body. */
int http_request_parse(struct http_request *r, const char *data);

/* Take body bytes from data[0..bytes); *taken says how many belonged to this request. DONE: all is
 * here. */
int http_request_body(struct http_request *r, const char *data, size_t bytes, size_t *taken);

#endif
