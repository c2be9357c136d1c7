// SPDX-License-Identifier: MIT
/*
 * Purpose: io/stream: the life of a stream: open, shut down, close, by one task or under another.
 */
#include "core/atomic.h"
#include "support/pair.h"

#include <errno.h>
#include <unistd.h>

static void test_stream_outside_a_task_is_refused(void **state)
{
    (void)state;
    rove_stream *s;
    assert_null(rove_stream_open(0));
    assert_int_equal(rove_stream_dial("127.0.0.1:1", &s), -EPERM);
    assert_int_equal(rove_stream_shutdown(NULL), -EPERM);
    assert_int_equal(rove_stream_close(NULL), -EPERM);
    assert_int_equal(rove_stream_fd(NULL), -EPERM);
}

RV_TASK_TEST(test_stream_arguments_are_refused)
{
    rove_stream *s = NULL;
    RV_EXPECT_EQ(rove_stream_close(NULL), 0);
    RV_EXPECT_EQ(rove_stream_fd(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_stream_shutdown(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_stream_dial("nonsense", &s), -EINVAL);
    RV_EXPECT_EQ(rove_stream_dial(NULL, &s), -EINVAL);
    RV_EXPECT_EQ(rove_stream_dial("127.0.0.1:1", NULL), -EINVAL);
    RV_EXPECT_PTR(s, NULL);
    rove_stream_set_limit(NULL, 1);
    return 0;
}

RV_TASK_TEST(test_stream_of_no_descriptor_says_so)
{
    char b;
    rove_stream *s = rove_stream_open(1000000);
    RV_REQUIRE(s != NULL);
    RV_EXPECT_EQ(rove_stream_read(s, &b, 1), -EBADF);
    RV_EXPECT_EQ(rove_stream_write(s, &b, 1), 0);
    RV_EXPECT_EQ(rove_stream_flush(s), -EBADF);
    RV_EXPECT_EQ(rove_stream_close(s), -EBADF);
    s = rove_stream_open(-1);
    RV_REQUIRE(s != NULL);
    RV_EXPECT_EQ(rove_stream_read(s, &b, 1), -EBADF);
    return rove_stream_close(s);
}

/* Goal: after a shutdown the peer sees the end, and can still answer. */
RV_TASK_TEST(test_stream_shutdown_is_half_a_close)
{
    struct rv_pair p;
    char buf[8];
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_REQUIRE_EQ(rove_stream_write(p.a, "ask", 3), 0);
    RV_REQUIRE_EQ(rove_stream_shutdown(p.a), 0);
    RV_REQUIRE_EQ(rove_stream_shutdown(p.a), 0);
    RV_EXPECT_EQ(rove_stream_write(p.a, "x", 1), -EPIPE);
    RV_EXPECT_EQ(rove_stream_flush(p.a), 0);
    RV_EXPECT_EQ(rove_stream_read_exactly(p.b, buf, 3), 3);
    RV_EXPECT_EQ(rove_stream_read(p.b, buf, sizeof(buf)), 0);
    RV_REQUIRE_EQ(rove_stream_write(p.b, "answer", 6), 0);
    RV_EXPECT_EQ(rove_stream_read_exactly(p.a, buf, 6), 6);
    return rv_pair_close(&p);
}

enum { BYTES = 1000000 };

static int drain(void *arg, void **result)
{
    char buf[5000];
    ssize_t n;
    intptr_t total = 0;
    while ((n = rove_stream_read(arg, buf, sizeof(buf))) > 0) {
        total += n;
    }
    *result = (void *)total;
    return (int)n;
}

/* Goal: a close sends all that was written, however slow the peer. */
RV_TASK_TEST(test_stream_close_flushes)
{
    static const char bytes[BYTES];
    struct rv_pair p;
    void *total = NULL;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    rove_task *t = rove_create_task(drain, p.b);
    RV_EXPECT_EQ(rove_stream_write(p.a, bytes, BYTES), 0);
    RV_EXPECT_EQ(rove_stream_close(p.a), 0);
    RV_EXPECT_EQ(rove_join(t, &total), 0);
    RV_EXPECT_EQ((intptr_t)total, BYTES);
    return rove_stream_close(p.b);
}

/* Fills a stream until its writer would wait. */
static int fill(rove_stream *s)
{
    static const char bytes[RV_STREAM_LOW];
    while (s->out.total <= RV_STREAM_HIGH - RV_STREAM_LOW) {
        RV_REQUIRE_EQ(rove_stream_write(s, bytes, sizeof(bytes)), 0);
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    return 0;
}

struct closing {
    rove_stream *stream;
    RV_ATOMIC(uint32_t) has_begun; /* before that, a cancelled task would not run at all */
};

static int close_it(void *arg, RV_UNUSED void **result)
{
    struct closing *c = arg;
    rv_store_relaxed(&c->has_begun, 1u);
    return rove_stream_close(c->stream);
}

/* Goal: a close that is cancelled closes without the flush; the flusher under way finds its end. */
RV_TASK_TEST(test_stream_close_cancelled_closes_all_the_same)
{
    struct rv_pair p;
    void *total = NULL;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_REQUIRE_EQ(fill(p.a), 0);
    struct closing c = {.stream = p.a};
    rove_task *closer = rove_create_task(close_it, &c);
    while (rv_load_relaxed(&c.has_begun) == 0) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    rove_cancel(closer);
    RV_EXPECT_EQ(rove_join(closer, NULL), -ECANCELED);
    rove_task *t = rove_create_task(drain, p.b);
    RV_EXPECT_EQ(rove_join(t, &total), 0); /* comes to an end: the descriptor is closed */
    RV_EXPECT((intptr_t)total > 0);
    return rove_stream_close(p.b);
}

/* Goal: who gives up at once does not wait for the peer. */
RV_TASK_TEST(test_stream_abort_does_not_wait)
{
    struct rv_pair p;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_REQUIRE_EQ(fill(p.a), 0);
    RV_EXPECT_EQ(rv_stream_abort(p.a), 0);
    RV_REQUIRE_EQ(rove_stream_write(p.b, "x", 1), 0);
    RV_EXPECT_EQ(rv_stream_abort(p.b), 0);
    return rv_stream_abort(NULL);
}

static int read_line(void *arg, RV_UNUSED void **result)
{
    const char *line;
    return (int)rove_stream_read_line(arg, &line);
}

/* Goal: a close under a reader ends the read; the memory lives as long as the reader needs it. */
RV_TASK_TEST(test_stream_close_ends_a_read_of_another_task)
{
    struct rv_pair p;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    rove_task *t = rove_create_task(read_line, p.b);
    for (;;) { /* until it has begun */
        rv_lock_acquire(&p.b->lock);
        bool is_reading = p.b->is_reading;
        rv_lock_release(&p.b->lock);
        if (is_reading) {
            break;
        }
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT_EQ(rove_stream_close(p.b), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), -EBADF);
    return rove_stream_close(p.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_outside_a_task_is_refused),
        cmocka_unit_test(test_stream_arguments_are_refused),
        cmocka_unit_test(test_stream_of_no_descriptor_says_so),
        cmocka_unit_test(test_stream_shutdown_is_half_a_close),
        cmocka_unit_test(test_stream_close_flushes),
        cmocka_unit_test(test_stream_close_cancelled_closes_all_the_same),
        cmocka_unit_test(test_stream_abort_does_not_wait),
        cmocka_unit_test(test_stream_close_ends_a_read_of_another_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
