// SPDX-License-Identifier: MIT
/*
 * Purpose: the HTTP scenario: the server of examples/http as it is, and clients that check answers.
 */
#include "fault/scenario.h"

#include "http/local.h"
#include "http/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum { ADDRESS_BYTES = 32 };

struct http {
    const struct rv_scenario_settings *settings;
    rove_task *server;
    char address[ADDRESS_BYTES];
};

/* A port nobody has, for a moment: the server wants a number. */
static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = rove_listen("127.0.0.1:0", 1);
    if (fd < 0) {
        return fd;
    }
    int rc = getsockname(fd, (struct sockaddr *)&at, &n) < 0 ? -EIO : ntohs(at.sin_port);
    (void)rove_close(fd);
    return rc;
}

/* The server's task has only just been made: until it listens, or has given up. */
static int dial(const struct http *h, rove_stream **s)
{
    int rc;
    do {
        rc = rove_stream_dial(h->address, s);
    } while (rc == -ECONNREFUSED && !rove_done(h->server) && rove_yield() == 0);
    return rc;
}

/* The number that begins at text[0], which no NUL ends. */
static size_t number_in(const char *text, size_t n)
{
    size_t value = 0;
    for (size_t i = 0; i < n && text[i] >= '0' && text[i] <= '9' && value < 100000; i++) {
        value = value * 10 + (size_t)(text[i] - '0');
    }
    return value;
}

/* Reads one answer; its body must be Content-Length bytes long. */
static int read_answer(rove_stream *s)
{
    const char *line;
    char body[256];
    size_t length = 0;
    ssize_t n = rove_stream_read_line(s, &line);
    if (n <= 0) {
        return n == 0 ? -ENODATA : (int)n;
    }
    size_t status = n > 12 ? number_in(line + 9, 3) : 0;
    while ((n = rove_stream_read_line(s, &line)) > 2) {
        if (n > 16 && strncasecmp(line, "Content-Length: ", 16) == 0) {
            length = number_in(line + 16, (size_t)n - 16);
        }
    }
    if (n <= 0) {
        return n == 0 ? -ENODATA : (int)n;
    }
    if (length == 0 || length > sizeof body) {
        return RV_SCENARIO_WRONG;
    }
    n = rove_stream_read_exactly(s, body, length);
    if (n < 0) {
        return (int)n;
    }
    return status == 200 ? 0 : status == 503 || status == 500 ? -ENOBUFS : RV_SCENARIO_WRONG;
}

static int client(void *arg, void **result)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const struct http *h = arg;
    rove_stream *s = NULL;
    rove_timeout limit;
    (void)result;
    rove_timeout_enter(&limit, h->settings->patience);
    int rc = dial(h, &s);
    for (unsigned i = 0; rc == 0 && i < h->settings->rounds; i++) {
        rc = rove_stream_write(s, request, sizeof request - 1);
        rc = rc < 0 ? rc : rove_stream_flush(s);
        rc = rc < 0 ? rc : read_answer(s);
    }
    if (s != NULL) {
        int closed = rove_stream_close(s);
        rc = rc < 0 ? rc : closed;
    }
    return rove_timeout_exit(&limit, rc);
}

int rv_scenario_http(void *arg, void **result)
{
    struct http h = {.settings = arg};
    struct http_settings settings = {.address = h.address,
                                     .header_timeout = ROVE_SEC(2),
                                     .idle_timeout = ROVE_SEC(2),
                                     .is_quiet = true};
    (void)result;
    int port = free_port();
    if (port < 0) {
        return port;
    }
    snprintf(h.address, sizeof h.address, "127.0.0.1:%d", port);
    h.server = rove_create_task(http_server_main, &settings);
    if (h.server == NULL) {
        return -ENOMEM;
    }
    int rc = h.settings->forks ? rv_scenario_fork() : 0;
    /* One client has been served: then the server listens, and a bad peer may come. */
    rc = rv_scenario_worse(rc, rv_scenario_run_all(1, client, &h));
    rv_scenario_call_peer(h.settings, port);
    rc = rv_scenario_worse(rc, rv_scenario_run_all(h.settings->clients, client, &h));
    rove_cancel(h.server);
    int ended = rove_join(h.server, NULL);
    return rv_scenario_worse(ended == -ECANCELED ? 0 : ended, rc); /* the cause first */
}

void rv_scenario_http_forget(void)
{
    http_local_fini();
    memset(&http_server, 0, sizeof http_server);
}
