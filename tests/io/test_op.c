// SPDX-License-Identifier: MIT
/*
 * Purpose: io/op: cancellation and deadlines against results, with exact counts.
 */
#include "tests/io/waiting.h"

#include "core/atomic.h"
#include "core/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int read_one(void *arg, RV_UNUSED void **result)
{
    char b;
    return (int)rove_read((int)(intptr_t)arg, &b, 1);
}

/* Goal: a cancelled wait ends with -ECANCELED and takes no byte with it. */
RV_TASK_TEST(test_op_cancelled_wait_takes_nothing)
{
    int fds[2];
    char b;
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    rove_task *t = rove_create_task(read_one, (void *)(intptr_t)fds[0]);
    await_waiters(fds[0], 1);
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_await(t, NULL), -ECANCELED);
    rove_release(t);
    RV_EXPECT_EQ(rove_write(fds[1], "x", 1), 1);
    RV_EXPECT_EQ(rove_read(fds[0], &b, 1), 1);
    RV_EXPECT_EQ(b, 'x');
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

struct two_waits {
    int fd;
    RV_ATOMIC(uint32_t) is_first_over;
};

static int two_waits(void *arg, RV_UNUSED void **result)
{
    struct two_waits *w = arg;
    char b;
    RV_EXPECT_EQ(rove_read(w->fd, &b, 1), -ECANCELED);
    rv_store_relaxed(&w->is_first_over, 1);
    return (int)rove_read(w->fd, &b, 1);
}

/* Goal: one request ends one wait; the clean-up after it may wait again. */
RV_TASK_TEST(test_op_one_cancellation_ends_one_wait)
{
    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    struct two_waits w = {.fd = fds[0]};
    rove_task *t = rove_create_task(two_waits, &w);
    await_waiters(fds[0], 1);
    rove_cancel(t);
    while (rv_load_relaxed(&w.is_first_over) == 0) {
        rove_yield();
    }
    RV_EXPECT_EQ(rove_write(fds[1], "x", 1), 1);
    RV_EXPECT_EQ(rove_await(t, NULL), 1);
    rove_release(t);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

static int begin_cancelled(void *arg, RV_UNUSED void **result)
{
    rove_cancel(rove_current_task());
    char b;
    return (int)rove_read((int)(intptr_t)arg, &b, 1);
}

/* Goal: a cancellation from before is delivered before anything begins: the byte stays. */
RV_TASK_TEST(test_op_pending_cancellation_begins_nothing)
{
    int fds[2];
    char b;
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    RV_EXPECT_EQ(rove_write(fds[1], "x", 1), 1);
    rove_task *t = rove_create_task(begin_cancelled, (void *)(intptr_t)fds[0]);
    RV_EXPECT_EQ(rove_await(t, NULL), -ECANCELED);
    rove_release(t);
    RV_EXPECT_EQ(rove_read(fds[0], &b, 1), 1);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

/* Shared by the races below: what the tasks got. */
struct race {
    int fd;
    RV_ATOMIC(long) got;
    struct rv_rand rand;
};

/* A task that is cancelled before it began, or with its last call done, counts as cancelled. */
static int await_any(rove_task *t, int expected)
{
    int rc = rove_await(t, NULL);
    RV_EXPECT(rc == expected || rc == -ECANCELED);
    rove_release(t);
    return rc;
}

static void linger(struct rv_rand *rand, unsigned most)
{
    for (uint64_t n = rv_rand_below(rand, most + 1); n > 0; n--) {
        rove_yield();
    }
}

static int read_in_race(void *arg, RV_UNUSED void **result)
{
    struct race *race = arg;
    char b[3];
    ssize_t n = rove_read(race->fd, b, sizeof(b));
    if (n == -ECANCELED) {
        return 0;
    }
    RV_REQUIRE(n > 0);
    rv_fetch_add_relaxed(&race->got, (long)n);
    return 0;
}

static int write_in_race(void *arg, RV_UNUSED void **result)
{
    return (int)rove_write((int)(intptr_t)arg, "x", 1);
}

/* Goal: every byte written is read by somebody or still there, whatever was cancelled when.
 * Method: a reader and a writer race with a cancellation after a random number of turns. */
static int run_race(int sockets, uint64_t seed)
{
    enum { ROUNDS = 400 };
    int fds[2];
    struct race race = {0};
    rv_rand_seed(&race.rand, seed);
    RV_REQUIRE_EQ(sockets ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)
                          : pipe2(fds, O_CLOEXEC), 0);
    race.fd = fds[0];
    long written = 0;
    for (int i = 0; i < ROUNDS; i++) {
        rove_task *reader = rove_create_task(read_in_race, &race);
        linger(&race.rand, 3);
        rove_task *writer = rove_create_task(write_in_race, (void *)(intptr_t)fds[1]);
        linger(&race.rand, 3);
        rove_cancel(reader);
        await_any(reader, 0);
        RV_EXPECT_EQ(rove_await(writer, NULL), 1);
        rove_release(writer);
        written++;
    }
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    char rest[ROUNDS];
    ssize_t left = rove_read_all(fds[0], rest, sizeof(rest));
    RV_EXPECT_EQ(rv_load_relaxed(&race.got) + left, written);
    return rove_close(fds[0]);
}

RV_TASK_TEST(test_op_cancel_race_loses_no_byte)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        int rc = run_race(seed & 1, seed);
        if (rc != 0) {
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
            return rc;
        }
    }
    return 0;
}

static int accept_in_race(void *arg, RV_UNUSED void **result)
{
    struct race *race = arg;
    int fd = rove_accept(race->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd == -ECANCELED) {
        return 0;
    }
    RV_REQUIRE(fd >= 0);
    return close(fd); /* not rove_close: the cancellation may be pending, which is no matter */
}

static int connect_in_race(void *arg, RV_UNUSED void **result)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = rove_connect(fd, arg, sizeof(struct sockaddr_in));
    RV_EXPECT(rc == 0 || rc == -ECANCELED);
    RV_EXPECT_EQ(rove_close(fd), 0);
    return rc == -ECANCELED ? 0 : rc;
}

/* Goal: no accepted descriptor is lost to a cancellation. Method: as above; the fixture counts the
 * descriptors of the process at the end. */
RV_TASK_TEST(test_op_cancelled_accept_leaks_no_descriptor)
{
    struct race race = {0};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    rv_rand_seed(&race.rand, 7);
    race.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bind(race.fd, (struct sockaddr *)&at, len);
    getsockname(race.fd, (struct sockaddr *)&at, &len);
    RV_REQUIRE_EQ(listen(race.fd, 1024), 0);
    for (int i = 0; i < 150; i++) {
        rove_task *server = rove_create_task(accept_in_race, &race);
        linger(&race.rand, 2);
        rove_task *client = rove_create_task(connect_in_race, &at);
        linger(&race.rand, 4);
        rove_cancel(server);
        if (i % 8 == 0) {
            rove_cancel(client);
        }
        await_any(server, 0);
        await_any(client, 0);
    }
    return rove_close(race.fd);
}

static int write_much(void *arg, RV_UNUSED void **result)
{
    static char zeros[100000];
    long written = 0;
    for (;;) {
        ssize_t n = rove_write((int)(intptr_t)arg, zeros, sizeof(zeros));
        if (n == -ECANCELED) {
            break;
        }
        RV_REQUIRE(n > 0);
        written += n;
    }
    return (int)written;
}

/* Goal: a cancelled writer knows exactly how many bytes it got rid of. */
RV_TASK_TEST(test_op_cancelled_write_counts_exactly)
{
    for (int i = 0; i < 20; i++) {
        int fds[2];
        char buf[5000];
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        rove_task *t = rove_create_task(write_much, (void *)(intptr_t)fds[1]);
        long total = 0;
        for (int k = 0; k < i; k++) {
            ssize_t n = rove_read(fds[0], buf, sizeof(buf));
            RV_REQUIRE(n > 0);
            total += n;
        }
        rove_cancel(t);
        int written = rove_await(t, NULL);
        rove_release(t);
        written = written == -ECANCELED ? 0 : written; /* it never began */
        RV_EXPECT_EQ(rove_close(fds[1]), 0);
        ssize_t n;
        while ((n = rove_read(fds[0], buf, sizeof(buf))) > 0) {
            total += n;
        }
        RV_EXPECT_EQ(n, 0);
        RV_EXPECT_EQ(total, written);
        RV_EXPECT_EQ(rove_close(fds[0]), 0);
    }
    return 0;
}

/* Goal: the buffer of a cancelled call is the caller's again: nothing touches it later. */
static int read_then_look(void *arg, RV_UNUSED void **result)
{
    const int *fds = arg;
    char buf[256];
    memset(buf, 'u', sizeof(buf));
    RV_EXPECT_EQ(rove_read(fds[0], buf, sizeof(buf)), -ECANCELED);
    char flood[256];
    memset(flood, 'f', sizeof(flood));
    RV_EXPECT_EQ(rove_write(fds[1], flood, sizeof(flood)), sizeof(flood));
    rove_yield();
    for (size_t i = 0; i < sizeof(buf); i++) {
        RV_REQUIRE_EQ(buf[i], 'u');
    }
    RV_EXPECT_EQ(rove_read(fds[0], buf, sizeof(buf)), sizeof(buf));
    return 0;
}

RV_TASK_TEST(test_op_cancelled_buffer_is_left_alone)
{
    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < 50; i++) {
        rove_task *t = rove_create_task(read_then_look, fds);
        for (int k = 0; k < i; k++) {
            rove_yield();
        }
        rove_cancel(t);
        await_any(t, 0);
    }
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

/* Goal: deadlines go for every call; a timed out read leaves the bytes for the next. */
RV_TASK_TEST(test_op_deadline_ends_a_read)
{
    int fds[2];
    char b;
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    rove_timeout scope;
    rove_timeout_enter(&scope, ROVE_MS(1));
    int rc = (int)rove_read(fds[0], &b, 1);
    RV_EXPECT_EQ(rove_timeout_exit(&scope, rc), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_write(fds[1], "x", 1), 1);
    RV_EXPECT_EQ(rove_read(fds[0], &b, 1), 1);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

static int poll_for_ever(void *arg, RV_UNUSED void **result)
{
    return rove_poll((int)(intptr_t)arg, POLLIN, ROVE_SEC(100));
}

/* Goal: many waits at once, ended in an order that has nothing to do with how they began. */
RV_TASK_TEST(test_op_many_waits_cancelled_in_another_order)
{
    enum { MANY = 500 };
    static rove_task *tasks[MANY];
    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < MANY; i++) {
        tasks[i] = rove_create_task(poll_for_ever, (void *)(intptr_t)fds[0]);
    }
    await_waiters(fds[0], MANY);
    for (int i = 0; i < MANY; i++) {
        RV_EXPECT(rove_cancel(tasks[i * 7 % MANY]));
    }
    for (int i = 0; i < MANY; i++) {
        RV_EXPECT_EQ(rove_await(tasks[i], NULL), -ECANCELED);
        rove_release(tasks[i]);
    }
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

/* A UNIX listener whose queue is full, and the sockets that fill it. */
struct full_queue {
    struct sockaddr_un at;
    socklen_t len;
    int fd, fillers[8], count, waiting;
};

static void fill_queue(struct full_queue *q)
{
    int rc = 0;
    *q = (struct full_queue){.at.sun_family = AF_UNIX, .len = sizeof(sa_family_t)};
    q->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bind(q->fd, (struct sockaddr *)&q->at, q->len); /* the kernel chooses a name */
    q->len = sizeof(q->at);
    getsockname(q->fd, (struct sockaddr *)&q->at, &q->len);
    listen(q->fd, 1);
    while (rc == 0 && q->count < 8) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        rc = connect(fd, (struct sockaddr *)&q->at, q->len);
        q->fillers[q->count++] = fd;
    }
    RV_EXPECT(rc < 0 && errno == EAGAIN);
    q->waiting = q->fillers[q->count - 1];
}

static int empty_queue(struct full_queue *q)
{
    for (int i = 0; i < q->count; i++) {
        RV_EXPECT_EQ(rove_close(q->fillers[i]), 0);
    }
    return rove_close(q->fd);
}

static int connect_to_full(void *arg, RV_UNUSED void **result)
{
    struct full_queue *q = arg;
    return rove_connect(q->waiting, (struct sockaddr *)&q->at, q->len);
}

static uint64_t submitted(void)
{
    static rove_metrics m; /* large */
    RV_EXPECT_EQ(rove_metrics_read(rv_current_task()->runtime, &m), 0);
    return m.ops_submitted;
}

/* Goal: a connection that waits for room in the queue asks now and then, not all the time. Method:
 * its pauses double, so that a wait of any length has few of them; it used to ask without end. */
RV_TASK_TEST(test_op_connect_to_a_full_queue_waits_for_room)
{
    struct full_queue q;
    fill_queue(&q);
    uint64_t before = submitted();
    rove_task *t = rove_create_task(connect_to_full, &q);
    RV_EXPECT_EQ(rove_sleep(ROVE_MS(30)), 0);
    RV_EXPECT(!rove_done(t));
    RV_EXPECT(submitted() - before < 100);
    for (int i = 0; i < q.count; i++) {
        int fd = rove_accept(q.fd, NULL, NULL, SOCK_CLOEXEC);
        RV_REQUIRE(fd >= 0);
        RV_EXPECT_EQ(rove_close(fd), 0);
    }
    RV_EXPECT_EQ(rove_await(t, NULL), 0);
    rove_release(t);
    return empty_queue(&q);
}

/* Goal: a cancellation, and a close, end the wait for room. */
RV_TASK_TEST(test_op_connect_to_a_full_queue_can_be_ended)
{
    struct full_queue q;
    fill_queue(&q);
    rove_task *t = rove_create_task(connect_to_full, &q);
    await_waiters(q.waiting, 1);
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    t = rove_create_task(connect_to_full, &q);
    await_waiters(q.waiting, 1);
    RV_EXPECT_EQ(rove_close(q.waiting), 0);
    q.count--;
    RV_EXPECT_EQ(rove_join(t, NULL), -EBADF);
    return empty_queue(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_op_cancelled_wait_takes_nothing),
        cmocka_unit_test(test_op_one_cancellation_ends_one_wait),
        cmocka_unit_test(test_op_pending_cancellation_begins_nothing),
        cmocka_unit_test(test_op_cancel_race_loses_no_byte),
        cmocka_unit_test(test_op_cancelled_accept_leaks_no_descriptor),
        cmocka_unit_test(test_op_cancelled_write_counts_exactly),
        cmocka_unit_test(test_op_cancelled_buffer_is_left_alone),
        cmocka_unit_test(test_op_deadline_ends_a_read),
        cmocka_unit_test(test_op_many_waits_cancelled_in_another_order),
        cmocka_unit_test(test_op_connect_to_a_full_queue_waits_for_room),
        cmocka_unit_test(test_op_connect_to_a_full_queue_can_be_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
