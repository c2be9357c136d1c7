// SPDX-License-Identifier: MIT
/*
 * Purpose: files: write, read back, ask for the size, rename, remove.
 * Idea: each call suspends the task and never the worker, and returns what the system call would,
 *   with a negative errno code in place of -1.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rove.h>

static int write_file(const char *path, const char *text)
{
    int fd = rove_open(path, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fd;
    ssize_t n = rove_write_all(fd, text, strlen(text));
    int rc = n < 0 ? (int)n : rove_fsync(fd);
    int closed = rove_close(fd);
    return rc < 0 ? rc : closed;
}

static int read_file(const char *path)
{
    struct statx facts;
    int rc = rove_statx(AT_FDCWD, path, 0, STATX_SIZE, &facts);
    int fd = rc < 0 ? rc : rove_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    char text[64];
    ssize_t n = rove_pread(fd, text, sizeof text, 6);
    if (n >= 0)
        printf("%d bytes, from the sixth: %.*s\n", (int)facts.stx_size, (int)n, text);
    rc = rove_close(fd);
    return n < 0 ? (int)n : rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    char from[32], to[32];
    snprintf(from, sizeof from, "/tmp/rove-file-%d.a", getpid());
    snprintf(to, sizeof to, "/tmp/rove-file-%d.b", getpid());
    int rc = write_file(from, "hello file");
    if (rc == 0)
        rc = rove_rename(from, to);
    if (rc == 0)
        rc = read_file(to);
    printf("the old name: %s\n", rove_unlink(from) == -ENOENT ? "is gone" : "?");
    return rc < 0 ? rc : rove_unlink(to);
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
