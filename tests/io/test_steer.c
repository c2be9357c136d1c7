// SPDX-License-Identifier: MIT
/*
 * Purpose: io/steer, io/post: receives that wait on another worker's ring lose nothing and are as
 *          cancellable, and as closable, as any.
 *
 * Method: the tests set a descriptor's home themselves, worker after worker, so that posts happen
 * on any machine; io/steer.c would do so by the CPU of the packets. On epoll homes have no effect
 * and the same must hold.
 */
#include "core/clock.h"
#include "core/rand.h"
#include "tests/io/waiting.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#if RV_TSAN || RV_ASAN
#define MESSAGES 2000
#else
#define MESSAGES 20000
#endif
#define PAIRS 6

static struct rv_fd_slot *slot_of(int fd)
{
    int error = 0;
    struct rv_io *io = rv_io_of(rv_current_task()->runtime);
    return rv_fdtab_get(&io->fds, fd, &error);
}

static void set_home(int fd, unsigned worker)
{
    unsigned count = rv_current_task()->runtime->worker_count;
    rv_store_relaxed(&slot_of(fd)->home, 1 + worker % count);
}

struct flow {
    int fds[2];
    uint64_t received;
    uint64_t rounds; /* ended by a deadline with nothing received */
};

static int send_all(void *arg, RV_UNUSED void **result)
{
    struct flow *f = arg;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        RV_REQUIRE_EQ(rove_send(f->fds[1], &i, sizeof i, 0), sizeof i);
        if (i % 7 == 0) {
            rove_yield();
        }
    }
    return rove_shutdown(f->fds[1], SHUT_WR);
}

/* Each message in its order, whoever's ring it waited in. */
static int receive_all(void *arg, RV_UNUSED void **result)
{
    struct flow *f = arg;
    uint32_t value;
    ssize_t n;
    set_home(f->fds[0], 0);
    while ((n = rove_recv(f->fds[0], &value, sizeof value, 0)) > 0) {
        RV_REQUIRE_EQ(n, sizeof value);
        RV_REQUIRE_EQ(value, f->received);
        f->received++;
        set_home(f->fds[0], (unsigned)f->received);
    }
    RV_EXPECT_EQ(n, 0);
    return 0;
}

static int receive_with_deadlines(void *arg, RV_UNUSED void **result)
{
    struct flow *f = arg;
    uint32_t value;
    ssize_t n = 1;
    for (unsigned turn = 0; n != 0; turn++) {
        set_home(f->fds[0], turn);
        struct rv_op op = {.kind = RV_OP_RECV,
                           .fd = f->fds[0],
                           .addr = &value,
                           .len = sizeof value,
                           .deadline_ns = rv_clock_now() + ROVE_US(turn % 64)};
        n = rv_op_run(&op);
        if (n == -ETIMEDOUT) {
            f->rounds++;
        } else if (n > 0) {
            RV_REQUIRE_EQ(n, sizeof value);
            RV_REQUIRE_EQ(value, f->received);
            f->received++;
        }
        RV_REQUIRE(n >= 0 || n == -ETIMEDOUT);
    }
    return 0;
}

static int run_flows(rove_coro *receive)
{
    struct flow flows[PAIRS] = {0};
    rove_task *tasks[2 * PAIRS];
    for (size_t i = 0; i < PAIRS; i++) {
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, flows[i].fds), 0);
        tasks[2 * i] = rove_create_task(receive, &flows[i]);
        tasks[2 * i + 1] = rove_create_task(send_all, &flows[i]);
    }
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    for (size_t i = 0; i < PAIRS; i++) {
        RV_EXPECT_EQ(flows[i].received, MESSAGES);
        RV_EXPECT_EQ(rove_close(flows[i].fds[0]), 0);
        RV_EXPECT_EQ(rove_close(flows[i].fds[1]), 0);
    }
    return 0;
}

/* Goal: a home that changes at each receive loses, doubles and reorders nothing. */
RV_TASK_TEST(test_steer_any_home_receives_all)
{
    return run_flows(receive_all);
}

/* Goal: the same when deadlines end posted receives at any instant. */
RV_TASK_TEST(test_steer_deadlines_lose_nothing)
{
    return run_flows(receive_with_deadlines);
}

static int receive_once(void *arg, RV_UNUSED void **result)
{
    char b;
    return (int)rove_recv((int)(intptr_t)arg, &b, 1, 0);
}

/* Goal: a cancelled receive ends, wherever its operation is on its way to. */
RV_TASK_TEST(test_steer_cancel_finds_the_operation)
{
    int fds[2];
    struct rv_rand rand;
    rv_rand_seed(&rand, 7);
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    for (unsigned i = 0; i < MESSAGES / 10; i++) {
        set_home(fds[0], i);
        rove_task *t = rove_create_task(receive_once, (void *)(intptr_t)fds[0]);
        for (uint64_t yields = rv_rand_below(&rand, 4); yields > 0; yields--) {
            rove_yield();
        }
        rove_cancel(t);
        RV_REQUIRE_EQ(rove_join(t, NULL), -ECANCELED);
    }
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

/* Goal: a close ends receives that are posted, queued or waiting. */
RV_TASK_TEST(test_steer_close_ends_the_waits)
{
    for (unsigned i = 0; i < MESSAGES / 20; i++) {
        int fds[2];
        rove_task *tasks[3];
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        set_home(fds[0], i);
        for (size_t k = 0; k < RV_ARRAY_LEN(tasks); k++) {
            tasks[k] = rove_create_task(receive_once, (void *)(intptr_t)fds[0]);
        }
        if (i % 2 == 0) {
            await_waiters(fds[0], RV_ARRAY_LEN(tasks));
        }
        RV_REQUIRE_EQ(rove_close(fds[0]), 0);
        for (size_t k = 0; k < RV_ARRAY_LEN(tasks); k++) {
            RV_REQUIRE_EQ(rove_join(tasks[k], NULL), -EBADF);
        }
        RV_REQUIRE_EQ(rove_close(fds[1]), 0);
    }
    return 0;
}

struct stuck {
    int fds[2];
    RV_ATOMIC(uint32_t) is_computing, served;
    unsigned worker;
};

static int compute(void *arg, RV_UNUSED void **result)
{
    struct stuck *s = arg;
    int64_t end_ns = rv_clock_now() + INT64_C(20000000000);
    s->worker = rv_current_worker()->idx;
    rv_store_release(&s->is_computing, 1u);
    while (rv_load_acquire(&s->served) == 0 && rv_clock_now() < end_ns) {
        rv_cpu_relax();
    }
    return rv_load_acquire(&s->served) != 0 ? 0 : -ETIMEDOUT;
}

static int receive_from_stuck_home(void *arg, RV_UNUSED void **result)
{
    struct stuck *s = arg;
    char b;
    set_home(s->fds[0], s->worker);
    RV_EXPECT_EQ(rove_recv(s->fds[0], &b, 1, 0), 1);
    rv_store_release(&s->served, 1u);
    return 0;
}

/* Goal: a receive posted to a worker that computes without end is served all the same. */
static int stuck_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int round = 0; round < 20; round++) {
        struct stuck s = {{-1, -1}, 0, 0, 0};
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s.fds), 0);
        rove_task *hog = rove_create_task(compute, &s);
        while (rv_load_acquire(&s.is_computing) == 0) {
            rove_yield();
        }
        rove_task *reader = rove_create_task(receive_from_stuck_home, &s);
        rove_yield();
        RV_REQUIRE_EQ(send(s.fds[1], "x", 1, 0), 1);
        RV_EXPECT_EQ(rove_join(reader, NULL), 0);
        RV_EXPECT_EQ(rove_join(hog, NULL), 0);
        RV_EXPECT_EQ(rove_close(s.fds[0]), 0);
        RV_EXPECT_EQ(rove_close(s.fds[1]), 0);
    }
    return 0;
}

static void test_steer_to_a_computing_worker_is_served(void **state)
{
    (void)state;
    for (unsigned workers = 2; workers <= 4; workers++) {
        rv_test_run_on(workers, stuck_body, NULL);
    }
}

/* What the kernel seems to say of descriptor 0, and how often it is asked. */
static int incoming_cpu;
static unsigned questions;

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    if (name != SO_INCOMING_CPU || fd != 0) {
        return __real_getsockopt(fd, level, name, value, len);
    }
    questions++;
    memcpy(value, &incoming_cpu, sizeof(incoming_cpu));
    return 0;
}

/* Two workers on two processors, made up. */
static struct rove_runtime on_two;
static struct rv_worker made_up[2] = {{.runtime = &on_two, .idx = 0, .cpu = 0},
                                      {.runtime = &on_two, .idx = 1, .cpu = 1}};
static struct rove_runtime on_two = {.workers = made_up, .worker_count = 2};

static unsigned questions_in(unsigned turns, struct rv_steer *steer, struct rv_fd_slot *slot)
{
    questions = 0;
    for (unsigned i = 0; i < turns; i++) {
        rv_steer_turn(steer, slot, 0, &on_two);
    }
    return questions;
}

/* Goal: a socket is asked after 32 receives, then after twice as many as long as the answer stays
 * the same, never less than once in 256; another answer is believed at once. */
static void test_steer_asks_less_often_what_stays_the_same(void **state)
{
    (void)state;
    RV_ATOMIC(uint32_t) worker_on[2] = {1, 2};
    struct rv_steer steer = {worker_on, RV_ARRAY_LEN(worker_on)};
    struct rv_fd_slot slot = {0};
    for (unsigned round = 0; round < 3; round++) {
        incoming_cpu = round % 2 == 0 ? 1 : 0;
        unsigned due = round == 0 ? 32 : 256; /* at the latest */
        assert_int_equal(questions_in(due - 1, &steer, &slot), 0);
        assert_int_equal(questions_in(1, &steer, &slot), 1);
        assert_int_equal(rv_load_relaxed(&slot.home), 1 + incoming_cpu);
        assert_int_equal(questions_in(31, &steer, &slot), 0); /* new: soon again */
        assert_int_equal(questions_in(1 + 64 + 128, &steer, &slot), 3);
        assert_int_equal(questions_in(10 * 256, &steer, &slot), 10);
        assert_int_equal(rv_load_relaxed(&slot.home), 1 + incoming_cpu);
    }
}

/* Goal: one that stands aside (sched/active.h) is nobody's home; beside it alone there is no choice
 * and no question. */
static void test_steer_nobody_lives_aside(void **state)
{
    (void)state;
    RV_ATOMIC(uint32_t) worker_on[2] = {1, 2};
    struct rv_steer steer = {worker_on, RV_ARRAY_LEN(worker_on)};
    struct rv_fd_slot slot = {0};
    incoming_cpu = 1;
    assert_true(questions_in(1000, &steer, &slot) > 0);
    assert_int_equal(rv_load_relaxed(&slot.home), 2);
    rv_store_relaxed(&on_two.active.aside, 1u);
    assert_int_equal(questions_in(1000, &steer, &slot), 0);
    assert_int_equal(rv_load_relaxed(&slot.home), 0);
    rv_store_relaxed(&on_two.active.aside, 0u);
    assert_true(questions_in(1000, &steer, &slot) > 0);
    assert_int_equal(rv_load_relaxed(&slot.home), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steer_nobody_lives_aside),
        cmocka_unit_test(test_steer_asks_less_often_what_stays_the_same),
        cmocka_unit_test(test_steer_any_home_receives_all),
        cmocka_unit_test(test_steer_deadlines_lose_nothing),
        cmocka_unit_test(test_steer_cancel_finds_the_operation),
        cmocka_unit_test(test_steer_close_ends_the_waits),
        cmocka_unit_test(test_steer_to_a_computing_worker_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
