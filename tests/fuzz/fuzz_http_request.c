// SPDX-License-Identifier: MIT
/*
 * Purpose: fuzz the request framing of the HTTP example.
 *
 * Idea: the first byte says into what pieces the rest is cut. The stream is read twice, whole and
 * in those pieces, as requests in a row; both readings must agree on every accepted request: where
 * it ends, its url, its body. A refusal may name another status (a limit may be met before a syntax
 * error or after it), but both must refuse at the same request. An accepted request must also hold
 * what makes it safe: one Host in 1.1, one framing, no byte that ends a line elsewhere. A request
 * that the line scan reads alone must be what llhttp reads, too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/request.h"

enum { REQUESTS_MAX = 16, BODY_BYTES_MAX = 256 };

struct reading {
    struct {
        size_t end;
        uint32_t url_at, url_bytes;
        uint64_t body_bytes;
        bool is_keep_alive;
    } requests[REQUESTS_MAX];
    unsigned count;
    bool is_refused;
};

static void require(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "violated: %s\n", what);
        abort();
    }
}

static void require_safe(const struct http_request *r, const char *head)
{
    require(r->hosts == 1 || (r->hosts == 0 && r->is_old), "one host");
    require(r->lengths + r->codings <= 1, "one framing");
    require(r->url_bytes > 0 && r->url_at + r->url_bytes < r->head_bytes, "the url is in the head");
    for (uint32_t i = 0; i < r->head_bytes; i++) {
        require(head[i] != '\0', "no NUL in the head");
        require((head[i] == '\n') == (i > 0 && head[i - 1] == '\r'), "lines end in CRLF only");
    }
    require(r->body_bytes <= BODY_BYTES_MAX, "the limit of the body");
}

/* The scan said that it can read this head alone, and did, or refused it: what would llhttp say? */
static void require_agreement(const struct http_request *r, const char *head, int step)
{
    struct http_request other;
    http_request_init(&other, BODY_BYTES_MAX);
    require(http_request_scan(&other, head, r->head_bytes) == HTTP_STEP_DONE, "the same scan");
    other.is_plain = false;
    require(http_request_parse(&other, head) == step, "llhttp's step");
    require(other.is_complete == r->is_complete, "llhttp sees no body either");
    require(other.is_keep_alive == r->is_keep_alive, "llhttp's keep-alive");
    require(other.method == r->method && other.is_old == r->is_old, "llhttp's method and version");
    require(other.url_at == r->url_at && other.url_bytes == r->url_bytes, "llhttp's url");
}

/* One request from data[0..size), seeing `cut` more bytes at a time. 1: accepted; 0: more; < 0:
 * refused. */
static int read_request(struct http_request *r, const char *data, size_t size, size_t cut,
                        size_t *end)
{
    size_t have = 0;
    int step = HTTP_STEP_MORE;
    while (step == HTTP_STEP_MORE && have < size) {
        have = size - have < cut ? size : have + cut;
        step = http_request_scan(r, data, have);
    }
    if (step == HTTP_STEP_DONE) {
        *end = r->head_bytes;
        step = http_request_parse(r, data);
        if (r->is_plain) {
            require_agreement(r, data, step);
        }
    }
    while (step == HTTP_STEP_DONE && !r->is_complete) {
        size_t taken = 0;
        if (*end == have && have == size) {
            return 0;
        }
        have = *end < have ? have : size - have < cut ? size : have + cut;
        step = http_request_body(r, data + *end, have - *end, &taken);
        *end += taken;
        step = step == HTTP_STEP_MORE ? HTTP_STEP_DONE : step;
    }
    return step >= HTTP_STEP_REFUSED ? -1 : step;
}

static void read_stream(struct reading *reading, const char *data, size_t size, size_t cut)
{
    struct http_request r;
    size_t at = 0;
    memset(reading, 0, sizeof *reading);
    http_request_init(&r, BODY_BYTES_MAX);
    while (at < size && reading->count < REQUESTS_MAX) {
        size_t end = 0;
        int step = read_request(&r, data + at, size - at, cut, &end);
        reading->is_refused = step < 0;
        if (step <= 0) {
            return;
        }
        require_safe(&r, data + at);
        unsigned n = reading->count++;
        reading->requests[n].url_at = r.url_at;
        reading->requests[n].url_bytes = r.url_bytes;
        reading->requests[n].body_bytes = r.body_bytes;
        reading->requests[n].is_keep_alive = r.is_keep_alive;
        at += end;
        reading->requests[n].end = at;
        if (!r.is_keep_alive) {
            return;
        }
        http_request_next(&r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading whole, cut;
    if (size < 2) {
        return 0;
    }
    /* A copy of its own size, so that the sanitizer sees a read past the end. */
    char *stream = malloc(size - 1);
    if (!stream) {
        return 0;
    }
    memcpy(stream, data + 1, size - 1);
    read_stream(&whole, stream, size - 1, size);
    read_stream(&cut, stream, size - 1, 1 + data[0] % 64U);
    free(stream);
    require(memcmp(&whole, &cut, sizeof whole) == 0, "the same requests however they are cut");
    return 0;
}
