// SPDX-License-Identifier: MIT
/*
 * Purpose: request framing: our own line checks in front of llhttp, strict mode, no lenient flag.
 *
 * Idea: every check that decides where a request ends is made twice, here and in llhttp: two
 * readers that disagree about that are what request smuggling lives on, so any disagreement must
 * end in 400.
 *
 * Rejected: llhttp's header callbacks for Host, Expect and the rest. They come in pieces when a
 * read cuts a name, and they do not show the space before a colon. The line scan sees whole lines
 * anyway.
 */
#include "request.h"

#include <string.h>

static int on_url(llhttp_t *parser, const char *at, size_t bytes)
{
    struct http_request *r = parser->data;
    r->url_at = (uint32_t)(at - r->base);
    r->url_bytes = (uint32_t)bytes;
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct http_request *r = parser->data;
    r->is_keep_alive = llhttp_should_keep_alive(parser) != 0;
    r->content_length = (parser->flags & F_CONTENT_LENGTH) ? parser->content_length : 0;
    r->has_body = (parser->flags & F_CHUNKED) || r->content_length > 0;
    /* This server speaks nothing but HTTP/1: an offer to upgrade is to be ignored, as RFC 9110
     * allows. */
    parser->upgrade = 0;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t bytes)
{
    struct http_request *r = parser->data;
    (void)at;
    r->body_bytes += bytes;
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    struct http_request *r = parser->data;
    r->is_complete = true;
    return HPE_PAUSED; /* stop right here: the bytes that follow have not been scanned yet */
}

static const llhttp_settings_t request_settings = {
    .on_url = on_url,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void http_request_init(struct http_request *r, uint64_t body_bytes_max)
{
    memset(r, 0, sizeof *r);
    llhttp_init(&r->parser, HTTP_REQUEST, &request_settings);
    r->parser.data = r;
    r->body_bytes_max = body_bytes_max;
}

void http_request_next(struct http_request *r)
{
    if (r->is_complete) {
        llhttp_resume(&r->parser); /* it was paused at the end of the last request */
    }
    const size_t kept = offsetof(struct http_request, body_bytes);
    memset((char *)r + kept, 0, sizeof *r - kept);
}

struct text {
    const char *at;
    size_t bytes;
};

static struct text text_trim(struct text t)
{
    while (t.bytes > 0 && (t.at[0] == ' ' || t.at[0] == '\t')) {
        t.at++;
        t.bytes--;
    }
    while (t.bytes > 0 && (t.at[t.bytes - 1] == ' ' || t.at[t.bytes - 1] == '\t')) {
        t.bytes--;
    }
    return t;
}

/* ASCII only, whatever the locale. Inlined with a constant it is a handful of instructions. */
static inline bool text_is(struct text t, const char *lower_case, size_t bytes)
{
    unsigned char differs = 0;
    if (t.bytes != bytes) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        unsigned char bit = lower_case[i] >= 'a' ? 0x20 : 0; /* what sets A apart from a */
        differs |= (unsigned char)((t.at[i] | bit) ^ lower_case[i]);
    }
    return differs == 0;
}

#define TEXT_IS(t, literal) text_is((t), (literal), sizeof(literal) - 1)

/* Bytes that an authority never holds: blanks, controls, and what would hide a list, a path or user
 * information; RFC 9112 3.2 wants 400 for them. One bit a byte, from 0 to 63 and from 64 to 127. */
#define BIT(c) (UINT64_C(1) << ((c)&63))
static const uint64_t no_host_low = (BIT(33) - 1) | BIT('#') | BIT(',') | BIT('/') | BIT('?');
static const uint64_t no_host_high = BIT('@') | BIT('\\') | BIT(127);

static bool host_is_valid(struct text value)
{
    uint64_t refused = 0;
    for (size_t i = 0; i < value.bytes; i++) {
        unsigned char c = (unsigned char)value.at[i];
        refused |= (c < 64 ? no_host_low : no_host_high) >> (c & 63) | c >> 7;
    }
    return (refused & 1) == 0;
}

/* The few headers that decide about framing and routing. */
static int scan_header(struct http_request *r, struct text name, struct text value)
{
    switch (name.bytes) {
    case sizeof "host" - 1:
        if (TEXT_IS(name, "host")) {
            r->hosts++;
            return host_is_valid(text_trim(value)) ? HTTP_STEP_DONE : HTTP_STEP_REFUSED;
        }
        break;
    case sizeof "expect" - 1:
        if (TEXT_IS(name, "expect")) {
            r->is_expecting = TEXT_IS(text_trim(value), "100-continue");
            r->is_expectation_unknown |= !r->is_expecting;
        }
        break;
    case sizeof "content-length" - 1:
        r->lengths = (uint8_t)(r->lengths + TEXT_IS(name, "content-length"));
        break;
    case sizeof "transfer-encoding" - 1:
        if (TEXT_IS(name, "transfer-encoding")) {
            r->codings++;
            r->is_coding_unknown |= !TEXT_IS(text_trim(value), "chunked");
        }
        break;
    }
    return HTTP_STEP_DONE;
}

/* One header line without its CRLF. */
static int scan_line(struct http_request *r, const char *line, size_t bytes)
{
    const char *colon = memchr(line, ':', bytes);
    if (!colon || colon == line) {
        return HTTP_STEP_REFUSED;
    }
    /* A leading blank is a folded line, a blank before the colon is a name that others read
     * differently. */
    if (line[0] == ' ' || line[0] == '\t' || colon[-1] == ' ' || colon[-1] == '\t') {
        return HTTP_STEP_REFUSED;
    }
    struct text name = { line, (size_t)(colon - line) };
    struct text value = { colon + 1, bytes - name.bytes - 1 };
    return scan_header(r, name, value);
}

/* The head is all there: do its framing headers make sense together? */
static int scan_verdict(const struct http_request *r)
{
    if (r->hosts > 1 || r->lengths > 1 || r->codings > 1 || (r->lengths && r->codings)) {
        return HTTP_STEP_REFUSED;
    }
    if (r->is_coding_unknown) {
        return 501;
    }
    return r->is_expectation_unknown ? 417 : HTTP_STEP_DONE;
}

int http_request_scan(struct http_request *r, const char *data, size_t bytes)
{
    for (;;) {
        const char *line = data + r->line_at;
        const char *end = memchr(line, '\n', bytes - r->line_at);
        size_t upto = end ? (size_t)(end + 1 - data) : bytes;
        if (upto > HTTP_HEAD_BYTES_MAX || r->lines > HTTP_HEADERS_MAX + 1) {
            return r->lines ? 431 : 414;
        }
        if (!end) {
            return HTTP_STEP_MORE;
        }
        if (end == line || end[-1] != '\r') {
            return HTTP_STEP_REFUSED; /* a bare LF: others may not take it for the end of a line */
        }
        size_t line_bytes = (size_t)(end - line) - 1;
        r->line_at = (uint32_t)upto;
        if (line_bytes == 0) {
            if (r->lines) {
                r->head_bytes = (uint32_t)upto;
                return scan_verdict(r);
            }
            continue; /* empty lines before a request line are to be skipped, RFC 9112 2.2 */
        }
        if (line[0] == '\r') {
            return HTTP_STEP_REFUSED; /* llhttp would skip it in front of a method */
        }
        if (r->lines++) {
            int step = scan_line(r, line, line_bytes);
            if (step != HTTP_STEP_DONE) {
                return step;
            }
        }
    }
}

static int parse_refusal(llhttp_errno_t error)
{
    return error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE ? 505 : HTTP_STEP_REFUSED;
}

int http_request_parse(struct http_request *r, const char *data)
{
    r->base = data;
    llhttp_errno_t error = llhttp_execute(&r->parser, data, r->head_bytes);
    r->base = NULL;
    if (error != HPE_OK && !(error == HPE_PAUSED && r->is_complete)) {
        return parse_refusal(error);
    }
    if (r->parser.http_major != 1) {
        return 505;
    }
    if (r->parser.http_minor == 0 ? r->codings != 0 : r->hosts != 1) {
        return HTTP_STEP_REFUSED; /* 1.0 knows no chunks; 1.1 must name its host */
    }
    /* The two readers must agree on whether a body follows and how it is framed. */
    if (r->is_complete == r->has_body || (r->codings != 0 && !r->has_body)) {
        return HTTP_STEP_REFUSED;
    }
    return r->content_length > r->body_bytes_max ? 413 : HTTP_STEP_DONE;
}

int http_request_body(struct http_request *r, const char *data, size_t bytes, size_t *taken)
{
    llhttp_errno_t error = llhttp_execute(&r->parser, data, bytes);
    *taken = bytes;
    if (r->is_complete && error == HPE_PAUSED) {
        *taken = (size_t)(llhttp_get_error_pos(&r->parser) - data);
    } else if (error != HPE_OK) {
        return HTTP_STEP_REFUSED;
    }
    /* Framing counts too: one-byte chunks with long extensions must not get round the limit. */
    r->wire_bytes += *taken;
    if (r->body_bytes > r->body_bytes_max ||
        r->wire_bytes > 2 * r->body_bytes_max + HTTP_HEAD_BYTES_MAX) {
        return 413;
    }
    return r->is_complete ? HTTP_STEP_DONE : HTTP_STEP_MORE;
}
