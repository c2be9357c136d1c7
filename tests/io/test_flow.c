// SPDX-License-Identifier: MIT
/*
 * Purpose: io/flow: bytes that the kernel puts into lent buffers: none lost when readers are
 *          cancelled or late, none held by the silent, few by those who do not read; all are given
 *          back.
 *          On a back-end without flows the same holds by plain receives.
 */
#include "io/flow.h"

#include "core/rand.h"
#include "io/uring.h"
#include "support/pair.h"
#include "tests/io/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { BYTES = RV_TSAN ? 100000 : 600000, MANY = 1000, CROWD = 150, PIECE = 20000 };

static unsigned char pattern_at(size_t at)
{
    return (unsigned char)(at * 31 + at / 251);
}

static bool is_pattern(const char *data, size_t n, size_t from)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)data[i] != pattern_at(from + i)) {
            return false;
        }
    }
    return true;
}

/* How many of their buffers the rings of this runtime have lent; 0 where there are no rings. */
static uint32_t lent(void)
{
    struct rv_task *self = rv_current_task();
    uint32_t n = 0;
    if (rv_multi_is_known(self)) {
        const struct rv_uring_io *all = rv_uring_io_of(self->runtime);
        for (unsigned i = 0; i < all->count; i++) {
            const struct rv_buffers *b = &all->rings[i].buffers;
            n += b->data == NULL ? 0 : RV_BUFFER_COUNT - rv_load_relaxed(&b->free);
        }
    }
    return n;
}

struct sender {
    rove_stream *s;
    size_t bytes;
    uint64_t seed;
};

/* The pattern, in pieces of every size, with pauses in between: by the other side's turns. */
static int send_pattern(void *arg, RV_UNUSED void **result)
{
    const struct sender *from = arg;
    struct rv_rand rand;
    char data[9000];
    rv_rand_seed(&rand, from->seed);
    for (size_t at = 0; at < from->bytes;) {
        size_t n = rv_rand_below(&rand, rv_rand_below(&rand, 4) == 0 ? sizeof(data) : 200) + 1;
        n = n < from->bytes - at ? n : from->bytes - at;
        for (size_t i = 0; i < n; i++) {
            data[i] = (char)pattern_at(at + i);
        }
        RV_REQUIRE_EQ(rove_stream_write(from->s, data, n), 0);
        if (rv_rand_below(&rand, 3) == 0) {
            RV_REQUIRE_EQ(rove_stream_flush(from->s), 0);
            rove_yield();
        }
        at += n;
    }
    return rove_stream_shutdown(from->s);
}

struct reading {
    rove_stream *s;
    char *data;    /* room for `n` */
    size_t n;
    ssize_t got;
};

static int read_once(void *arg, RV_UNUSED void **result)
{
    struct reading *r = arg;
    r->got = rove_stream_read(r->s, r->data, r->n);
    return r->got < 0 ? (int)r->got : 0;
}

/* Goal: a reader that is cancelled at any moment takes all or nothing. Method: each read is a task
 * of its own, half of them cancelled after a few turns; what they read adds up to what was sent. */
static int read_and_cancel(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_pair p;
    struct rv_rand rand;
    size_t at = 0;
    char data[6000];
    rv_rand_seed(&rand, 11);
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    struct sender from = {.s = p.a, .bytes = BYTES, .seed = 5};
    rove_task *sender = rove_create_task(send_pattern, &from);
    struct reading r = {.s = p.b, .data = data, .got = 1};
    while (r.got != 0) {
        r.n = rv_rand_below(&rand, sizeof(data)) + 1;
        r.got = -ECANCELED; /* for one that never begins */
        rove_task *t = rove_create_task(read_once, &r);
        if (rv_rand_below(&rand, 2) == 0) {
            for (uint32_t i = rv_rand_below(&rand, 4); i > 0; i--) {
                rove_yield();
            }
            rove_cancel(t);
        }
        int rc = rove_join(t, NULL);
        RV_REQUIRE(rc == 0 || rc == -ECANCELED);
        if (r.got > 0) {
            RV_REQUIRE(is_pattern(data, (size_t)r.got, at));
            at += (size_t)r.got;
        }
    }
    RV_EXPECT_EQ(at, BYTES);
    RV_EXPECT_EQ(rove_join(sender, NULL), 0);
    RV_EXPECT_EQ(rv_pair_close(&p), 0);
    RV_EXPECT_EQ(lent(), 0);
    return 0;
}

static void test_flow_cancelled_readers_lose_no_byte(void **state)
{
    (void)state;
    rv_test_run(read_and_cancel, NULL);
}

/* Goal: the same with reads that are late: a timeout leaves what comes after it to the next. */
RV_TASK_TEST(test_flow_late_readers_lose_no_byte)
{
    struct rv_pair p;
    size_t at = 0;
    ssize_t n = 1;
    char data[500];
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    struct sender from = {.s = p.a, .bytes = BYTES / 10, .seed = 6};
    rove_task *sender = rove_create_task(send_pattern, &from);
    while (n != 0) {
        rove_timeout soon;
        rove_timeout_enter(&soon, (rove_duration)(at % 7) * ROVE_US(1));
        n = rove_stream_read(p.b, data, sizeof(data));
        (void)rove_timeout_exit(&soon, n < 0 ? (int)n : 0);
        if (n > 0) {
            RV_REQUIRE(is_pattern(data, (size_t)n, at));
            at += (size_t)n;
        }
    }
    RV_EXPECT_EQ(at, BYTES / 10);
    RV_EXPECT_EQ(rove_join(sender, NULL), 0);
    RV_EXPECT_EQ(rv_pair_close(&p), 0);
    RV_EXPECT_EQ(lent(), 0);
    return 0;
}

/* A reader waits for what comes in. */
static bool has_waiter(struct rv_flow *f)
{
    rv_lock_acquire(&f->multi.lock);
    bool has = f->multi.waiter != NULL;
    rv_lock_release(&f->multi.lock);
    return has;
}

/* Goal: a connection that waits holds neither a block nor a buffer. */
RV_TASK_TEST(test_flow_silent_stream_holds_nothing)
{
    struct rv_pair p;
    const char *line;
    char byte;
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    RV_REQUIRE_EQ(rv_pair_put(p.a, "a line\n"), 0);
    RV_REQUIRE_EQ(rove_stream_read_line(p.b, &line), 7);
    struct reading r = {.s = p.b, .data = &byte, .n = 1};
    rove_task *t = rove_create_task(read_once, &r);
    const struct rv_uring_io *all = rv_uring_io_of(rv_current_task()->runtime);
    if (p.b->flow.is_on && all->rings[0].buffers.data != NULL) {
        while (!has_waiter(&p.b->flow)) {
            rove_yield();
        }
        RV_EXPECT_PTR(p.b->in.data, NULL);
        RV_EXPECT_EQ(lent(), 0);
    }
    RV_REQUIRE_EQ(rv_pair_put(p.a, "x"), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    return rv_pair_close(&p);
}

/* Sends `PIECE` bytes of the pattern, as far as the peer's buffers take them. */
static size_t stuff(int fd)
{
    char data[PIECE];
    for (size_t i = 0; i < PIECE; i++) {
        data[i] = (char)pattern_at(i + 1);
    }
    ssize_t n = send(fd, data, PIECE, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 ? 0 : (size_t)n;
}

struct hoard {
    struct rv_pair pairs[CROWD];
    size_t sent[CROWD];
};

/* Each reads one byte, and then no more although its peer sends. */
static int open_hoard(struct hoard *h)
{
    char byte;
    for (int i = 0; i < CROWD; i++) {
        RV_REQUIRE_EQ(rv_pair_open(&h->pairs[i]), 0);
        struct reading r = {.s = h->pairs[i].b, .data = &byte, .n = 1};
        rove_task *t = rove_create_task(read_once, &r);
        rove_yield(); /* most wait before the byte comes, and so have a flow */
        RV_REQUIRE_EQ(rove_send(rove_stream_fd(h->pairs[i].a), "\0", 1, 0), 1);
        RV_EXPECT_EQ(rove_join(t, NULL), 0);
        RV_EXPECT_EQ((unsigned char)byte, pattern_at(0));
    }
    for (int i = 0; i < CROWD; i++) {
        h->sent[i] = 1 + stuff(rove_stream_fd(h->pairs[i].a));
    }
    return 0;
}

/* Goal: peers that send and are never read do not take the buffers from the others for good, and
 * what they sent is all there, whoever reads it, on whatever worker. */
static int hoard_and_go_on(void *arg, RV_UNUSED void **result)
{
    struct hoard *h = arg;
    struct rv_pair p;
    const char *line;
    RV_REQUIRE_EQ(open_hoard(h), 0);
    RV_REQUIRE_EQ(rv_pair_open(&p), 0);
    for (int i = 0; i < MANY; i++) {
        RV_REQUIRE_EQ(rv_pair_put(p.a, "ping\n"), 0);
        RV_REQUIRE_EQ(rove_stream_read_line(p.b, &line), 5);
    }
    for (int i = 0; i < CROWD; i += 2) { /* the others are closed with their buffers full */
        char *data = malloc(PIECE);
        size_t n = h->sent[i] - 1;
        RV_EXPECT_EQ(rove_stream_read_exactly(h->pairs[i].b, data, n), n);
        RV_EXPECT(is_pattern(data, n, 1));
        free(data);
    }
    for (int i = 0; i < CROWD; i++) {
        rv_stream_check(h->pairs[i].b);
        RV_EXPECT_EQ(rv_pair_close(&h->pairs[i]), 0);
    }
    RV_EXPECT_EQ(rv_pair_close(&p), 0);
    RV_EXPECT_EQ(lent(), 0);
    return 0;
}

static void test_flow_unread_streams_leave_buffers_to_others(void **state)
{
    (void)state;
    static struct hoard h;
    rv_test_run(hoard_and_go_on, &h);
}

/* Lets the others run until a task is in a read of s. */
static void await_reader(rove_stream *s)
{
    bool has_begun = false;
    while (!has_begun) {
        rove_yield();
        rv_lock_acquire(&s->lock);
        has_begun = s->is_reading;
        rv_lock_release(&s->lock);
    }
}

/* Goal: a close in the middle of arrivals ends the reader and gives everything back. */
RV_TASK_TEST(test_flow_closed_among_arrivals_gives_back)
{
    for (int i = 0; i < MANY / 5; i++) {
        struct rv_pair p;
        char byte;
        RV_REQUIRE_EQ(rv_pair_open(&p), 0);
        struct reading r = {.s = p.b, .data = &byte, .n = 1};
        rove_task *t = rove_create_task(read_once, &r);
        await_reader(p.b);
        (void)stuff(rove_stream_fd(p.a));
        for (int turns = i % 4; turns > 0; turns--) {
            rove_yield();
        }
        RV_EXPECT_EQ(rove_stream_close(p.b), 0);
        int rc = rove_join(t, NULL);
        RV_EXPECT(rc == 0 || rc == -EBADF);
        RV_EXPECT_EQ(rove_stream_close(p.a), 0);
    }
    RV_EXPECT_EQ(lent(), 0);
    return 0;
}

/* Goal: a stream that its task forgets to close does not outlive the rings. */
RV_TASK_TEST(test_flow_forgotten_stream_ends_with_the_runtime)
{
    int fds[2];
    char byte;
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    rove_stream *s = rove_stream_open(fds[0]);
    rove_timeout soon;
    rove_timeout_enter(&soon, ROVE_US(100));
    RV_EXPECT_EQ(rove_timeout_exit(&soon, (int)rove_stream_read(s, &byte, 1)), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_close(fds[0]), 0); /* behind its back: ends what the ring still had */
    RV_EXPECT_EQ(rove_stream_read(s, &byte, 1), -EBADF);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    RV_EXPECT_EQ(rove_stream_close(s), -EBADF);
    return 0;
}

/* Goal: who waits for the end of a flow that a reader has started behind its back ends it. */
RV_TASK_TEST(test_flow_started_behind_its_end_ends)
{
    int fds[2];
    struct rv_flow flow;
    struct rv_task *self = rv_current_task();
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    rv_flow_init(&flow, self, fds[0], true);
    if (flow.is_on && rv_flow_start(&flow)) {
        rv_multi_wait_idle(&flow.multi, self); /* asked for by nobody before */
    }
    RV_EXPECT(rv_multi_is_idle(&flow.multi));
    rv_flow_fini(&flow);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    return 0;
}

/* Goal: a loss that somebody else has heard of ends the request, and nothing else: the reader asks
 * anew, and what comes later is there. Without it the wait has no end. */
RV_TASK_TEST(test_flow_nudged_is_asked_anew)
{
    int fds[2];
    char byte = 0;
    struct rv_flow flow;
    struct rv_task *self = rv_current_task();
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    rv_flow_init(&flow, self, fds[0], true);
    rv_flow_nudge(&flow); /* not started: nothing happens */
    for (int round = 0; flow.is_on && round < 3 && rv_flow_start(&flow); round++) {
        RV_EXPECT_EQ(rv_flow_look(&flow, self), -EAGAIN);
        rv_flow_nudge(&flow);
        RV_EXPECT_EQ(rv_flow_wait(&flow, self, INT64_MAX), RV_FLOW_IDLE);
    }
    RV_EXPECT_EQ(send(fds[1], "x", 1, MSG_NOSIGNAL), 1);
    if (flow.is_on && rv_flow_start(&flow)) {
        RV_EXPECT_EQ(rv_flow_wait(&flow, self, INT64_MAX), 1);
        RV_EXPECT_EQ(rv_flow_copy(&flow, &byte, 1), 1);
        RV_EXPECT_EQ(byte, 'x');
        rv_flow_end(&flow, self);
    }
    rv_flow_fini(&flow);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow_cancelled_readers_lose_no_byte),
        cmocka_unit_test(test_flow_late_readers_lose_no_byte),
        cmocka_unit_test(test_flow_silent_stream_holds_nothing),
        cmocka_unit_test(test_flow_unread_streams_leave_buffers_to_others),
        cmocka_unit_test(test_flow_closed_among_arrivals_gives_back),
        cmocka_unit_test(test_flow_forgotten_stream_ends_with_the_runtime),
        cmocka_unit_test(test_flow_started_behind_its_end_ends),
        cmocka_unit_test(test_flow_nudged_is_asked_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
