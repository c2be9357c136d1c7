// SPDX-License-Identifier: MIT
/*
 * Purpose: reads, writes, accepts, closes and streams, cancelled and timed out at any time.
 * Idea:    byte i of every stream has the value i * 31 + seed, so a lost or doubled one shows at
 *          once. A call that came back with a count has moved just so many, one that was cancelled
 *          none. After each call its buffer is asked for (rove_sim_owns) and painted over.
 */
#include "tools/sim/load.h"

#include "io/sim_file.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define PIECE 96
#define TOTAL 600

/* One direction of bytes. */
struct way {
    int from, to;          /* read from, written to */
    size_t sent, seen;
    size_t goal;
    unsigned char salt;
    bool closes;           /* the writer ends the way */
};

static bool may_close_under_others;

static unsigned draw(unsigned n)
{
    return rove_sim_random(n);
}

void load_draw_numbers(void)
{
    may_close_under_others = draw(2) == 0;
    if (may_close_under_others) {
        rv_sim_file_spend_numbers();
    }
}

static unsigned char byte_at(const struct way *w, size_t i)
{
    return (unsigned char)(i * 31 + w->salt);
}

static void buffer_is_ours(unsigned char *buf, size_t n)
{
    load_check(!rove_sim_owns(buf, n), "a call came back while the kernel has its buffer");
    memset(buf, 0xee, n);
}

static ssize_t write_piece(struct way *w, unsigned char *buf, size_t n)
{
    switch (draw(4)) {
    case 0:
        return rove_write_all(w->to, buf, n);
    case 1: {
        struct iovec v[2] = {{.iov_base = buf, .iov_len = n / 2},
                             {.iov_base = buf + n / 2, .iov_len = n - n / 2}};
        return rove_writev(w->to, v, 2);
    }
    default:
        return rove_write(w->to, buf, n);
    }
}

static int writer(void *arg, void **result)
{
    struct way *w = arg;
    unsigned char buf[PIECE];
    ssize_t rc = 0;
    (void)result;
    while (w->sent < w->goal && rc >= 0) {
        size_t n = 1 + draw(PIECE);
        n = n < w->goal - w->sent ? n : w->goal - w->sent;
        for (size_t i = 0; i < n; i++) {
            buf[i] = byte_at(w, w->sent + i);
        }
        rc = write_piece(w, buf, n);
        load_check(rc <= (ssize_t)n && rc != 0, "a write of %zu came to %zd", n, rc);
        load_check(rc > 0 || rc == -ECANCELED || rc == -EPIPE || rc == -EBADF, "a write: %zd", rc);
        buffer_is_ours(buf, sizeof buf);
        w->sent += rc > 0 ? (size_t)rc : 0;
        rc = rc > 0 ? load_pause() : rc;
    }
    return rc < 0 ? (int)rc : 0;
}

static void check_bytes(struct way *w, const unsigned char *buf, ssize_t n)
{
    for (ssize_t i = 0; i < n; i++) {
        load_check(buf[i] == byte_at(w, w->seen + (size_t)i), "byte %zu of a way is wrong",
                   w->seen + (size_t)i);
    }
    w->seen += n > 0 ? (size_t)n : 0;
}

/* One read, with a deadline at times: how many bytes, -EAGAIN: none yet. */
static ssize_t read_piece(struct way *w)
{
    unsigned char buf[PIECE];
    rove_timeout t;
    bool has_deadline = draw(3) == 0;
    size_t n = 1 + draw(PIECE);
    if (has_deadline) {
        rove_timeout_enter(&t, ROVE_NS(1) << draw(18));
    }
    ssize_t rc = rove_read(w->from, buf, n);
    check_bytes(w, buf, rc);
    buffer_is_ours(buf, sizeof buf);
    if (has_deadline) {
        int left = rove_timeout_exit(&t, rc < 0 ? (int)rc : 0);
        rc = left == -ETIMEDOUT ? -EAGAIN : rc;
        /* Cancelled before the scope began and timed out in it: the scope, like asyncio's, tells of
         * the time only. */
        rc = rc == -EAGAIN && rove_cancelling(rove_current_task()) > 0 ? -ECANCELED : rc;
    }
    return rc;
}

static int reader(void *arg, void **result)
{
    struct way *w = arg;
    ssize_t rc = 1;
    (void)result;
    while (w->seen < w->goal && (rc > 0 || rc == -EAGAIN)) {
        rc = read_piece(w);
        load_check(rc >= 0 || rc == -EAGAIN || rc == -ECANCELED || rc == -EBADF, "a read: %zd", rc);
        if (rc > 0 && load_pause() < 0) {
            rc = -ECANCELED;
        }
    }
    return rc < 0 ? (int)rc : 0;
}

static void init_way(struct way *w, int from, int to)
{
    *w = (struct way){.from = from, .to = to, .goal = 1 + draw(TOTAL),
                      .salt = (unsigned char)draw(256)};
}

/* The writer has ended, its end is closed: what is still on the way is read here, uncancelled. */
static void drain(struct way *w)
{
    unsigned char buf[PIECE];
    ssize_t rc;
    do {
        rc = rove_read(w->from, buf, sizeof buf);
        check_bytes(w, buf, rc);
        load_check(rc >= 0 || rc == -ECANCELED, "the rest of a way: %zd", rc);
    } while (rc != 0);
    load_check(w->seen == w->sent, "%zu bytes were sent and %zu came", w->sent, w->seen);
}

static void close_sure(int fd)
{
    int rc = rove_close(fd);
    load_check(rc == 0, "a close: %d", rc);
}

int load_pipe(unsigned depth)
{
    int fds[2];
    struct way w;
    rove_task *tasks[2];
    (void)depth;
    load_check(rove_sim_pipe(fds) == 0, "no pipe");
    init_way(&w, fds[0], fds[1]);
    tasks[0] = rove_create_task(writer, &w);
    tasks[1] = rove_create_task(reader, &w);
    load_disturb(draw(3) == 0 ? 2 : 0, tasks);
    int rc = load_pause();
    if (rove_wait_for(tasks[1], ROVE_NS(1) << draw(26), NULL) == -ECANCELED) {
        rc = -ECANCELED;
    }
    rove_cancel(tasks[0]);
    load_join_all(2, tasks);
    close_sure(fds[1]);
    drain(&w);
    close_sure(fds[0]);
    return rc;
}

/* Both ways at once, over one pair of sockets. */
int load_pair(unsigned depth)
{
    int fds[2];
    struct way there, back;
    rove_task *tasks[4];
    (void)depth;
    load_check(rove_sim_socketpair(fds) == 0, "no pair");
    init_way(&there, fds[1], fds[0]);
    init_way(&back, fds[0], fds[1]);
    tasks[0] = rove_create_task(writer, &there);
    tasks[1] = rove_create_task(reader, &there);
    tasks[2] = rove_create_task(writer, &back);
    tasks[3] = rove_create_task(reader, &back);
    load_disturb(draw(3) == 0 ? 4 : 0, tasks);
    bool done[4];
    int rc = (int)rove_wait(4, tasks, ROVE_ALL_COMPLETED, ROVE_NS(1) << draw(26), done);
    for (unsigned i = 0; i < 4; i++) {
        rove_cancel(tasks[i]);
    }
    load_join_all(4, tasks);
    while (rove_shutdown(fds[0], SHUT_WR) == -ECANCELED) {
        rc = -ECANCELED;
    }
    while (rove_shutdown(fds[1], SHUT_WR) == -ECANCELED) {
        rc = -ECANCELED;
    }
    drain(&there);
    drain(&back);
    close_sure(fds[0]);
    close_sure(fds[1]);
    return rc < 0 ? rc : 0;
}

struct service {
    char address[32];
    int fd;
    unsigned served;
};

/* Takes connections until it is cancelled; each says one byte and is answered with the next. */
static int serve(void *arg, void **result)
{
    struct service *s = arg;
    int rc = 0;
    (void)result;
    while (rc != -ECANCELED && rc != -EBADF) {
        rc = rove_accept(s->fd, NULL, NULL, SOCK_CLOEXEC);
        load_check(rc >= 0 || rc == -EMFILE || rc == -ECONNABORTED || rc == -ECANCELED ||
                       rc == -EBADF || rc == -EINVAL, "an accept: %d", rc);
        if (rc >= 0) {
            unsigned char byte = 0;
            int fd = rc;
            ssize_t n = rove_read(fd, &byte, 1);
            byte++;
            n = n == 1 ? rove_write(fd, &byte, 1) : n;
            s->served += n == 1;
            close_sure(fd);
            rc = n == -ECANCELED ? -ECANCELED : 0;
        }
    }
    return rc;
}

static int call_service(void *arg, void **result)
{
    struct service *s = arg;
    unsigned char byte = (unsigned char)draw(256), answer = 0;
    (void)result;
    int fd = rove_dial(s->address);
    load_check(fd >= 0 || fd == -ECONNREFUSED || fd == -ECANCELED || fd == -EMFILE, "a dial: %d",
               fd);
    if (fd < 0) {
        return fd;
    }
    ssize_t n = rove_write(fd, &byte, 1);
    n = n == 1 ? rove_read(fd, &answer, 1) : n;
    load_check(n != 1 || answer == (unsigned char)(byte + 1), "a wrong answer");
    load_check(n >= 0 || n == -ECANCELED || n == -EPIPE || n == -ECONNRESET, "a call: %zd", n);
    close_sure(fd);
    return n < 0 ? (int)n : 0;
}

int load_accept(unsigned depth)
{
    static unsigned port;
    struct service s;
    rove_task *tasks[6];
    unsigned n = 2 + draw(5);
    (void)depth;
    snprintf(s.address, sizeof s.address, "127.0.0.1:%u", 1000 + port++ % 30000);
    s.fd = rove_listen(s.address, 1 + (int)draw(3));
    s.served = 0;
    load_check(s.fd >= 0, "a listen: %d", s.fd);
    tasks[0] = rove_create_task(serve, &s);
    for (unsigned i = 1; i < n; i++) {
        tasks[i] = rove_create_task(call_service, &s);
    }
    load_disturb(n - 1, tasks + 1);
    int rc = (int)rove_wait(n - 1, tasks + 1, ROVE_ALL_COMPLETED, ROVE_NS(1) << draw(26), NULL);
    if (!may_close_under_others || draw(2) == 0) {
        rove_cancel(tasks[0]);
        load_join_all(1, tasks);
        close_sure(s.fd);
    } else {
        close_sure(s.fd);
        load_join_all(1, tasks);
    }
    for (unsigned i = 1; i < n; i++) {
        rove_cancel(tasks[i]);
    }
    load_join_all(n - 1, tasks + 1);
    return rc < 0 ? rc : 0;
}

static int wait_to_read(void *arg, void **result)
{
    struct way *w = arg;
    unsigned char buf[PIECE];
    (void)result;
    ssize_t rc = draw(2) == 0 ? rove_read(w->from, buf, sizeof buf)
                              : rove_poll(w->from, POLLIN, ROVE_FOREVER);
    load_check(rc < 0, "there was nothing to read: %zd", rc);
    load_check(rc == -EBADF || rc == -ECANCELED, "a read of a closed descriptor: %zd", rc);
    buffer_is_ours(buf, sizeof buf);
    return (int)rc;
}

/* A descriptor is closed under tasks that wait on it, and its number comes back at once. */
int load_close(unsigned depth)
{
    int fds[2], again[2];
    struct way w;
    rove_task *tasks[8];
    unsigned n = 1 + draw(8);
    (void)depth;
    if (!may_close_under_others) {
        return load_pause();
    }
    load_check(rove_sim_pipe(fds) == 0, "no pipe");
    init_way(&w, fds[0], fds[1]);
    for (unsigned i = 0; i < n; i++) {
        tasks[i] = rove_create_task(wait_to_read, &w);
    }
    load_disturb(n, tasks);
    int rc = load_pause();
    close_sure(fds[0]);
    load_join_all(n, tasks);
    load_check(rove_sim_pipe(again) == 0, "no pipe");
    close_sure(fds[1]);
    close_sure(again[0]);
    close_sure(again[1]);
    return rc;
}

static int talk_lines(void *arg, void **result)
{
    int *fd = arg;
    rove_stream *s = rove_stream_open(*fd);
    *fd = -1;
    int rc = 0;
    (void)result;
    load_check(s != NULL, "no stream");
    for (unsigned i = 0; i < 20 && rc == 0; i++) {
        char line[64];
        int n = snprintf(line, sizeof line, "line %u of 20\n", i);
        rc = rove_stream_write(s, line, (size_t)n);
        rc = rc == 0 && draw(4) == 0 ? rove_stream_flush(s) : rc;
    }
    int closed = rove_stream_close(s);
    load_check(closed == 0 || closed == -EPIPE || closed == -ECANCELED, "a close: %d", closed);
    return rc < 0 ? rc : closed;
}

/*
 * The writer of lines has begun, or never will, and then its end is closed for it. The list of those
 * whom a stop cancels first may have the writer and not its maker, made before it: who would wait
 * for ever. True: cancelled meanwhile.
 */
static bool await_begin(rove_task *writer, int *fd)
{
    bool is_cancelled = false;
    while (*fd >= 0 && !rove_done(writer)) {
        is_cancelled |= rove_yield() == -ECANCELED;
    }
    if (*fd >= 0) {
        close_sure(*fd);
        *fd = -1;
    }
    return is_cancelled;
}

/* Lines through buffers on both sides. */
int load_stream(unsigned depth)
{
    int fds[2];
    char expected[64];
    const char *line = NULL;
    unsigned i = 0;
    bool is_cut = false;
    ssize_t n;
    (void)depth;
    load_check(rove_sim_socketpair(fds) == 0, "no pair");
    rove_task *task = rove_create_task(talk_lines, &fds[0]);
    rove_stream *s = rove_stream_open(fds[1]);
    load_check(s != NULL, "no stream");
    bool is_cancelled = await_begin(task, &fds[0]);
    while ((n = rove_stream_read_line(s, &line)) > 0) {
        int length = snprintf(expected, sizeof expected, "line %u of 20\n", i++);
        load_check(!is_cut && n <= length, "line %u has %zd bytes", i, n);
        load_check(memcmp(line, expected, (size_t)n) == 0, "line %u is not itself", i);
        is_cut = n < length; /* by a cancelled writer: then it is the last */
    }
    load_check(n == 0 || n == -ECANCELED || n == -ENODATA, "a line: %zd", n);
    int rc = rove_stream_close(s);
    load_check(rc == 0 || rc == -ECANCELED, "a close: %d", rc);
    load_check(!is_cut || n != 0 || rove_result(task, NULL) != 0, "line %u is cut", i);
    rove_future *writer = rove_retain(task);
    load_join_all(1, &task); /* its end of the pair is closed before it ends */
    load_check(n != 0 || i == 20 || rove_result(writer, NULL) != 0, "line %u is the last", i);
    rove_release(writer);
    return n < 0 || is_cancelled ? -ECANCELED : 0;
}
