// SPDX-License-Identifier: MIT
/*
 * Purpose: answer with a file below the root, streamed, with no way out of the root.
 *
 * Idea: the name is decoded once and then walked component by component. Each is opened below the
 * descriptor of the one before, through /proc/self/fd/N/NAME, with O_NOFOLLOW: so no "..", no
 * absolute name and no symbolic link is ever followed, however the tree changes meanwhile. Every
 * open and read suspends the task only.
 *
 * Rejected: realpath() and a prefix check: somebody may swap a directory for a link in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "conn.h"
#include "server.h"

enum { NAME_BYTES_MAX = 1024 };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX becomes a byte; a NUL or a slash in disguise is no name of ours. */
static int name_decode(char out[NAME_BYTES_MAX], const char *name, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++, n++) {
        int c = (unsigned char)name[i];
        if (n == NAME_BYTES_MAX - 1) {
            return -ENAMETOOLONG;
        }
        if (c == '%') {
            int high = i + 2 < bytes ? hex_value(name[i + 1]) : -1;
            int low = high >= 0 ? hex_value(name[i + 2]) : -1;
            c = low >= 0 ? high * 16 + low : -1;
            i += 2;
            if (c < 0 || c == '/') {
                return -EINVAL;
            }
        }
        if (c == '\0') {
            return -EINVAL;
        }
        out[n] = (char)c;
    }
    out[n] = '\0';
    return 0;
}

/* Open one component below a directory. */
static int open_below(int dir_fd, const char *component, size_t bytes, int flags)
{
    char path[sizeof "/proc/self/fd/2147483647/" + 256];
    if (bytes == 0 || bytes > 255 || (bytes == 1 && component[0] == '.') ||
        (bytes == 2 && component[0] == '.' && component[1] == '.')) {
        return -ENOENT;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d/%.*s", dir_fd, (int)bytes, component);
    return rove_open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0);
}

static int file_open(int root_fd, const char *name)
{
    int dir_fd = root_fd;
    for (;;) {
        const char *slash = strchrnul(name, '/');
        size_t bytes = (size_t)(slash - name);
        /* O_NONBLOCK: opening a FIFO must not wait for its other end. */
        int flags = *slash ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK | O_NOCTTY;
        int fd = open_below(dir_fd, name, bytes, flags);
        if (dir_fd != root_fd) {
            rove_close(dir_fd);
        }
        if (fd < 0 || !*slash) {
            return fd;
        }
        dir_fd = fd;
        name = slash + 1;
    }
}

static enum http_type file_type(const char *name)
{
    static const struct {
        const char *suffix;
        enum http_type type;
    } types[] = {
        { ".html", HTTP_TYPE_HTML }, { ".css", HTTP_TYPE_CSS },  { ".js", HTTP_TYPE_JS },
        { ".json", HTTP_TYPE_JSON }, { ".txt", HTTP_TYPE_TEXT }, { ".svg", HTTP_TYPE_SVG },
        { ".png", HTTP_TYPE_PNG },   { ".jpg", HTTP_TYPE_JPEG },
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(dot, types[i].suffix) == 0) {
            return types[i].type;
        }
    }
    return HTTP_TYPE_BYTES;
}

/* The body, read straight behind what is to be sent and sent buffer by buffer. */
static int file_stream(struct http_conn *c, int fd, off_t size)
{
    off_t at = 0;
    while (at < size) {
        if (c->out_bytes == HTTP_BUFFER_BYTES) {
            int rc = http_conn_flush(c);
            if (rc < 0) {
                return rc;
            }
        }
        size_t room = HTTP_BUFFER_BYTES - c->out_bytes;
        size_t want = size - at < (off_t)room ? (size_t)(size - at) : room;
        ssize_t n = rove_pread(fd, c->out->data + c->out_bytes, want, at);
        if (n <= 0) {
            return n < 0 ? (int)n : -EIO; /* it shrank: the length promised cannot be kept */
        }
        c->out_bytes += (size_t)n;
        at += n;
    }
    return 0;
}

static int file_answer(struct http_conn *c, int fd, const char *name)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return http_reply_status(c, 500, NULL);
    }
    if (!S_ISREG(st.st_mode)) {
        return http_reply_status(c, 404, NULL);
    }
    int rc = http_reply_head(c, 200, file_type(name), (uint64_t)st.st_size);
    return rc < 0 || c->is_head_only ? rc : file_stream(c, fd, st.st_size);
}

static int file_refusal(int error)
{
    switch (error) {
    case -EINVAL:
        return 400;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
    case -EIO:
        return 500;
    default:
        return 404; /* also for what exists but is not ours to show: links, places without
                       permission */
    }
}

int http_file(struct http_conn *c, const char *name, size_t bytes)
{
    char decoded[NAME_BYTES_MAX];
    int rc = http_conn_flush(c); /* answers before this one must not wait for the disk */
    if (rc < 0) {
        return rc;
    }
    int fd = name_decode(decoded, name, bytes);
    if (fd == 0) {
        fd = c->server->root_fd < 0 ? -ENOENT : file_open(c->server->root_fd, decoded);
    }
    if (fd < 0) {
        return fd == -ECANCELED ? fd : http_reply_status(c, file_refusal(fd), NULL);
    }
    rc = file_answer(c, fd, decoded);
    rove_close(fd);
    return rc;
}
