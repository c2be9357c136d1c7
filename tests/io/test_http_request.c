// SPDX-License-Identifier: MIT
/*
 * Purpose: request framing of the HTTP example, without sockets: what is accepted, refused, and
 * where each request ends.
 *
 * Idea: every case is a byte string with its expected outcome, and is run three ways: whole, and
 * cut after every byte, and with another request behind it. The outcome must be the same. What the
 * line scan calls plain is read by llhttp as well, as it is and with any byte in any place of it.
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
    SERVED("proxy's close", GET "Host: a\r\nProxy-Connection: close\r\n\r\n", 0, "/", false),
    SERVED("keep-alive and close", GET "Host: a\r\nConnection: keep-alive, close\r\n\r\n", 0, "/",
           false),
    SERVED("head", "HEAD /a?b HTTP/1.1\r\nHost: a\r\n\r\n", 0, "/a?b", true),
    SERVED("1.0", "GET / HTTP/1.0\r\n\r\n", 0, "/", false),
    SERVED("1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0, "/", true),
    SERVED("upgrade is ignored", GET "Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 0,
           "/", true),
    SERVED("upgrade without a connection's", GET "Host: a\r\nUpgrade: h2c\r\n\r\n", 0, "/", true),
    SERVED("get with a body", GET "Host: a\r\nContent-Length: 5\r\n\r\nabcde", 5, "/", true),
    SERVED("get with chunks", GET "Host: a\r\n" CHUNKED "\r\n1\r\na\r\n0\r\n\r\n", 1, "/", true),
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

/* The parser goes on where it was, whoever reads the requests between two that it reads. */
static void test_turns(void)
{
    static const struct sample s = { "turns", BYTES(""), 0, 0, NULL, false };
    static const char *const turns[] = {
        GET "Host: a\r\n\r\n",
        POST "Content-Length: 2\r\n\r\nab",
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        POST CHUNKED "\r\n1\r\na\r\n0\r\n\r\n",
    };
    const unsigned methods[] = { HTTP_GET, HTTP_POST, HTTP_HEAD, HTTP_OPTIONS, HTTP_POST };
    const size_t count = sizeof turns / sizeof turns[0];
    struct http_request r;
    http_request_init(&r, 1024);
    for (size_t i = 0; i < 2 * count * count; i++) { /* all pairs, one behind the other */
        size_t n = i % 2 ? i / 2 % count : i / 2 / count, end = 0;
        int status = feed(&r, turns[n], strlen(turns[n]), 7, &end);
        check(status == 0 && end == strlen(turns[n]), &s, turns[n], "status", status);
        check(r.method == methods[n], &s, turns[n], "method", r.method);
        http_request_next(&r);
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

/* Read the same bytes by the line scan alone and by llhttp; is_plain says which of them parses. */
static void compare_readers(const char *bytes, size_t size, const char *how, unsigned *plain)
{
    static const struct sample s = { "two readers", BYTES(""), 0, 0, NULL, false };
    struct http_request r[2];
    int step[2];
    for (int i = 0; i < 2; i++) {
        http_request_init(&r[i], 1024);
        if (http_request_scan(&r[i], bytes, size) != HTTP_STEP_DONE || !r[i].is_plain) {
            return;
        }
        r[i].is_plain = i == 0; /* llhttp reads what is not */
        step[i] = http_request_parse(&r[i], bytes);
    }
    ++*plain;
    check(step[0] == step[1], &s, how, "step", step[1]);
    check(r[0].is_complete == r[1].is_complete, &s, how, "complete", r[1].is_complete);
    check(r[0].is_keep_alive == r[1].is_keep_alive, &s, how, "keep-alive", r[1].is_keep_alive);
    check(r[0].is_old == r[1].is_old, &s, how, "version", r[1].is_old);
    check(r[0].method == r[1].method, &s, how, "method", r[1].method);
    check(r[0].url_at == r[1].url_at, &s, how, "place of the url", (long)r[1].url_at);
    check(r[0].url_bytes == r[1].url_bytes, &s, how, "length of the url", (long)r[1].url_bytes);
}

/* The plain reading must never differ from llhttp's, whatever byte stands wherever. */
static void test_readers(void)
{
    static const char *const heads[] = {
        GET "Host: a\r\n\r\n",
        "\r\n" GET "Host: localhost:80\r\n\r\n",
        "HEAD /a?b=c HTTP/1.1\r\nAccept: */*;q=1\r\nHost:\tb \r\nX:\r\n\r\n",
        GET "Connection: keep-alive\r\nHost: a\r\nUser-Agent: a thing (of; some, kind)\r\n\r\n",
    };
    static const struct sample whole = { "plain head", BYTES(""), 0, 0, NULL, false };
    unsigned plain = 0;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        compare_readers(samples[i].bytes, samples[i].size, samples[i].name, &plain);
    }
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        size_t size = strlen(heads[i]);
        unsigned before = plain;
        compare_readers(heads[i], size, heads[i], &plain);
        check(plain == before + 1, &whole, heads[i], "is plain as it stands", 0);
        for (size_t at = 0; at < size; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char bytes[256], how[64];
                memcpy(bytes, heads[i], size);
                bytes[at] = (char)byte;
                snprintf(how, sizeof how, "head %zu, byte %zu is %u", i, at, byte);
                compare_readers(bytes, size, how, &plain);
            }
        }
    }
    printf("%u plain heads were read twice\n", plain);
}

/* No byte that would hide a list, a path or user information, RFC 9112 3.2. */
static void test_hosts(void)
{
    static const struct sample s = { "host", BYTES(""), 0, 0, NULL, false };
    for (unsigned byte = 0; byte < 256; byte++) {
        char bytes[64], how[32];
        size_t size = (size_t)snprintf(bytes, sizeof bytes, GET "Host: a-b\r\n\r\n"), end;
        struct http_request r;
        *strchr(bytes, '-') = (char)byte;
        snprintf(how, sizeof how, "byte %u", byte);
        http_request_init(&r, 1024);
        bool is_refused = byte <= ' ' || byte >= 127 || strchr("#,/?@\\", (int)byte);
        int status = feed(&r, bytes, size, size, &end);
        check(status == (is_refused ? 400 : 0), &s, how, "status", status);
    }
}

int main(void)
{
    test_samples();
    test_hosts();
    test_turns();
    test_limits();
    test_readers();
    printf("%zu samples, %d failures\n", sizeof samples / sizeof samples[0], failures);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
