// SPDX-License-Identifier: MIT
/*
 * Purpose: request framing of the HTTP example, without sockets: what is accepted, refused, and
 * where each request ends.
 *
 * Idea: every case is a byte string with its expected outcome, and is run three ways: whole, and
 * cut after every byte, and with another request behind it. The outcome must be the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/request.h"

struct sample {
    const char *name;
    const char *bytes;
    size_t size;
    int status; /* 0: accepted */
    uint64_t body;
    const char *url;
    bool is_keep_alive;
};

#define BYTES(text) (text), sizeof(text) - 1
#define REFUSED(name, text, status)                                                                \
    {                                                                                              \
        (name), BYTES(text), (status), 0, NULL, false                                              \
    }
#define SERVED(name, text, body, url, keep)                                                        \
    {                                                                                              \
        (name), BYTES(text), 0, (body), (url), (keep)                                              \
    }
#define GET "GET / HTTP/1.1\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define POST "POST /upload HTTP/1.1\r\nHost: a\r\n"

static const struct sample samples[] = {
    SERVED("plain", GET "Host: a\r\n\r\n", 0, "/", true),
    SERVED("leading empty line", "\r\n" GET "Host: a\r\n\r\n", 0, "/", true),
    SERVED("query", "GET /sleep?ms=5 HTTP/1.1\r\nhost: a:80\r\n\r\n", 0, "/sleep?ms=5", true),
    SERVED("close", GET "Host: a\r\nConnection: close\r\n\r\n", 0, "/", false),
    SERVED("1.0", "GET / HTTP/1.0\r\n\r\n", 0, "/", false),
    SERVED("1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0, "/", true),
    SERVED("upgrade is ignored", GET "Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 0,
           "/", true),
    SERVED("length", POST "Content-Length: 5\r\n\r\nabcde", 5, "/upload", true),
    SERVED("length 0", POST "Content-Length: 0\r\n\r\n", 0, "/upload", true),
    SERVED("chunked", POST CHUNKED "\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 13,
           "/upload", true),
    SERVED("chunked, nothing", POST CHUNKED "\r\n0\r\n\r\n", 0, "/upload", true),
    SERVED("trailer", POST CHUNKED "\r\n1\r\na\r\n0\r\nX: y\r\n\r\n", 1, "/upload", true),
    SERVED("expect", POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab", 2, "/upload",
           true),
    SERVED("absolute", "GET http://a/stats HTTP/1.1\r\nHost: a\r\n\r\n", 0, "http://a/stats", true),
    REFUSED("space before colon", GET "Host : a\r\n\r\n", 400),
    REFUSED("tab before colon", GET "Host: a\r\nX\t: a\r\n\r\n", 400),
    REFUSED("folded line", GET "Host: a\r\nX: b\r\n c\r\n\r\n", 400),
    REFUSED("folded line, tab", GET "Host: a\r\nX: b\r\n\tc: d\r\n\r\n", 400),
    REFUSED("folded first header", GET " Host: a\r\n\r\n", 400),
    REFUSED("length and chunked", POST "Content-Length: 5\r\n" CHUNKED "\r\n0\r\n\r\n", 400),
    REFUSED("chunked and length", POST CHUNKED "Content-Length: 5\r\n\r\n0\r\n\r\n", 400),
    REFUSED("two lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", 400),
    REFUSED("two equal lengths", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", 400),
    REFUSED("length list", POST "Content-Length: 5, 5\r\n\r\nabcde", 400),
    REFUSED("length with plus", POST "Content-Length: +5\r\n\r\nabcde", 400),
    REFUSED("length with minus", POST "Content-Length: -5\r\n\r\nabcde", 400),
    REFUSED("length in hex", POST "Content-Length: 0x5\r\n\r\nabcde", 400),
    REFUSED("length empty", POST "Content-Length:\r\n\r\nabcde", 400),
    REFUSED("length overflow", POST "Content-Length: 18446744073709551617\r\n\r\na", 400),
    REFUSED("length too large", POST "Content-Length: 1025\r\n\r\n", 413),
    REFUSED("two codings", POST CHUNKED CHUNKED "\r\n0\r\n\r\n", 400),
    REFUSED("coding list", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    REFUSED("coding twice in a line", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
            501),
    REFUSED("coding with vertical tab",
            POST "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n0\r\n\r\n",
            501),
    REFUSED("chunked in 1.0", "POST /upload HTTP/1.0\r\n" CHUNKED "\r\n0\r\n\r\n", 400),
    REFUSED("chunk size not hex", POST CHUNKED "\r\nxyz\r\nabc\r\n0\r\n\r\n", 400),
    REFUSED("chunk size with 0x", POST CHUNKED "\r\n0x3\r\nabc\r\n0\r\n\r\n", 400),
    REFUSED("chunk size overflow", POST CHUNKED "\r\n10000000000000003\r\nabc\r\n", 400),
    REFUSED("chunk longer than its size", POST CHUNKED "\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
    REFUSED("NUL in a value", GET "Host: a\r\nX: a\0b\r\n\r\n", 400),
    REFUSED("NUL in a name", GET "Host: a\r\nX\0: b\r\n\r\n", 400),
    REFUSED("bare CR in a value", GET "Host: a\r\nX: a\rb\r\n\r\n", 400),
    REFUSED("bare CR before the method", "\r" GET "Host: a\r\n\r\n", 400),
    REFUSED("bare LF after a header", GET "Host: a\nX: b\r\n\r\n", 400),
    REFUSED("bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    REFUSED("bare LF at the end", GET "Host: a\r\n\n", 400),
    REFUSED("no colon", GET "Host: a\r\nnonsense\r\n\r\n", 400),
    REFUSED("empty name", GET "Host: a\r\n: b\r\n\r\n", 400),
    REFUSED("no host", GET "\r\n", 400),
    REFUSED("two hosts", GET "Host: a\r\nHost: a\r\n\r\n", 400),
    REFUSED("host with a space", GET "Host: a b\r\n\r\n", 400),
    REFUSED("host with a path", GET "Host: a/b\r\n\r\n", 400),
    REFUSED("no version", "GET /\r\n\r\n", 505),
    REFUSED("version 2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    REFUSED("http/2 preface", "PRI * HTTP/2.0\r\n\r\n", 505),
    REFUSED("unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    REFUSED("space in the url", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    REFUSED("NUL in the url", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    REFUSED("unknown expectation", GET "Host: a\r\nExpect: more\r\n\r\n", 417),
};

static int failures;

static void check(bool is_true, const struct sample *s, const char *how, const char *what, long got)
{
    if (!is_true) {
        printf("FAILED %s, %s: %s (got %ld)\n", s->name, how, what, got);
        failures++;
    }
}

/* Feed s as a connection does, `cut` bytes at a time; returns the status or 0, and where it ended.
 */
static int feed(struct http_request *r, const char *bytes, size_t size, size_t cut, size_t *end)
{
    size_t have = 0;
    int step = HTTP_STEP_MORE;
    while (step == HTTP_STEP_MORE && have < size) {
        have = size - have < cut ? size : have + cut;
        step = http_request_scan(r, bytes, have);
    }
    if (step != HTTP_STEP_DONE) {
        return step ? step : -1;
    }
    *end = r->head_bytes;
    step = http_request_parse(r, bytes);
    while (step <= HTTP_STEP_DONE && !r->is_complete) {
        size_t taken;
        if (*end == have) {
            if (have == size) {
                return -1;
            }
            have = size - have < cut ? size : have + cut;
        }
        step = http_request_body(r, bytes + *end, have - *end, &taken);
        *end += taken;
    }
    return step >= HTTP_STEP_REFUSED ? step : 0;
}

static void run(const struct sample *s, const char *how, const char *bytes, size_t size, size_t cut)
{
    struct http_request r;
    size_t end = 0;
    http_request_init(&r, 1024);
    int status = feed(&r, bytes, size, cut, &end);
    check(status == s->status, s, how, "status", status);
    if (s->status || status) {
        return;
    }
    check(end == s->size, s, how, "end of the request", (long)end);
    check(r.body_bytes == s->body, s, how, "body", (long)r.body_bytes);
    check(r.is_keep_alive == s->is_keep_alive, s, how, "keep-alive", r.is_keep_alive);
    bool is_same = r.url_bytes == strlen(s->url) && !memcmp(bytes + r.url_at, s->url, r.url_bytes);
    check(is_same, s, how, "url", (long)r.url_bytes);
}

/* The parser goes on after a request: two in a row, the second must be read as if it were alone. */
static void run_twice(const struct sample *s)
{
    struct http_request r;
    size_t end = 0;
    if (s->status || !s->is_keep_alive) {
        return;
    }
    http_request_init(&r, 1024);
    for (int i = 0; i < 3; i++) {
        int status = feed(&r, s->bytes, s->size, s->size, &end);
        check(status == 0 && end == s->size, s, "again", "status", status);
        http_request_next(&r);
    }
}

static void test_samples(void)
{
    static const char behind[] = "GET /next HTTP/1.1\r\nHost: b\r\n\r\n";
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const struct sample *s = &samples[i];
        char both[1024];
        memcpy(both, s->bytes, s->size);
        memcpy(both + s->size, behind, sizeof behind - 1);
        run(s, "whole", s->bytes, s->size, s->size);
        run(s, "byte by byte", s->bytes, s->size, 1);
        run(s, "three bytes at a time", s->bytes, s->size, 3);
        run(s, "with a follower", both, s->size + sizeof behind - 1, sizeof both);
        run_twice(s);
    }
}

static int feed_repeated(const char *head, const char *line, size_t times, const char *tail)
{
    size_t size = strlen(head) + times * strlen(line) + strlen(tail);
    char *bytes = malloc(size + 1);
    struct http_request r;
    size_t end;
    if (!bytes) {
        abort();
    }
    char *at = stpcpy(bytes, head);
    while (times--) {
        at = stpcpy(at, line);
    }
    stpcpy(at, tail);
    http_request_init(&r, 1024);
    int status = feed(&r, bytes, size, 100, &end);
    free(bytes);
    return status;
}

static void test_limits(void)
{
    static const struct sample s = { "limits", BYTES(""), 0, 0, NULL, false };
    int status = feed_repeated(GET "Host: a\r\n", "X: y\r\n", 99, "\r\n");
    check(status == 0, &s, "100 headers", "status", status);
    status = feed_repeated(GET "Host: a\r\n", "X: y\r\n", 100, "\r\n");
    check(status == 431, &s, "101 headers", "status", status);
    status = feed_repeated(GET "Host: a\r\nX: ", "0123456789", 900, "\r\n\r\n");
    check(status == 431, &s, "long header", "status", status);
    status = feed_repeated("GET /", "0123456789", 900, " HTTP/1.1\r\nHost: a\r\n\r\n");
    check(status == 414, &s, "long url", "status", status);
    status = feed_repeated(POST CHUNKED "\r\n", "1\r\na\r\n", 1024, "0\r\n\r\n");
    check(status == 0, &s, "1024 chunks of one byte", "status", status);
    status = feed_repeated(POST CHUNKED "\r\n", "1\r\na\r\n", 1025, "0\r\n\r\n");
    check(status == 413, &s, "1025 chunks of one byte", "status", status);
    status = feed_repeated(POST CHUNKED "\r\n1;", "extension", 2000, "\r\na\r\n0\r\n\r\n");
    check(status == 413, &s, "endless chunk extension", "status", status);
}

int main(void)
{
    test_samples();
    test_limits();
    printf("%zu samples, %d failures\n", sizeof samples / sizeof samples[0], failures);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
