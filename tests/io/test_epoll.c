// SPDX-License-Identifier: MIT
/*
 * Purpose: io/epoll.c: one slot, many waiters: each gets its readiness; numbers may be closed and
 *          used again behind our back; a kick that came first ends a sleep.
 */
#include "io/epoll.h"

#include "core/os.h"
#include "io/kick.h"
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/scarce.h"
#include "support/still.h"
#include "tests/io/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READERS = 12 };

static void run_on_epoll(rove_coro *body)
{
    RV_FOR_EACH_WORKERS(workers) {
        rove_options options = {.workers = workers, .backend = ROVE_BACKEND_EPOLL};
        rv_test_run_with(&options, body, NULL);
    }
}

static int read_one(void *arg, RV_UNUSED void **result)
{
    unsigned char byte = 0;
    ssize_t n = rove_read(*(const int *)arg, &byte, 1);
    return n == 1 ? byte : (int)n;
}

static int write_much(void *arg, RV_UNUSED void **result)
{
    static const char text[4000];
    size_t left = (size_t)1 << 20;
    while (left > 0) {
        ssize_t n = rove_write(*(const int *)arg, text, left < sizeof text ? left : sizeof text);
        if (n <= 0)
            return (int)n;
        left -= (size_t)n;
    }
    return 0;
}

static int both_ways_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    static char sink[16384];
    int fds[2];
    size_t got = 0;
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    rove_task *reader = rove_create_task(read_one, &fds[0]);
    rove_task *writer = rove_create_task(write_much, &fds[0]);
    await_waiters(fds[0], 2); /* full one way, empty the other: both wait on one number */
    while (got < (size_t)1 << 20) {
        ssize_t n = rove_read(fds[1], sink, sizeof sink);
        RV_REQUIRE(n > 0);
        got += (size_t)n;
    }
    RV_EXPECT_EQ(rove_join(writer, NULL), 0);
    RV_EXPECT(!rove_done(reader)); /* the writer's readiness was not its own */
    RV_EXPECT_EQ(rove_write(fds[1], "A", 1), 1);
    RV_EXPECT_EQ(rove_join(reader, NULL), 'A');
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    return 0;
}

/* Goal: who reads and who writes on one descriptor are told apart. */
static void test_epoll_both_ways_on_one_descriptor(void **state)
{
    (void)state;
    run_on_epoll(both_ways_body);
}

static int sharing_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int fds[2];
    rove_task *tasks[READERS];
    unsigned sum = 0;
    unsigned expected = 0;
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    for (unsigned i = 0; i < READERS; i++)
        tasks[i] = rove_create_task(read_one, &fds[0]);
    await_waiters(fds[0], READERS);
    for (unsigned i = 0; i < READERS; i++) {
        unsigned char byte = (unsigned char)(1 + i * 7);
        expected += byte;
        RV_EXPECT_EQ(write(fds[1], &byte, 1), 1);
        if (i % 3 == 0)
            (void)rove_yield();
    }
    for (unsigned i = 0; i < READERS; i++) {
        int rc = rove_join(tasks[i], NULL);
        RV_EXPECT(rc > 0);
        sum += (unsigned)rc;
    }
    RV_EXPECT_EQ(sum, expected); /* each byte to one reader, none twice */
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    return 0;
}

/* Goal: readers that all wait on one pipe share what comes; who finds it taken waits again. */
static void test_epoll_readers_share(void **state)
{
    (void)state;
    run_on_epoll(sharing_body);
}

static int foreign_close_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int fds[2];
    int number = -1;
    for (int round = 0; round < 11; round++) {
        RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
        if (number < 0)
            number = fcntl(fds[0], F_DUPFD_CLOEXEC, 100);
        else
            RV_REQUIRE_EQ(dup3(fds[0], number, O_CLOEXEC), number);
        close(fds[0]);
        rove_task *reader = rove_create_task(read_one, &number);
        await_waiters(number, 1); /* registered for this pipe */
        RV_EXPECT_EQ(write(fds[1], "z", 1), 1);
        RV_EXPECT_EQ(rove_join(reader, NULL), 'z');
        close(fds[1]);
        if (round % 2 == 0)
            close(number); /* not rove_close: nobody tells us; dup3 is the other way */
    }
    return 0;
}

/* Goal: a number that was closed and used again behind our back is registered anew. */
static void test_epoll_reused_number_is_registered_anew(void **state)
{
    (void)state;
    run_on_epoll(foreign_close_body);
}

static int cancel_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int fds[2];
    rove_task *tasks[3];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < 3; i++)
        tasks[i] = rove_create_task(read_one, &fds[0]);
    await_waiters(fds[0], 3);
    RV_EXPECT(rove_cancel(tasks[1]));
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), -ECANCELED);
    RV_EXPECT_EQ(write(fds[1], "pq", 2), 2);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL) + rove_join(tasks[2], NULL), 'p' + 'q');
    const struct rv_fd_slot *slot = rv_fdtab_find(&rv_io_of(rv_current_task()->runtime)->fds,
                                                  fds[0]);
    RV_EXPECT(slot->first == NULL && slot->last == NULL);
    RV_EXPECT_EQ(rv_load_relaxed(&slot->users), 0);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    return 0;
}

/* Goal: a waiter in the middle leaves, the others get all that comes. */
static void test_epoll_cancelled_waiter_takes_nothing(void **state)
{
    (void)state;
    run_on_epoll(cancel_body);
}

static int hang_up_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int fds[2];
    rove_task *tasks[2];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    tasks[0] = rove_create_task(read_one, &fds[0]);
    tasks[1] = rove_create_task(write_much, &fds[0]);
    await_waiters(fds[0], 2);
    close(fds[1]); /* an error or a hang-up is everybody's event */
    int read_rc = rove_join(tasks[0], NULL);
    RV_EXPECT(read_rc == 0 || read_rc == -ECONNRESET);
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), -EPIPE);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return 0;
}

/* Goal: the peer's end wakes whoever waits, for whatever. */
static void test_epoll_hang_up_wakes_all(void **state)
{
    (void)state;
    run_on_epoll(hang_up_body);
}

static int file_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    char text[16] = "";
    FILE *file = tmpfile();
    RV_REQUIRE(file != NULL);
    RV_EXPECT_EQ(rove_pwrite(fileno(file), "on a disk", 9, 0), 9);
    RV_EXPECT_EQ(rove_pread(fileno(file), text, sizeof text, 0), 9);
    RV_EXPECT_STR(text, "on a disk");
    (void)fclose(file);
    return 0;
}

/* Goal: what knows no readiness is done by other means. */
static void test_epoll_files_need_no_readiness(void **state)
{
    (void)state;
    run_on_epoll(file_body);
}

static struct rv_still still;

/* Goal: the poller by itself: nothing waits, so nothing is polled for; a kick before the sleep
 * ends it; a deadline that has come does, too. */
static void test_epoll_kick_before_the_sleep_ends_it(void **state)
{
    const struct rv_poller_ops *ops = &rv_epoll_reactor.poller;
    (void)state;
    assert_int_equal(rv_still_init(&still, 2), 0);
    still.runtime.poller = ops;
    assert_int_equal(ops->runtime_start(&still.runtime), 0);
    struct rv_worker *w = rv_still_play(&still, 1);
    w->tid = (int32_t)rv_os_gettid();
    rv_kick_forbid();
    assert_int_equal(ops->worker_start(w), 0);
    assert_false(ops->needs_poll(w));
    for (int i = 0; i < 10; i++) {
        ops->wake(w);
        ops->sleep(w, INT64_MAX);
        ops->sleep(w, 0);
        assert_int_equal(ops->poll(w), 0);
        assert_int_equal(ops->rescue(w, &still.workers[0]), 0);
    }
    ops->flush(w);
    ops->worker_stop(w);
    ops->runtime_stop(&still.runtime);
    assert_null(still.runtime.poll_data);
    rv_still_fini(&still);
}

static int start_and_stop(void)
{
    const struct rv_poller_ops *ops = &rv_epoll_reactor.poller;
    int rc = ops->runtime_start(&still.runtime);
    if (rc == 0)
        ops->runtime_stop(&still.runtime);
    return rc;
}

/* Goal: no memory, no descriptor: the start fails whole. */
static void test_epoll_failed_start_leaves_nothing(void **state)
{
    struct rv_test_usage before;
    struct rlimit limit;
    int rc = -ENOMEM;
    (void)state;
    assert_int_equal(rv_still_init(&still, 2), 0);
    assert_int_equal(start_and_stop(), 0);
    rv_test_usage_read(&before);
    int refused = 0;
    for (int k = 0; rc != 0 && k < 20; k++) {
        rv_scarce_after(k);
        rc = start_and_stop();
        rv_scarce_end();
        assert_true(rc == 0 || rc == -ENOMEM);
        refused += rc != 0;
        rv_test_usage_check(&before);
    }
    assert_int_equal(rc, 0);
    assert_true(refused >= 2);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int next = dup(STDERR_FILENO);
    close(next);
    struct rlimit tight = {.rlim_cur = (rlim_t)next, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    rc = start_and_stop();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(rc, -EMFILE);
    rv_test_usage_check(&before);
    rv_still_fini(&still);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epoll_both_ways_on_one_descriptor),
        cmocka_unit_test(test_epoll_readers_share),
        cmocka_unit_test(test_epoll_reused_number_is_registered_anew),
        cmocka_unit_test(test_epoll_cancelled_waiter_takes_nothing),
        cmocka_unit_test(test_epoll_hang_up_wakes_all),
        cmocka_unit_test(test_epoll_files_need_no_readiness),
        cmocka_unit_test(test_epoll_kick_before_the_sleep_ends_it),
        cmocka_unit_test(test_epoll_failed_start_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
