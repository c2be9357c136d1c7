// SPDX-License-Identifier: MIT
/*
 * Purpose: request framing: our own line checks in front of llhttp, strict mode, no lenient flag.
 *
 * Idea: every check that decides where a request ends is made twice, here and in llhttp: two
 * readers that disagree about that are what request smuggling lives on, so any disagreement must
 * end in 400. Most requests leave nothing to decide: "GET /path HTTP/1.1" and lines that say
 * nothing about a body or the connection. Of those the scan has checked every byte, so llhttp is
 * not asked, which would cost more than all the rest of an answer. The tests ask it, and compare.
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
#pragma GCC unroll 32
    for (size_t i = 0; i < bytes; i++) {
        unsigned char bit = lower_case[i] >= 'a' ? 0x20 : 0; /* what sets A apart from a */
        differs |= (unsigned char)((t.at[i] | bit) ^ lower_case[i]);
    }
    return differs == 0;
}

#define TEXT_IS(t, literal) text_is((t), (literal), sizeof(literal) - 1)

/* Where a byte may stand, RFC 9110 5 and RFC 9112 3.2. */
enum {
    IN_NAME = 1,  /* of a header: a token */
    IN_VALUE = 2, /* of a header */
    IN_PATH = 4,  /* with its query */
    IN_HOST = 8,  /* an authority: nothing that would hide a list, a path or user information */

    N = 0,                            /* nowhere: controls */
    V = IN_VALUE,                     /* blanks, and all beyond ASCII */
    P = IN_VALUE | IN_PATH,           /* , / ? @ \ */
    H = IN_VALUE | IN_PATH | IN_HOST, /* " ( ) : ; < = > [ ] { } */
    T = IN_NAME | H,                  /* letters, digits and what else a token holds */
    F = IN_NAME | IN_VALUE,           /* #: a fragment is llhttp's affair */
};

/* Sixteen bytes a row. */
// clang-format off
#define BEYOND_ASCII V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V
static const uint8_t places_of_byte[256] = {
    N, N, N, N, N, N, N, N, N, V, N, N, N, N, N, N, /* a tab */
    N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
    V, T, H, F, T, T, T, T, H, H, T, T, P, T, T, P, /*   ! " # $ % & ' ( ) * + , - . / */
    T, T, T, T, T, T, T, T, T, T, H, H, H, H, H, P, /* 0 1 2 3 4 5 6 7 8 9 : ; < = > ? */
    P, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* @ A B C D E F G H I J K L M N O */
    T, T, T, T, T, T, T, T, T, T, T, H, P, H, T, T, /* P Q R S T U V W X Y Z [ \ ] ^ _ */
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* ` a b c d e f g h i j k l m n o */
    T, T, T, T, T, T, T, T, T, T, T, H, T, H, T, N, /* p q r s t u v w x y z { | } ~   */
    BEYOND_ASCII, BEYOND_ASCII, BEYOND_ASCII, BEYOND_ASCII,
    BEYOND_ASCII, BEYOND_ASCII, BEYOND_ASCII, BEYOND_ASCII,
};
// clang-format on

/* Where all its bytes may stand. */
static unsigned text_places(struct text t)
{
    unsigned places = IN_NAME | IN_VALUE | IN_PATH | IN_HOST;
    for (size_t i = 0; i < t.bytes; i++) {
        places &= places_of_byte[(unsigned char)t.at[i]];
    }
    return places;
}

/* The few headers that decide about framing, routing and the connection. */
static int scan_header(struct http_request *r, struct text name, struct text value)
{
    unsigned places = text_places(value);
    r->is_plain &= (places & IN_VALUE) != 0;
    switch (name.bytes) {
    case sizeof "host" - 1:
        if (TEXT_IS(name, "host")) {
            r->hosts++;
            return places & IN_HOST ? HTTP_STEP_DONE : HTTP_STEP_REFUSED;
        }
        break;
    case sizeof "expect" - 1:
        if (TEXT_IS(name, "expect")) {
            r->is_expecting = TEXT_IS(value, "100-continue");
            r->is_expectation_unknown |= !r->is_expecting;
        }
        break;
    case sizeof "connection" - 1:
        r->is_plain &= !TEXT_IS(name, "connection") || TEXT_IS(value, "keep-alive");
        break;
    case sizeof "content-length" - 1:
        if (TEXT_IS(name, "content-length")) {
            r->lengths++;
            r->is_plain = false;
        }
        break;
    case sizeof "proxy-connection" - 1:
        r->is_plain &= !TEXT_IS(name, "proxy-connection");
        break;
    case sizeof "transfer-encoding" - 1:
        if (TEXT_IS(name, "transfer-encoding")) {
            r->codings++;
            r->is_plain = false;
            r->is_coding_unknown |= !TEXT_IS(value, "chunked");
        }
        break;
    }
    return HTTP_STEP_DONE;
}

/* One header line without its CRLF, which follows it: nothing here reads further than the CR. */
static int scan_line(struct http_request *r, struct text line)
{
    struct text name = { line.at, 0 };
    while (places_of_byte[(unsigned char)line.at[name.bytes]] & IN_NAME) {
        name.bytes++;
    }
    /* A leading blank is a folded line, a blank before the colon is a name that others read
     * differently: neither stands in a name. */
    if (name.bytes == 0 || line.at[name.bytes] != ':') {
        return HTTP_STEP_REFUSED;
    }
    struct text value = { line.at + name.bytes + 1, line.bytes - name.bytes - 1 };
    return scan_header(r, name, text_trim(value));
}

#define STARTS(t, literal)                                                                         \
    ((t).bytes >= sizeof(literal) - 1 && memcmp((t).at, (literal), sizeof(literal) - 1) == 0)

/* Whether it is "GET /path HTTP/1.1" or the same with HEAD; if so, what it asks for. */
static bool scan_plain_line(struct http_request *r, struct text line, uint32_t line_at)
{
    static const char version[] = " HTTP/1.1";
    const size_t version_bytes = sizeof version - 1;
    size_t url_at = STARTS(line, "GET /") ? 4 : STARTS(line, "HEAD /") ? 5 : 0;
    if (url_at == 0 || line.bytes <= url_at + version_bytes) {
        return false;
    }
    struct text url = { line.at + url_at, line.bytes - url_at - version_bytes };
    r->method = url_at == 4 ? HTTP_GET : HTTP_HEAD;
    r->url_at = line_at + (uint32_t)url_at;
    r->url_bytes = (uint32_t)url.bytes;
    return (text_places(url) & IN_PATH) && memcmp(url.at + url.bytes, version, version_bytes) == 0;
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
        struct text text = { line, (size_t)(end - line) - 1 };
        r->line_at = (uint32_t)upto;
        if (text.bytes == 0) {
            if (r->lines) {
                r->head_bytes = (uint32_t)upto;
                return scan_verdict(r);
            }
            continue; /* empty lines before a request line are to be skipped, RFC 9112 2.2 */
        }
        if (line[0] == '\r') {
            return HTTP_STEP_REFUSED; /* llhttp would skip it in front of a method */
        }
        if (r->lines++ == 0) {
            r->is_plain = scan_plain_line(r, text, (uint32_t)(line - data));
        } else if (scan_line(r, text) != HTTP_STEP_DONE) {
            return HTTP_STEP_REFUSED;
        }
    }
}

static int parse_refusal(llhttp_errno_t error)
{
    return error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE ? 505 : HTTP_STEP_REFUSED;
}

static int parse_plain(struct http_request *r)
{
    r->is_keep_alive = r->is_complete = true;
    return r->hosts == 1 ? HTTP_STEP_DONE : HTTP_STEP_REFUSED;
}

int http_request_parse(struct http_request *r, const char *data)
{
    if (r->is_plain) {
        return parse_plain(r);
    }
    llhttp_resume(&r->parser); /* it was paused at the end of the last request that it read */
    r->base = data;
    llhttp_errno_t error = llhttp_execute(&r->parser, data, r->head_bytes);
    r->base = NULL;
    if (error != HPE_OK && !(error == HPE_PAUSED && r->is_complete)) {
        return parse_refusal(error);
    }
    if (r->parser.http_major != 1) {
        return 505;
    }
    r->method = r->parser.method;
    r->is_old = r->parser.http_minor == 0;
    if (r->is_old ? r->codings != 0 : r->hosts != 1) {
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
