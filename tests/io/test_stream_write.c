// SPDX-License-Identifier: MIT
/*
 * Purpose: io/stream_write: buffering, the high-water mark, flush, several writers, errors.
 */
#include "support/pair.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

static void test_stream_write_outside_a_task_is_refused(void **state)
{
    (void)state;
    assert_int_equal(rove_stream_write(NULL, "x", 1), -EPERM);
    assert_int_equal(rove_stream_flush(NULL), -EPERM);
}

RV_TASK_TEST(test_stream_write_arguments_are_refused)
{
    struct rv_pair p;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_EXPECT_EQ(rove_stream_write(NULL, "x", 1), -EINVAL);
    RV_EXPECT_EQ(rove_stream_write(p.a, NULL, 1), -EINVAL);
    RV_EXPECT_EQ(rove_stream_write(p.a, NULL, 0), 0);
    RV_EXPECT_EQ(rove_stream_flush(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_stream_flush(p.a), 0);
    return rv_pair_close(&p);
}

/* Goal: "sent soon": nobody flushes, the writer does something else, and the peer gets it. */
RV_TASK_TEST(test_stream_write_leaves_by_itself)
{
    struct rv_pair p;
    const char *line;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_REQUIRE_EQ(rove_stream_write(p.a, "one ", 4), 0);
    RV_REQUIRE_EQ(rove_stream_write(p.a, "two\n", 4), 0);
    RV_EXPECT_EQ(rove_stream_read_line(p.b, &line), 8);
    RV_EXPECT(memcmp(line, "one two\n", 8) == 0);
    RV_REQUIRE_EQ(rove_stream_write(p.a, "three\n", 6), 0);
    RV_EXPECT_EQ(rove_stream_read_line(p.b, &line), 6);
    rv_stream_check(p.a);
    return rv_pair_close(&p);
}

/* Goal: pieces written without a pause between leave in one system call: one datagram. */
RV_TASK_TEST(test_stream_write_pieces_leave_together)
{
    int fds[2];
    char buf[64];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    rove_stream *s = rove_stream_open(fds[0]);
    s->out.has_flusher = true; /* a flusher on another worker might be quicker than the pieces */
    for (int i = 0; i < 10; i++) {
        RV_REQUIRE_EQ(rove_stream_write(s, "piece ", 6), 0);
    }
    RV_REQUIRE_EQ(rove_stream_flush(s), 0);
    RV_EXPECT_EQ(rove_recv(fds[1], buf, sizeof(buf), 0), 60);
    RV_EXPECT_EQ(rove_stream_close(s), 0);
    return rove_close(fds[1]);
}

/* Goal: a read that waits first sends what was written: a dialogue needs no flush. */
RV_TASK_TEST(test_stream_write_goes_before_a_read_waits)
{
    struct rv_pair p;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    p.a->out.has_flusher = true; /* so that none is started: the read alone must do it */
    RV_REQUIRE_EQ(rove_stream_write(p.a, "question\n", 9), 0);
    rove_timeout soon;
    const char *line;
    rove_timeout_enter(&soon, ROVE_MS(1));
    RV_EXPECT_EQ(rove_timeout_exit(&soon, (int)rove_stream_read_line(p.a, &line)), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_stream_read_line(p.b, &line), 9);
    p.a->out.has_flusher = false;
    return rv_pair_close(&p);
}

enum { PIECE = 1000 };

struct writing {
    rove_stream *stream;
    RV_ATOMIC(unsigned) written; /* pieces */
    unsigned total;
};

static int write_pieces(void *arg, RV_UNUSED void **result)
{
    struct writing *w = arg;
    char piece[PIECE];
    for (unsigned i = 0; i < w->total; i++) {
        memset(piece, (char)i, sizeof(piece));
        int rc = rove_stream_write(w->stream, piece, sizeof(piece));
        if (rc < 0) {
            return rc;
        }
        rv_fetch_add_relaxed(&w->written, 1u);
    }
    return rove_stream_shutdown(w->stream);
}

/* A UNIX socket takes bytes until this; readiness to write ends long before. */
static bool is_kernel_full(int fd)
{
    int queued = 0;
    int limit = 0;
    socklen_t len = sizeof(limit);
    RV_EXPECT_EQ(ioctl(fd, TIOCOUTQ, &queued), 0);
    RV_EXPECT_EQ(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &limit, &len), 0);
    return queued >= limit;
}

/* The kernel takes no more, and whoever sends has more than the low-water mark to send. */
static int wait_until_full(struct rove_stream *s)
{
    for (;;) {
        rv_lock_acquire(&s->lock);
        bool is_much = s->out.is_sending && s->out.total > RV_STREAM_LOW;
        rv_lock_release(&s->lock);
        if (is_much && is_kernel_full(rove_stream_fd(s))) {
            return 0;
        }
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
}

/* Goal: a writer is held up only above the high-water mark, and goes on when the peer reads. */
RV_TASK_TEST(test_stream_write_waits_above_the_high_water_mark)
{
    struct rv_pair p;
    char piece[PIECE];
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    struct writing w = {.stream = p.a, .total = 2000};
    rove_task *t = rove_create_task(write_pieces, &w);
    RV_REQUIRE_EQ(wait_until_full(p.a), 0);
    for (int i = 0; i < 100; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    rv_stream_check(p.a);
    RV_EXPECT(rv_load_relaxed(&w.written) >= RV_STREAM_HIGH / PIECE);
    RV_EXPECT(rv_load_relaxed(&w.written) < w.total);
    rv_lock_acquire(&p.a->lock);
    size_t total = p.a->out.total;
    rv_lock_release(&p.a->lock);
    RV_EXPECT(total <= RV_STREAM_HIGH + PIECE);
    for (unsigned i = 0; i < w.total; i++) {
        RV_REQUIRE_EQ(rove_stream_read_exactly(p.b, piece, PIECE), PIECE);
        RV_REQUIRE_EQ(piece[0], (char)i);
        RV_REQUIRE_EQ(piece[PIECE - 1], (char)i);
    }
    RV_EXPECT_EQ(rove_stream_read(p.b, piece, 1), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    rv_stream_check(p.a);
    RV_EXPECT_PTR(p.a->out.first, NULL);
    return rv_pair_close(&p);
}

/* Goal: a writer cancelled while it waits has lost nothing: what it wrote arrives, and its end. */
RV_TASK_TEST(test_stream_write_cancelled_writer_loses_nothing)
{
    struct rv_pair p;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    struct writing w = {.stream = p.a, .total = 2000};
    rove_task *t = rove_create_task(write_pieces, &w);
    RV_REQUIRE_EQ(wait_until_full(p.a), 0);
    while (rove_cancel(t)) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    /* Those it counted, and the one it waited in. */
    size_t expected = (rv_load_relaxed(&w.written) + 1) * (size_t)PIECE;
    char piece[PIECE];
    for (size_t n = 0; n < expected; n += PIECE) {
        RV_REQUIRE_EQ(rove_stream_read_exactly(p.b, piece, PIECE), PIECE);
        RV_REQUIRE_EQ(piece[0], (char)(n / PIECE));
    }
    RV_EXPECT_EQ(rove_stream_shutdown(p.a), 0);
    RV_EXPECT_EQ(rove_stream_read(p.b, piece, 1), 0);
    return rv_pair_close(&p);
}

enum { MUCH = 3000000 };

struct message {
    rove_stream *stream;
    char fill;
    size_t n;
    int count;
};

static int write_messages(void *arg, RV_UNUSED void **result)
{
    const struct message *m = arg;
    char *bytes = malloc(m->n);
    RV_REQUIRE(bytes != NULL);
    memset(bytes, m->fill, m->n);
    bytes[m->n - 1] = '\n';
    int rc = 0;
    for (int i = 0; i < m->count && rc == 0; i++) {
        rc = rove_stream_write(m->stream, bytes, m->n);
    }
    free(bytes);
    return rc;
}

/* Goal: messages of several writers, small and far above the mark, never mix. */
RV_TASK_TEST(test_stream_write_of_several_writers_do_not_mix)
{
    struct rv_pair p;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    struct message messages[] = {{p.a, 'a', MUCH, 2},
                                 {p.a, 'b', 7, 300},
                                 {p.a, 'c', 20000, 30},
                                 {p.a, 'd', 65537, 10}};
    size_t seen[RV_ARRAY_LEN(messages)] = {0};
    rove_task *tasks[RV_ARRAY_LEN(messages)];
    for (size_t i = 0; i < RV_ARRAY_LEN(messages); i++) {
        tasks[i] = rove_create_task(write_messages, &messages[i]);
    }
    rove_stream_set_limit(p.b, MUCH);
    for (int i = 0; i < 342; i++) {
        const char *line;
        ssize_t n = rove_stream_read_line(p.b, &line);
        RV_REQUIRE(n > 0 && line[0] >= 'a' && line[0] <= 'd');
        size_t who = (size_t)(line[0] - 'a');
        RV_REQUIRE_EQ(n, messages[who].n);
        for (ssize_t k = 0; k + 1 < n; k++) {
            RV_REQUIRE_EQ(line[k], line[0]);
        }
        seen[who]++;
    }
    for (size_t i = 0; i < RV_ARRAY_LEN(messages); i++) {
        RV_EXPECT_EQ(seen[i], messages[i].count);
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    return rv_pair_close(&p);
}

/* Goal: a peer that is gone is an error, of the flush and of every later write. */
RV_TASK_TEST(test_stream_write_to_a_closed_peer_fails)
{
    struct rv_pair p;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_REQUIRE_EQ(rove_stream_close(p.b), 0);
    RV_EXPECT_EQ(rove_stream_write(p.a, "x", 1), 0);
    RV_EXPECT_EQ(rove_stream_flush(p.a), -EPIPE);
    RV_EXPECT_EQ(rove_stream_write(p.a, "x", 1), -EPIPE);
    RV_EXPECT_EQ(rove_stream_flush(p.a), -EPIPE);
    rv_stream_check(p.a);
    RV_EXPECT_EQ(rove_stream_close(p.a), -EPIPE);

    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    rove_stream *w = rove_stream_open(fds[1]);
    RV_REQUIRE_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_stream_write(w, "x", 1), 0);
    RV_EXPECT_EQ(rove_stream_flush(w), -EPIPE);
    RV_EXPECT_EQ(rove_stream_close(w), -EPIPE);
    return 0;
}

static int flush(void *arg, RV_UNUSED void **result)
{
    return rove_stream_flush(arg);
}

/* Goal: a flush that is cancelled keeps what it has not sent. */
RV_TASK_TEST(test_stream_write_cancelled_flush_keeps_the_bytes)
{
    struct rv_pair p;
    char piece[PIECE];
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    struct writing w = {.stream = p.a, .total = 1000};
    rove_task *t = rove_create_task(write_pieces, &w);
    RV_REQUIRE_EQ(wait_until_full(p.a), 0);
    rove_task *flushers[3];
    for (int i = 0; i < 3; i++) {
        flushers[i] = rove_create_task(flush, p.a);
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    for (int i = 0; i < 3; i++) {
        rove_cancel(flushers[i]);
        RV_EXPECT_EQ(rove_join(flushers[i], NULL), -ECANCELED);
        rv_stream_check(p.a);
    }
    for (unsigned i = 0; i < w.total; i++) {
        RV_REQUIRE_EQ(rove_stream_read_exactly(p.b, piece, PIECE), PIECE);
        RV_REQUIRE_EQ(piece[0], (char)i);
    }
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    return rv_pair_close(&p);
}

enum { ECHO_BYTES = 400000 };

static int echo(void *arg, RV_UNUSED void **result)
{
    char buf[3000];
    ssize_t n;
    while ((n = rove_stream_read(arg, buf, sizeof(buf))) > 0) {
        int rc = rove_stream_write(arg, buf, (size_t)n);
        if (rc < 0) {
            return rc;
        }
    }
    return n < 0 ? (int)n : rove_stream_shutdown(arg);
}

static int send_numbers(void *arg, RV_UNUSED void **result)
{
    char buf[6000];
    for (size_t at = 0; at < ECHO_BYTES;) {
        size_t n = at % 5003 + 1;
        n = n < ECHO_BYTES - at ? n : ECHO_BYTES - at;
        for (size_t i = 0; i < n; i++) {
            buf[i] = (char)((at + i) * 13 + (at + i) / 255);
        }
        int rc = rove_stream_write(arg, buf, n);
        if (rc < 0) {
            return rc;
        }
        at += n;
    }
    return rove_stream_shutdown(arg);
}

/* Goal: one task reads and another writes the same stream, both ways full: every byte, in order. */
RV_TASK_TEST(test_stream_write_both_ways_at_once)
{
    struct rv_pair p;
    char buf[1777];
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    rove_task *server = rove_create_task(echo, p.b);
    rove_task *sender = rove_create_task(send_numbers, p.a);
    size_t at = 0;
    ssize_t n;
    while ((n = rove_stream_read(p.a, buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < n; i++, at++) {
            RV_REQUIRE_EQ(buf[i], (char)(at * 13 + at / 255));
        }
    }
    RV_EXPECT_EQ(n, 0);
    RV_EXPECT_EQ(at, ECHO_BYTES);
    RV_EXPECT_EQ(rove_join(sender, NULL), 0);
    RV_EXPECT_EQ(rove_join(server, NULL), 0);
    return rv_pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_write_outside_a_task_is_refused),
        cmocka_unit_test(test_stream_write_arguments_are_refused),
        cmocka_unit_test(test_stream_write_leaves_by_itself),
        cmocka_unit_test(test_stream_write_pieces_leave_together),
        cmocka_unit_test(test_stream_write_goes_before_a_read_waits),
        cmocka_unit_test(test_stream_write_waits_above_the_high_water_mark),
        cmocka_unit_test(test_stream_write_cancelled_writer_loses_nothing),
        cmocka_unit_test(test_stream_write_of_several_writers_do_not_mix),
        cmocka_unit_test(test_stream_write_to_a_closed_peer_fails),
        cmocka_unit_test(test_stream_write_cancelled_flush_keeps_the_bytes),
        cmocka_unit_test(test_stream_write_both_ways_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
