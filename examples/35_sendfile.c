// SPDX-License-Identifier: MIT
/*
 * Purpose: send a file to a socket without copying it through the program.
 * Idea: rove_sendfile moves pages through a pipe; both descriptors stay the caller's. The position
 *   is advanced by what was sent, so a loop sends the rest.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <rove.h>

enum { SIZE = 1 << 20 };

static int receiver(void *arg, void **result)
{
    (void)result;
    static char buf[1 << 16];
    ssize_t n, total = 0;
    while ((n = rove_recv(*(const int *)arg, buf, sizeof buf, 0)) > 0)
        for (ssize_t i = 0; i < n; i++)
            total += buf[i] == 'x';
    printf("received %zd x\n", total);
    return (int)n;
}

static int fill(int fd)
{
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    for (off_t at = 0; at < SIZE; at += (off_t)sizeof block)
        if (rove_pwrite(fd, block, sizeof block, at) != (ssize_t)sizeof block)
            return -EIO;
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    int ends[2], file = memfd_create("sendfile", MFD_CLOEXEC);
    if (file < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -EMFILE;
    rove_task *task = rove_create_task(receiver, &ends[1]);
    off_t at = 0;
    ssize_t n = fill(file);
    while (n >= 0 && at < SIZE)
        n = rove_sendfile(ends[0], file, &at, SIZE);
    printf("sent to position %ld\n", (long)at);
    rove_close(ends[0]); /* the receiver sees the end */
    int rc = rove_join(task, NULL);
    rove_close(ends[1]);
    rove_close(file);
    return n < 0 ? (int)n : rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
