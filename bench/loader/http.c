// SPDX-License-Identifier: MIT
/*
 * Purpose: HTTP for the loader: one GET request, and every answer compared with the first.
 * Idea:    the first answer, on a connection of its own, is parsed; all later ones must be the same
 *          bytes but for the value of Date, which is as long every time.
 */
#include "loader/loader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 4096, DATE_BYTES = 29 };

const char http_request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
static char answer[ANSWER_MAX + 1];
static size_t answer_bytes, date_at; /* date_at 0: there is none */

size_t http_request_bytes(void)
{
    return sizeof http_request - 1;
}

size_t http_answer_bytes(void)
{
    return answer_bytes;
}

/* How long the answer will be, once its head is whole; else 0. */
static size_t whole_bytes(void)
{
    const char *end = strstr(answer, "\r\n\r\n");
    const char *length = strcasestr(answer, "\r\ncontent-length: ");
    if (!end) {
        return 0;
    }
    if (!length || length > end || strncmp(answer, "HTTP/1.1 200 ", 13) != 0) {
        errno = EPROTO;
        loader_die("the first answer");
    }
    return (size_t)(end + 4 - answer) + strtoul(length + strlen("\r\ncontent-length: "), NULL, 10);
}

void http_learn(void)
{
    static const char hello[] = "Hello, World!";
    int fd = traffic_dial(1, 0);
    size_t got = 0, whole = 0;
    if (send(fd, http_request, sizeof http_request - 1, MSG_NOSIGNAL) < 0) {
        loader_die("send");
    }
    while (whole == 0 || got < whole) {
        ssize_t n = recv(fd, answer + got, ANSWER_MAX - got, 0);
        if (n <= 0) {
            loader_die("the first answer");
        }
        got += (size_t)n;
        answer[got] = '\0';
        whole = whole_bytes();
    }
    const char *date = strcasestr(answer, "\r\ndate: ");
    answer_bytes = whole;
    date_at = date ? (size_t)(date - answer) + strlen("\r\ndate: ") : 0;
    if (got != whole || strcmp(answer + whole - strlen(hello), hello) != 0) {
        errno = EPROTO;
        loader_die("the first answer");
    }
    close(fd);
}

static int is_same(const char *bytes, size_t at, size_t from, size_t to, size_t n)
{
    size_t begin = at > from ? at : from, end = at + n < to ? at + n : to;
    return begin >= end || memcmp(bytes + (begin - at), answer + begin, end - begin) == 0;
}

/* n bytes that stand at `at` of an answer. */
int http_is_right(const char *bytes, size_t n, size_t at)
{
    size_t after = date_at > 0 ? date_at + DATE_BYTES : 0;
    return is_same(bytes, at, 0, date_at, n) && is_same(bytes, at, after, answer_bytes, n);
}
