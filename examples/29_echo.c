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
        int rc = rove_stream_write(s, line, (size_t)n); /* the close flushes it */
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
    rc = rove_stream_write(s, "hello\nworld\n", 12);
    if (rc == 0)
        rc = rove_stream_shutdown(s); /* flushes and says: no more from me */
    const char *line;
    ssize_t n = rc;
    while (n >= 0 && (n = rove_stream_read_line(s, &line)) > 0)
        printf("client: %.*s", (int)n, line);
    rc = rove_stream_close(s);
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
