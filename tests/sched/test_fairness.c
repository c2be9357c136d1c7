// SPDX-License-Identifier: MIT
/*
 * Purpose: nobody starves beside tasks that keep a worker busy for ever without computing.
 *
 * Idea: some tasks go on greedily until they are told to stop, in one of the ways in which
 * a task can hand the processor to the same few for ever. Beside them, whatever else a worker has
 * to serve must come to its end: ready tasks, timers, completions, submissions, answers of threads.
 * One that starves hangs the test.
 */
#include "support/fixture.h"

#include "core/atomic.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IS_SLOW = RV_ASAN || RV_TSAN, GREEDY_MAX = IS_SLOW ? 4 : 16, ROUNDS = IS_SLOW ? 2 : 20 };

struct scene {
    RV_ATOMIC(int) is_over;
    RV_ATOMIC(uint64_t) turns; /* of all that are greedy */
    rove_chan *there, *back;
    rove_mutex lock;
    rove_coro *left, *right;
    ssize_t (*call)(const int *fd);
    int pipe[2];
};

static bool goes_on(struct scene *s)
{
    (void)rv_fetch_add_relaxed(&s->turns, 1);
    return rv_load_relaxed(&s->is_over) == 0;
}

static int yield_for_ever(void *arg, RV_UNUSED void **result)
{
    int rc = 0;
    while (rc == 0 && goes_on(arg)) {
        rc = rove_yield();
    }
    return rc;
}

/* A round trip: the partner is woken and run next, again and again. */
static int serve(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int ball = 0, rc = 0;
    while (rc == 0 && goes_on(s)) {
        rc = rove_chan_send(s->there, &ball);
        rc = rc == 0 ? rove_chan_recv(s->back, &ball) : rc;
    }
    (void)rove_chan_close(s->there);
    return rc == -EPIPE ? 0 : rc;
}

static int send_back(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int ball, rc = 0;
    while (rc == 0) {
        rc = rove_chan_recv(s->there, &ball);
        rc = rc == 0 ? rove_chan_send(s->back, &ball) : rc;
    }
    (void)rove_chan_close(s->back);
    return rc == -EPIPE ? 0 : rc;
}

static int lock_for_ever(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int rc = 0;
    while (rc == 0 && goes_on(s)) {
        rc = rove_mutex_lock(&s->lock);
        if (rc == 0) {
            rc = rove_yield();
            rove_mutex_unlock(&s->lock);
        }
    }
    return rc;
}

static int end_at_once(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

static int end_after_a_yield(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_yield();
}

static int await_for_ever(void *arg, const rove_task_options *options, rove_coro *child)
{
    int rc = 0;
    while (rc == 0 && goes_on(arg)) {
        rc = rove_join(rove_create_task_with(options, child, NULL), NULL);
    }
    return rc;
}

static int await_next_for_ever(void *arg, RV_UNUSED void **result)
{
    return await_for_ever(arg, NULL, end_at_once);
}

static int await_yielding_for_ever(void *arg, RV_UNUSED void **result)
{
    return await_for_ever(arg, NULL, end_after_a_yield);
}

static int await_eager_for_ever(void *arg, RV_UNUSED void **result)
{
    return await_for_ever(arg, &(rove_task_options){.eager = true}, end_after_a_yield);
}

/* Calls that are ready at once: 1, the number of bytes or of events, unless they failed. */
static ssize_t read_cached(const int *fd)
{
    char byte;
    return rove_pread(fd[2], &byte, 1, 0);
}

static ssize_t write_file(const int *fd)
{
    return rove_pwrite(fd[2], "k", 1, 0);
}

static ssize_t poll_file(const int *fd)
{
    return rove_poll(fd[2], POLLIN, ROVE_FOREVER) == POLLIN;
}

static ssize_t poll_socket(const int *fd)
{
    return rove_poll(fd[0], POLLOUT, ROVE_FOREVER) == POLLOUT;
}

static ssize_t look_in_vain(const int *fd)
{
    return rove_poll(fd[1], POLLIN, 0) == -ETIMEDOUT;
}

static ssize_t read_device(const int *fd)
{
    char byte;
    return rove_read(fd[3], &byte, 1);
}

static ssize_t write_device(const int *fd)
{
    return rove_write(fd[3], "k", 1);
}

static ssize_t send_to_oneself(const int *fd)
{
    char byte;
    return rove_send(fd[0], "k", 1, 0) == 1 ? rove_recv(fd[1], &byte, 1, 0) : -1;
}

static int call_for_ever(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int fd[4];
    ssize_t rc = 1;
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    fd[2] = memfd_create("cached", MFD_CLOEXEC);
    fd[3] = open("/dev/zero", O_RDWR | O_CLOEXEC);
    RV_EXPECT_EQ(write(fd[2], "k", 1), 1);
    while (rc == 1 && goes_on(s)) {
        rc = s->call(fd);
    }
    for (int i = 0; i < 4; i++) {
        RV_EXPECT_EQ(rove_close(fd[i]), 0);
    }
    RV_EXPECT_EQ(rc, 1);
    return 0;
}

static int sleep_shortly(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_sleep(RV_TEST_SOON);
}

static int read_byte(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    char byte;
    return rove_read(s->pipe[0], &byte, 1) == 1 ? 0 : RV_TEST_FAILED;
}

static int write_byte(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    return rove_write(s->pipe[1], "k", 1) == 1 ? 0 : RV_TEST_FAILED;
}

/* On a thread: a task that is submitted answers. */
static int submit_and_wait(void *arg, RV_UNUSED void **result)
{
    rove_task *t = rove_submit(arg, end_after_a_yield, NULL);
    int rc = rove_wait_blocking(t, ROVE_FOREVER, NULL);
    rove_release(t);
    return rc;
}

static int ask_a_thread(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_to_thread(submit_and_wait, rove_current_runtime(), NULL);
}

/* Everything that must not starve, several times. */
static int be_served(struct scene *s)
{
    static rove_coro *const kinds[] = {end_at_once, end_after_a_yield, sleep_shortly,
                                       read_byte,   write_byte,        ask_a_thread};
    rove_task *tasks[RV_ARRAY_LEN(kinds)];
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < RV_ARRAY_LEN(kinds); i++) {
            tasks[i] = rove_create_task(kinds[i], s);
            RV_REQUIRE(tasks[i] != NULL);
        }
        for (size_t i = 0; i < RV_ARRAY_LEN(kinds); i++) {
            RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
        }
    }
    return 0;
}

static int beside_greedy_body(void *arg, RV_UNUSED void **result)
{
    const struct scene *kind = arg;
    struct scene s = {.there = rove_chan_create(sizeof(int), 0),
                      .back = rove_chan_create(sizeof(int), 0),
                      .call = kind->call};
    bool is_pair = kind->left != kind->right; /* of which there is one */
    size_t n = is_pair ? 2 : GREEDY_MAX;
    rove_task *greedy[GREEDY_MAX];
    RV_REQUIRE_EQ(pipe(s.pipe), 0);
    for (size_t i = 0; i < n; i++) {
        greedy[i] = rove_create_task(i % 2 == 0 ? kind->left : kind->right, &s);
    }
    while (rv_load_relaxed(&s.turns) < 1000) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT_EQ(be_served(&s), 0);
    rv_store_relaxed(&s.is_over, 1);
    for (size_t i = 0; i < n; i++) {
        RV_EXPECT_EQ(rove_join(greedy[i], NULL), 0);
    }
    rove_chan_release(s.there);
    rove_chan_release(s.back);
    RV_EXPECT_EQ(rove_close(s.pipe[0]) | rove_close(s.pipe[1]), 0);
    return 0;
}

static void run_beside(rove_coro *left, rove_coro *right)
{
    rv_test_run(beside_greedy_body, &(struct scene){.left = left, .right = right});
}

/* Goal: beside tasks that only yield. */
static void test_fairness_beside_yields(void **state)
{
    (void)state;
    run_beside(yield_for_ever, yield_for_ever);
}

/* Goal: beside two that hand a message to and fro: each wakes the other and makes way for it. */
static void test_fairness_beside_a_pair(void **state)
{
    (void)state;
    run_beside(serve, send_back);
}

/* Goal: beside a mutex that is always handed on. */
static void test_fairness_beside_a_convoy(void **state)
{
    (void)state;
    run_beside(lock_for_ever, lock_for_ever);
}

/* Goal: beside parents that make way for the next task, or whose child comes back at once. */
static void test_fairness_beside_parents(void **state)
{
    (void)state;
    run_beside(await_next_for_ever, await_next_for_ever);
    run_beside(await_yielding_for_ever, await_yielding_for_ever);
    run_beside(await_eager_for_ever, await_eager_for_ever);
}

/* Goal: beside tasks whose calls never wait, as what they ask for is there. */
static void test_fairness_beside_calls_that_are_ready(void **state)
{
    static ssize_t (*const calls[])(const int *) = {read_cached, write_file,   poll_file,
                                                    poll_socket, look_in_vain, read_device,
                                                    write_device, send_to_oneself};
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(calls); i++) {
        rv_test_run(beside_greedy_body, &(struct scene){.left = call_for_ever,
                                                        .right = call_for_ever,
                                                        .call = calls[i]});
    }
}

/* Goal: beside one such parent alone, which a lone worker runs in turn with its child for ever. */
static void test_fairness_beside_one_parent(void **state)
{
    (void)state;
    run_beside(await_next_for_ever, end_at_once);
    run_beside(await_eager_for_ever, end_at_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fairness_beside_yields),
        cmocka_unit_test(test_fairness_beside_a_pair),
        cmocka_unit_test(test_fairness_beside_a_convoy),
        cmocka_unit_test(test_fairness_beside_parents),
        cmocka_unit_test(test_fairness_beside_one_parent),
        cmocka_unit_test(test_fairness_beside_calls_that_are_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
