// SPDX-License-Identifier: MIT
/*
 * Purpose: a connection that the peer resets, and who is told of it. The kernel tells once: the
 *          reader must hear of it even if a send was quicker, or what was lost looks like the end.
 * Threads: the test's own thread plays a peer that reads and resets.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = RV_TSAN || RV_ASAN ? 20 : 60, CHUNK = 20000 };

struct link {
    rove_stream *stream;
    int peer; /* a blocking socket */
    struct rv_rand rand;
    ssize_t end; /* what the reader was told at last */
};

static int open_link(struct link *l)
{
    struct sockaddr_in at;
    socklen_t len = sizeof(at);
    int listener = rove_listen("127.0.0.1:0", 1);
    RV_REQUIRE(listener >= 0);
    RV_REQUIRE_EQ(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    l->peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    RV_REQUIRE_EQ(connect(l->peer, (struct sockaddr *)&at, len), 0);
    l->stream = rove_stream_open(rove_accept(listener, NULL, NULL, SOCK_CLOEXEC));
    RV_REQUIRE(l->stream != NULL);
    return rove_close(listener);
}

static void reset(const struct link *l)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    RV_EXPECT_EQ(setsockopt(l->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    RV_EXPECT_EQ(close(l->peer), 0);
}

/* Goal: what came before a reset can be read; then it is an error for every way to read, also when
 * a flush has heard of it first. */
RV_TASK_TEST(test_stream_reset_that_a_send_heard_is_no_end)
{
    struct link l;
    const char *view;
    char b[16];
    RV_REQUIRE_EQ(open_link(&l), 0);
    RV_EXPECT_EQ(send(l.peer, "part", 4, 0), 4);
    reset(&l);
    RV_EXPECT_EQ(rove_stream_write(l.stream, "x", 1), 0);
    RV_EXPECT_EQ(rove_stream_flush(l.stream), -ECONNRESET);
    RV_EXPECT_EQ(rove_stream_read(l.stream, b, sizeof(b)), 4);
    RV_EXPECT_EQ(rove_stream_read(l.stream, b, sizeof(b)), -ECONNRESET);
    RV_EXPECT_EQ(rove_stream_read_exactly(l.stream, b, sizeof(b)), -ECONNRESET);
    RV_EXPECT_EQ(rove_stream_read_line(l.stream, &view), -ECONNRESET);
    RV_EXPECT_EQ(rove_stream_read_until(l.stream, "ab", 2, &view), -ECONNRESET);
    RV_EXPECT_EQ(rove_stream_close(l.stream), -ECONNRESET);
    return 0;
}

/* Goal: a peer that ended first has sent all it had: that is an end, whatever became of the rest
 * of what we sent. */
RV_TASK_TEST(test_stream_reset_behind_the_end_is_an_end)
{
    struct link l;
    char b[16];
    RV_REQUIRE_EQ(open_link(&l), 0);
    RV_EXPECT_EQ(send(l.peer, "all", 3, 0), 3);
    RV_EXPECT_EQ(shutdown(l.peer, SHUT_WR), 0);
    reset(&l);
    RV_EXPECT_EQ(rove_stream_write(l.stream, "x", 1), 0);
    RV_EXPECT_EQ(rove_stream_flush(l.stream), -EPIPE);
    RV_EXPECT_EQ(rove_stream_read(l.stream, b, sizeof(b)), 3);
    RV_EXPECT_EQ(rove_stream_read(l.stream, b, sizeof(b)), 0);
    RV_EXPECT_EQ(rove_stream_close(l.stream), -EPIPE);
    return 0;
}

static void *read_and_reset(void *arg)
{
    struct link *l = arg;
    static const char back[100];
    char b[4096];
    for (unsigned n = rv_rand_below(&l->rand, 50); n > 0; n--) {
        (void)recv(l->peer, b, sizeof(b), 0);
        if (n % 3 == 0)
            (void)send(l->peer, back, sizeof(back), MSG_NOSIGNAL);
    }
    reset(l);
    return NULL;
}

static int write_on(void *arg, RV_UNUSED void **result)
{
    static const char chunk[CHUNK];
    struct link *l = arg;
    while (rove_stream_write(l->stream, chunk, sizeof(chunk)) == 0) {
    }
    return 0;
}

static int read_on(void *arg, RV_UNUSED void **result)
{
    struct link *l = arg;
    char b[8192];
    do {
        l->end = rove_stream_read(l->stream, b, sizeof(b));
    } while (l->end > 0);
    return 0;
}

/* Goal: a reader is never told of an end where there was a reset, however close to it a writer is.
 * Method: both are at it when a thread resets. */
RV_TASK_TEST(test_stream_reset_is_heard_by_reader_and_writer)
{
    struct link l;
    rv_rand_seed(&l.rand, rv_crowd_seed());
    for (unsigned round = 0; round < ROUNDS * rv_crowd_factor(); round++) {
        pthread_t peer;
        RV_REQUIRE_EQ(open_link(&l), 0);
        rove_task *reader = rove_create_task(read_on, &l);
        rove_task *writer = rove_create_task(write_on, &l);
        RV_REQUIRE_EQ(pthread_create(&peer, NULL, read_and_reset, &l), 0);
        RV_EXPECT_EQ(rove_join(writer, NULL), 0);
        RV_EXPECT_EQ(rove_join(reader, NULL), 0);
        RV_EXPECT_EQ(pthread_join(peer, NULL), 0);
        RV_EXPECT_EQ(l.end, -ECONNRESET);
        (void)rove_stream_close(l.stream);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_reset_that_a_send_heard_is_no_end),
        cmocka_unit_test(test_stream_reset_behind_the_end_is_an_end),
        cmocka_unit_test(test_stream_reset_is_heard_by_reader_and_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
