// SPDX-License-Identifier: MIT
/*
 * Purpose: datagrams: receive with the sender's address, answer to it.
 * Idea: no wrapper is needed: socket(2), bind(2), and the two message calls that suspend.
 */
#include <netinet/in.h>
#include <stdio.h>

#include <rove.h>

static int bound_socket(struct sockaddr_in *name)
{
    socklen_t len = sizeof *name;
    *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = bind(fd, (struct sockaddr *)name, len);
    return rc < 0 || getsockname(fd, (struct sockaddr *)name, &len) < 0 ? -EINVAL : fd;
}

static struct msghdr message(struct sockaddr_in *peer, struct iovec *part)
{
    return (struct msghdr){
        .msg_name = peer, .msg_namelen = sizeof *peer, .msg_iov = part, .msg_iovlen = 1};
}

static ssize_t receive(int fd, struct sockaddr_in *from, const char *who)
{
    char buf[64];
    struct msghdr m = message(from, &(struct iovec){buf, sizeof buf});
    ssize_t n = rove_recvmsg(fd, &m, 0);
    if (n > 0)
        printf("%s: %.*s\n", who, (int)n, buf);
    return n;
}

static ssize_t send_to(int fd, struct sockaddr_in *to, char *text, size_t n)
{
    struct msghdr m = message(to, &(struct iovec){text, n});
    return rove_sendmsg(fd, &m, 0);
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    struct sockaddr_in a_name, b_name, from;
    int a = bound_socket(&a_name), b = bound_socket(&b_name);
    ssize_t n = send_to(a, &b_name, "question", 8);
    n = n < 0 ? n : receive(b, &from, "b");
    n = n < 0 ? n : send_to(b, &from, "answer", 6);
    n = n < 0 ? n : receive(a, &from, "a");
    printf("answered by b: %d\n", n > 0 && from.sin_port == b_name.sin_port);
    rove_close(a);
    rove_close(b);
    return n < 0 ? (int)n : 0;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
