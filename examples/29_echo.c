// SPDX-License-Identifier: MIT
/*
 * Purpose: streams: an echo server and a client of it, in one program.
 * Idea: the server makes a task for each connection and closes the stream when the handler
 *   returns. Port 0 lets the kernel choose; rove_server_port tells which it was.
 */
#include <stdio.h>
#include <string.h>

#include <rove.h>

static int echo(rove_stream *s, void *ctx)
{
    (void)ctx;
    const char *line;
    ssize_t n;
    while ((n = rove_stream_read_line(s, &line)) > 0) {
        int rc = rove_stream_write(s, line, (size_t)n); /* sent soon */
        if (rc < 0)
            return rc;
    }
    printf("server: %s\n", n == 0 ? "client has left" : "?");
    return (int)n;
}

static int client(int port)
{
    char address[32];
    rove_stream *s = NULL;
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    int rc = rove_stream_dial(address, &s);
    if (rc < 0)
        return rc;
    ssize_t n = rove_stream_write(s, "hello\nworld\n", 12);
    for (int i = 0; i < 2 && n >= 0; i++) {
        const char *line = "";
        n = rove_stream_read_line(s, &line); /* what was written has been sent by then */
        printf("client: %.*s", n > 0 ? (int)n : 0, line);
    }
    rc = rove_stream_close(s); /* the server reads the end */
    return n < 0 ? (int)n : rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_server *server = NULL;
    int rc = rove_server_start("127.0.0.1:0", echo, NULL, NULL, &server);
    if (rc < 0)
        return rc;
    rc = client(rove_server_port(server));
    int stopped = rove_server_stop(server, ROVE_SEC(60));
    return rc < 0 ? rc : stopped;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
