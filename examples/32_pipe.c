// SPDX-License-Identifier: MIT
/*
 * Purpose: descriptors of any kind, with a deadline, and a read that is cancelled.
 * Idea: a cancelled read is over when it returns: no byte is lost and the buffer is the caller's
 *   again, so the same data can be read later.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <rove.h>

static ssize_t read_within(int fd, char *buf, size_t n, rove_duration limit)
{
    rove_timeout t;
    rove_timeout_enter(&t, limit);
    ssize_t got = rove_read(fd, buf, n);
    int rc = rove_timeout_exit(&t, got < 0 ? (int)got : 0);
    return rc < 0 ? rc : got;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -EMFILE;
    char buf[16];
    ssize_t n = read_within(ends[0], buf, sizeof buf, ROVE_MS(5));
    printf("empty pipe: %s\n", n == -ETIMEDOUT ? "timed out" : "?");

    n = rove_write_all(ends[1], "late data", 9);
    printf("wrote %zd, readable: %d\n", n,
           (rove_poll(ends[0], POLLIN, ROVE_SEC(60)) & POLLIN) != 0);
    n = read_within(ends[0], buf, sizeof buf, ROVE_SEC(60));
    printf("read %zd: %.*s\n", n, (int)(n > 0 ? n : 0), buf);

    int rc = rove_close(ends[1]);
    printf("end of file: %d\n", rove_read(ends[0], buf, sizeof buf) == 0);
    int second = rove_close(ends[0]);
    return rc < 0 ? rc : second;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
