// SPDX-License-Identifier: MIT
/*
 * Purpose: sockets without a server object: listen, accept, dial; a stream made of a descriptor.
 * Idea: every socket call has its suspending twin. rove_stream_open takes a connected socket over
 *   when buffering is wanted.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include <rove.h>

static int answer(void *arg, void **result)
{
    (void)result;
    int fd = rove_accept(*(const int *)arg, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return fd;
    rove_stream *s = rove_stream_open(fd);
    const char *line;
    ssize_t n = rove_stream_read_line(s, &line);
    if (n > 0)
        printf("server: %.*s", (int)n, line);
    int rc = n < 0 ? (int)n : rove_stream_write(s, "pong\n", 5);
    int closed = rove_stream_close(s);
    return rc < 0 ? rc : closed;
}

static int ask(int port)
{
    char address[32], buf[16];
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    int fd = rove_dial(address);
    ssize_t n = fd < 0 ? fd : rove_send(fd, "ping\n", 5, 0);
    n = n < 0 ? n : rove_recv(fd, buf, sizeof buf, MSG_WAITALL); /* up to the end */
    if (n < 0)
        return (int)n;
    printf("client: %.*s", (int)n, buf);
    return rove_close(fd);
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    struct sockaddr_in name;
    socklen_t len = sizeof name;
    int fd = rove_listen("127.0.0.1:0", 0);
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&name, &len) < 0)
        return fd < 0 ? fd : -EINVAL;
    rove_task *task = rove_create_task(answer, &fd);
    int rc = ask(ntohs(name.sin_port));
    int answered = rove_join(task, NULL);
    rove_close(fd);
    return rc < 0 ? rc : answered;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
