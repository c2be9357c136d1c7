// SPDX-License-Identifier: MIT
/*
 * Purpose: io/stream_read: asyncio's StreamReader: some, exactly, until, line; limits, ends, views.
 */
#include "support/pair.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int expect_view(const char *data, ssize_t n, const char *expected)
{
    RV_REQUIRE_EQ(n, strlen(expected));
    RV_REQUIRE(memcmp(data, expected, (size_t)n) == 0);
    return 0;
}

RV_TASK_TEST(test_stream_read_gives_what_is_there)
{
    struct rv_pair p;
    char buf[16];
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "hello world"), 0);
    RV_EXPECT_EQ(rove_stream_read(p.b, buf, 0), 0);
    RV_REQUIRE_EQ(rove_stream_read(p.b, buf, 5), 5);
    RV_REQUIRE_EQ(expect_view(buf, 5, "hello"), 0);
    RV_REQUIRE_EQ(rove_stream_read(p.b, buf, sizeof(buf)), 6);
    RV_REQUIRE_EQ(expect_view(buf, 6, " world"), 0);
    RV_REQUIRE_EQ(rove_stream_shutdown(p.a), 0);
    RV_EXPECT_EQ(rove_stream_read(p.b, buf, sizeof(buf)), 0);
    RV_EXPECT_EQ(rove_stream_read(p.b, buf, sizeof(buf)), 0);
    rv_stream_check(p.b);
    return rv_pair_close(&p);
}

RV_TASK_TEST(test_stream_read_arguments_are_refused)
{
    struct rv_pair p;
    const char *data;
    char b;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_EXPECT_EQ(rove_stream_read(NULL, &b, 1), -EINVAL);
    RV_EXPECT_EQ(rove_stream_read(p.a, NULL, 1), -EINVAL);
    RV_EXPECT_EQ(rove_stream_read_exactly(NULL, &b, 1), -EINVAL);
    RV_EXPECT_EQ(rove_stream_read_exactly(p.a, NULL, 1), -EINVAL);
    RV_EXPECT_EQ(rove_stream_read_exactly(p.a, NULL, 0), 0);
    RV_EXPECT_EQ(rove_stream_read_until(NULL, "x", 1, &data), -EINVAL);
    RV_EXPECT_EQ(rove_stream_read_until(p.a, NULL, 1, &data), -EINVAL);
    RV_EXPECT_EQ(rove_stream_read_until(p.a, "x", 0, &data), -EINVAL);
    RV_EXPECT_EQ(rove_stream_read_until(p.a, "x", 1, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_stream_read_line(NULL, &data), -EINVAL);
    RV_EXPECT_EQ(rove_stream_read_line(p.a, NULL), -EINVAL);
    return rv_pair_close(&p);
}

static void test_stream_read_outside_a_task_is_refused(void **state)
{
    (void)state;
    const char *data;
    char b;
    assert_int_equal(rove_stream_read(NULL, &b, 1), -EPERM);
    assert_int_equal(rove_stream_read_exactly(NULL, &b, 1), -EPERM);
    assert_int_equal(rove_stream_read_until(NULL, "x", 1, &data), -EPERM);
    assert_int_equal(rove_stream_read_line(NULL, &data), -EPERM);
}

/* Goal: the end before n bytes is an error that takes nothing away. */
RV_TASK_TEST(test_stream_read_exactly_cut_short_keeps_the_rest)
{
    struct rv_pair p;
    char buf[16];
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "abcdef"), 0);
    RV_REQUIRE_EQ(rove_stream_read_exactly(p.b, buf, 4), 4);
    RV_REQUIRE_EQ(expect_view(buf, 4, "abcd"), 0);
    RV_REQUIRE_EQ(rove_stream_shutdown(p.a), 0);
    RV_EXPECT_EQ(rove_stream_read_exactly(p.b, buf, 3), -ENODATA);
    RV_EXPECT_EQ(rove_stream_read_exactly(p.b, buf, 3), -ENODATA);
    RV_EXPECT_EQ(rove_stream_read_exactly(p.b, buf, 2), 2);
    RV_REQUIRE_EQ(expect_view(buf, 2, "ef"), 0);
    RV_EXPECT_EQ(rove_stream_read_exactly(p.b, buf, 1), -ENODATA);
    return rv_pair_close(&p);
}

enum { LONG = 100000 };

static char pattern(size_t i)
{
    return (char)(i * 31 + i / 257);
}

static int write_pattern(void *arg, RV_UNUSED void **result)
{
    char *bytes = malloc(LONG);
    RV_REQUIRE(bytes != NULL);
    for (size_t i = 0; i < LONG; i++) {
        bytes[i] = pattern(i);
    }
    int rc = rove_stream_write(arg, bytes, LONG);
    free(bytes);
    return rc < 0 ? rc : rove_stream_shutdown(arg);
}

static int expect_pattern(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        RV_REQUIRE_EQ(bytes[i], pattern(i));
    }
    return 0;
}

/* Goal: a long read goes past the buffer, also with a part of it buffered; if the end comes first,
 * every byte of it can still be read. */
RV_TASK_TEST(test_stream_read_exactly_long_is_whole_or_kept)
{
    for (int extra = 0; extra < 2; extra++) {
        struct rv_pair p;
        RV_REQUIRE_EQ(rv_pair_open(&p), 0);
        char *bytes = malloc(LONG + 1);
        rove_task *t = rove_create_task(write_pattern, p.a);
        RV_EXPECT_EQ(rove_stream_read_exactly(p.b, bytes, 10), 10);
        RV_EXPECT_EQ(expect_pattern(bytes, 10), 0);
        ssize_t rc = rove_stream_read_exactly(p.b, bytes + 10, (size_t)(LONG - 10 + extra));
        RV_EXPECT_EQ(rc, extra ? -ENODATA : LONG - 10);
        if (extra) {
            rv_stream_check(p.b);
            RV_EXPECT_EQ(rove_stream_read_exactly(p.b, bytes + 10, LONG - 10), LONG - 10);
        }
        RV_EXPECT_EQ(expect_pattern(bytes, LONG), 0);
        RV_EXPECT_EQ(rove_join(t, NULL), 0);
        free(bytes);
        RV_EXPECT_EQ(rv_pair_close(&p), 0);
    }
    return 0;
}

RV_TASK_TEST(test_stream_read_line_gives_lines_and_the_last_without_newline)
{
    struct rv_pair p;
    const char *line = "unchanged";
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "one\n\nthree\nrest"), 0);
    RV_REQUIRE_EQ(rove_stream_shutdown(p.a), 0);
    static const char *const expected[] = {"one\n", "\n", "three\n", "rest"};
    for (size_t i = 0; i < RV_ARRAY_LEN(expected); i++) {
        ssize_t n = rove_stream_read_line(p.b, &line);
        RV_REQUIRE_EQ(expect_view(line, n, expected[i]), 0);
    }
    RV_EXPECT_EQ(rove_stream_read_line(p.b, &line), 0);
    return rv_pair_close(&p);
}

static const char dialogue[] = "first\r\nsecond \r and \n\r\n\r\r\nlast";

static int trickle(void *arg, RV_UNUSED void **result)
{
    for (const char *c = dialogue; *c != '\0'; c++) {
        int rc = rove_stream_write(arg, c, 1);
        rc = rc < 0 ? rc : rove_stream_flush(arg);
        rc = rc < 0 ? rc : rove_yield();
        if (rc < 0) {
            return rc;
        }
    }
    return rove_stream_shutdown(arg);
}

/* Goal: a separator is found wherever the pieces are cut, and look-alikes are not. */
RV_TASK_TEST(test_stream_read_until_separator_in_pieces_is_found)
{
    struct rv_pair p;
    const char *data;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    rove_task *t = rove_create_task(trickle, p.a);
    static const char *const expected[] = {"first\r\n", "second \r and \n\r\n", "\r\r\n"};
    for (size_t i = 0; i < RV_ARRAY_LEN(expected); i++) {
        ssize_t n = rove_stream_read_until(p.b, "\r\n", 2, &data);
        RV_REQUIRE_EQ(expect_view(data, n, expected[i]), 0);
    }
    RV_EXPECT_EQ(rove_stream_read_until(p.b, "\r\n", 2, &data), -ENODATA);
    ssize_t n = rove_stream_read_until(p.b, "la", 2, &data);
    RV_REQUIRE_EQ(expect_view(data, n, "la"), 0);
    char rest[8];
    RV_EXPECT_EQ(rove_stream_read(p.b, rest, sizeof(rest)), 2);
    RV_EXPECT_EQ(rove_stream_read_until(p.b, "\r\n", 2, &data), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    return rv_pair_close(&p);
}

/* Goal: asyncio's limit: it counts the bytes before the separator; nothing is taken. */
RV_TASK_TEST(test_stream_read_until_past_the_limit_takes_nothing)
{
    struct rv_pair p;
    const char *data;
    char buf[16];
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    rove_stream_set_limit(p.b, 4);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "1234;12345;"), 0);
    ssize_t n = rove_stream_read_until(p.b, ";", 1, &data);
    RV_REQUIRE_EQ(expect_view(data, n, "1234;"), 0);
    RV_EXPECT_EQ(rove_stream_read_until(p.b, ";", 1, &data), -EMSGSIZE);
    RV_EXPECT_EQ(rove_stream_read_until(p.b, ";", 1, &data), -EMSGSIZE);
    RV_EXPECT_EQ(rove_stream_read_until(p.b, "##", 2, &data), -EMSGSIZE);
    RV_REQUIRE_EQ(rove_stream_read_exactly(p.b, buf, 6), 6);
    RV_REQUIRE_EQ(expect_view(buf, 6, "12345;"), 0);
    rove_stream_set_limit(p.b, 0); /* no limit at all is not offered: unchanged */
    RV_REQUIRE_EQ(rv_pair_put(p.a, "123456"), 0);
    RV_EXPECT_EQ(rove_stream_read_until(p.b, ";", 1, &data), -EMSGSIZE);
    return rv_pair_close(&p);
}

/* Goal: asyncio's readline drops what it refuses. */
RV_TASK_TEST(test_stream_read_line_past_the_limit_is_dropped)
{
    struct rv_pair p;
    const char *line;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    rove_stream_set_limit(p.b, 8);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "much too long\nshort\n"), 0);
    RV_EXPECT_EQ(rove_stream_read_line(p.b, &line), -EMSGSIZE);
    ssize_t n = rove_stream_read_line(p.b, &line);
    RV_REQUIRE_EQ(expect_view(line, n, "short\n"), 0);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "no newline yet"), 0);
    RV_EXPECT_EQ(rove_stream_read_line(p.b, &line), -EMSGSIZE);
    RV_REQUIRE_EQ(rv_pair_put(p.a, ", now\nok\n"), 0);
    n = rove_stream_read_line(p.b, &line);
    RV_REQUIRE_EQ(expect_view(line, n, ", now\n"), 0);
    n = rove_stream_read_line(p.b, &line);
    RV_REQUIRE_EQ(expect_view(line, n, "ok\n"), 0);
    return rv_pair_close(&p);
}

/* Goal: lines as long as the default limit pass whole, whatever the buffer had to become. */
RV_TASK_TEST(test_stream_read_line_of_the_limit_is_whole)
{
    struct rv_pair p;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    char *text = malloc(RV_STREAM_LIMIT + 1);
    memset(text, 'x', RV_STREAM_LIMIT);
    text[RV_STREAM_LIMIT] = '\n';
    for (int i = 0; i < 3; i++) {
        const char *line = NULL;
        RV_REQUIRE_EQ(rove_stream_write(p.a, "short\n", 6), 0);
        RV_REQUIRE_EQ(rove_stream_write(p.a, text, RV_STREAM_LIMIT + 1), 0);
        RV_REQUIRE_EQ(rove_stream_read_line(p.b, &line), 6);
        RV_REQUIRE_EQ(rove_stream_read_line(p.b, &line), RV_STREAM_LIMIT + 1);
        RV_EXPECT(memcmp(line, text, RV_STREAM_LIMIT + 1) == 0);
        rv_stream_check(p.b);
    }
    free(text);
    return rv_pair_close(&p);
}

static int read_a_line(void *arg, void **result)
{
    const char *line;
    ssize_t n = rove_stream_read_line(arg, &line);
    *result = (void *)(intptr_t)n;
    return n < 0 ? (int)n : 0;
}

static int read_exactly_long(void *arg, RV_UNUSED void **result)
{
    static char sink[8][LONG];
    static RV_ATOMIC(unsigned) next;
    ssize_t n = rove_stream_read_exactly(arg, sink[rv_fetch_add_relaxed(&next, 1u) % 8], LONG);
    return n < 0 ? (int)n : 0;
}

/* Until the reader has taken the part of a message that was written. */
static int wait_until_read(rove_stream *from)
{
    char b;
    while (recv(rove_stream_fd(from), &b, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    return 0;
}

/* Goal: what a cancelled reader had is there for the next one. */
RV_TASK_TEST(test_stream_read_cancelled_in_the_middle_loses_nothing)
{
    static rove_coro *const readers[] = {read_a_line, read_exactly_long};
    for (size_t i = 0; i < RV_ARRAY_LEN(readers); i++) {
        struct rv_pair p;
        const char *line;
        RV_REQUIRE_EQ(rv_pair_open(&p), 0);
        rove_task *t = rove_create_task(readers[i], p.b);
        RV_REQUIRE_EQ(rv_pair_put(p.a, "half a "), 0);
        RV_REQUIRE_EQ(wait_until_read(p.b), 0);
        RV_EXPECT(rove_cancel(t));
        RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
        RV_REQUIRE_EQ(rv_pair_put(p.a, "line\n"), 0);
        ssize_t n = rove_stream_read_line(p.b, &line);
        RV_REQUIRE_EQ(expect_view(line, n, "half a line\n"), 0);
        RV_EXPECT_EQ(rv_pair_close(&p), 0);
    }
    return 0;
}

/* Goal: two readers would tear messages apart: the second is told so, the first goes on. */
RV_TASK_TEST(test_stream_read_second_reader_is_busy)
{
    struct rv_pair p;
    const char *line;
    char b;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    rove_task *t = rove_create_task(read_a_line, p.b);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "x"), 0);
    RV_REQUIRE_EQ(wait_until_read(p.b), 0);
    RV_EXPECT_EQ(rove_stream_read(p.b, &b, 1), -EBUSY);
    RV_EXPECT_EQ(rove_stream_read_exactly(p.b, &b, 1), -EBUSY);
    RV_EXPECT_EQ(rove_stream_read_line(p.b, &line), -EBUSY);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "\n"), 0);
    void *n = NULL;
    RV_EXPECT_EQ(rove_join(t, &n), 0);
    RV_EXPECT_EQ((intptr_t)n, 2);
    return rv_pair_close(&p);
}

/* Goal: a peer that resets is an error that stays, behind what had come before. */
RV_TASK_TEST(test_stream_read_reset_is_reported)
{
    int listener = rove_listen("127.0.0.1:0", 1);
    RV_REQUIRE(listener >= 0);
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    getsockname(listener, (struct sockaddr *)&at, &len);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    RV_REQUIRE_EQ(rove_connect(client, (struct sockaddr *)&at, len), 0);
    rove_stream *s = rove_stream_open(rove_accept(listener, NULL, NULL, SOCK_CLOEXEC));
    RV_REQUIRE(s != NULL);
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    RV_REQUIRE_EQ(rove_close(client), 0);
    char b;
    const char *line;
    RV_EXPECT_EQ(rove_stream_read(s, &b, 1), -ECONNRESET);
    RV_EXPECT_EQ(rove_stream_read_line(s, &line), -ECONNRESET);
    RV_EXPECT_EQ(rove_stream_close(s), 0);
    return rove_close(listener);
}

/* Goal: ten thousand idle connections stay small: after bulk, a silent stream holds one small
 * block. Method: look inside while a reader waits. */
RV_TASK_TEST(test_stream_read_idle_stream_holds_no_large_block)
{
    struct rv_pair p;
    const char *line;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_EXPECT_EQ(p.b->in.capacity, 0);
    rove_task *t = rove_create_task(write_pattern, p.a);
    char *bytes = malloc(LONG);
    for (size_t n = 0; n < LONG; n += 100) {
        RV_REQUIRE_EQ(rove_stream_read_exactly(p.b, bytes + n, 100), 100);
    }
    RV_EXPECT_EQ(expect_pattern(bytes, LONG), 0);
    free(bytes);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT(p.b->in.capacity > RV_STREAM_SMALL);
    RV_EXPECT(p.b->in.capacity <= 4 * RV_STREAM_BULK);
    RV_EXPECT_EQ(rove_stream_read_line(p.b, &line), 0);
    RV_EXPECT_EQ(rv_pair_close(&p), 0);

    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    p.b->in.wish = RV_STREAM_BULK; /* as after bulk data */
    p.b->flow.bulk = RV_FLOW_CALM;
    RV_REQUIRE_EQ(rv_pair_put(p.a, "x\n"), 0);
    RV_EXPECT_EQ(rove_stream_read_line(p.b, &line), 2);
    RV_EXPECT_EQ(p.b->in.capacity, RV_STREAM_BULK);
    t = rove_create_task(read_a_line, p.b);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "y"), 0);
    RV_REQUIRE_EQ(wait_until_read(p.b), 0);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "\n"), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    t = rove_create_task(read_a_line, p.b);
    rove_cancel(t); /* before or while it waits */
    (void)rove_join(t, NULL);
    rove_timeout soon;
    rove_timeout_enter(&soon, ROVE_MS(1));
    RV_EXPECT_EQ(rove_timeout_exit(&soon, (int)rove_stream_read_line(p.b, &line)), -ETIMEDOUT);
    RV_EXPECT_EQ(p.b->in.capacity, RV_STREAM_SMALL);
    return rv_pair_close(&p);
}

/* Goal: files and pipes are streams too. */
RV_TASK_TEST(test_stream_read_pipe_and_file)
{
    int fds[2];
    const char *line;
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    rove_stream *r = rove_stream_open(fds[0]);
    rove_stream *w = rove_stream_open(fds[1]);
    RV_REQUIRE_EQ(rove_stream_write(w, "through a pipe\n", 15), 0);
    RV_EXPECT_EQ(rove_stream_read_line(r, &line), 15);
    RV_EXPECT_EQ(rove_stream_shutdown(w), 0);
    RV_EXPECT_EQ(rove_stream_shutdown(w), 0);
    RV_EXPECT_EQ(rove_stream_fd(w), -EBADF);
    RV_EXPECT_EQ(rove_stream_write(w, "x", 1), -EPIPE);
    RV_EXPECT_EQ(rove_stream_read_line(r, &line), 0);
    RV_EXPECT_EQ(rove_stream_close(w), 0);
    RV_EXPECT_EQ(rove_stream_close(r), 0);

    int fd = memfd_create("stream", MFD_CLOEXEC);
    RV_REQUIRE_EQ(pwrite(fd, "a\nb\n", 4, 0), 4);
    rove_stream *f = rove_stream_open(fd);
    RV_EXPECT_EQ(rove_stream_read_line(f, &line), 2);
    RV_EXPECT_EQ(rove_stream_read_line(f, &line), 2);
    RV_EXPECT_EQ(rove_stream_read_line(f, &line), 0);
    RV_EXPECT_EQ(rove_stream_write(f, "c\n", 2), 0);
    RV_EXPECT_EQ(rove_stream_flush(f), 0);
    char text[8] = {0};
    RV_EXPECT_EQ(pread(fd, text, sizeof(text), 0), 6);
    RV_EXPECT_STR(text, "a\nb\nc\n");
    return rove_stream_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_read_outside_a_task_is_refused),
        cmocka_unit_test(test_stream_read_arguments_are_refused),
        cmocka_unit_test(test_stream_read_gives_what_is_there),
        cmocka_unit_test(test_stream_read_exactly_cut_short_keeps_the_rest),
        cmocka_unit_test(test_stream_read_exactly_long_is_whole_or_kept),
        cmocka_unit_test(test_stream_read_line_gives_lines_and_the_last_without_newline),
        cmocka_unit_test(test_stream_read_until_separator_in_pieces_is_found),
        cmocka_unit_test(test_stream_read_until_past_the_limit_takes_nothing),
        cmocka_unit_test(test_stream_read_line_past_the_limit_is_dropped),
        cmocka_unit_test(test_stream_read_line_of_the_limit_is_whole),
        cmocka_unit_test(test_stream_read_cancelled_in_the_middle_loses_nothing),
        cmocka_unit_test(test_stream_read_second_reader_is_busy),
        cmocka_unit_test(test_stream_read_reset_is_reported),
        cmocka_unit_test(test_stream_read_idle_stream_holds_no_large_block),
        cmocka_unit_test(test_stream_read_pipe_and_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
