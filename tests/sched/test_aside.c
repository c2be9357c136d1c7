// SPDX-License-Identifier: MIT
/*
 * Purpose: programs that run while workers stand aside (sched/active.h): nothing is lost, bound
 *          tasks stay, a stuck worker is helped, and all come back when there is nothing to do.
 * Idea:    the test says how many stand aside; each program ends by itself or hangs.
 */
#include "support/fixture.h"

#include "core/os.h"
#include "core/rand.h"
#include "sched/active.h"
#include "sched/current.h"
#include "sched/runtime.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 24, ROUNDS = 40, STEPS = 100, CROWD = 200, SWEEPS = 12 };

static struct rove_runtime *my_runtime(void)
{
    return rv_current_worker()->runtime;
}

static void send_aside(unsigned left)
{
    rv_active_force(my_runtime(), my_runtime()->worker_count - left);
}

static int echo(void *arg, RV_UNUSED void **result)
{
    const int *fd = arg;
    char c;
    ssize_t n;
    while ((n = rove_recv(*fd, &c, 1, 0)) == 1)
        RV_REQUIRE_EQ(rove_send(*fd, &c, 1, 0), 1);
    return (int)n;
}

/* Messages, sleeps, yields and a read that is cancelled, in turn. */
static int ask(void *arg, RV_UNUSED void **result)
{
    const int *fd = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char sent = (char)i;
        char got = (char)~i;
        RV_REQUIRE_EQ(rove_send(*fd, &sent, 1, 0), 1);
        RV_REQUIRE_EQ(rove_recv(*fd, &got, 1, 0), 1);
        RV_REQUIRE_EQ(got, sent);
        if (i % 8 == 0)
            RV_REQUIRE_EQ(rove_sleep(RV_TEST_SOON), 0);
        if (i % 16 == 0) {
            rove_timeout scope;
            rove_timeout_enter(&scope, RV_TEST_SOON);
            ssize_t n = rove_recv(*fd, &got, 1, 0);
            RV_REQUIRE_EQ(n, -ECANCELED);
            RV_REQUIRE_EQ(rove_timeout_exit(&scope, (int)n), -ETIMEDOUT);
        }
    }
    RV_REQUIRE_EQ(shutdown(*fd, SHUT_WR), 0);
    return 0;
}

static int talk(bool are_pinned)
{
    static int fds[PAIRS][2];
    rove_task *tasks[2 * PAIRS];
    rove_task_options options = {.pinned = are_pinned};
    for (int i = 0; i < PAIRS; i++) {
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
        tasks[i] = rove_create_task_with(&options, echo, &fds[i][0]);
        tasks[PAIRS + i] = rove_create_task_with(&options, ask, &fds[i][1]);
    }
    int failed = 0;
    for (int i = 0; i < 2 * PAIRS; i++) {
        failed += rove_await(tasks[i], NULL) != 0;
        rove_release(tasks[i]);
    }
    for (int i = 0; i < PAIRS; i++) {
        rove_close(fds[i][0]);
        rove_close(fds[i][1]);
    }
    RV_REQUIRE_EQ(failed, 0);
    return 0;
}

/* Goal: I/O, timers, cancellations and their results are the same with all but one aside, for
 * tasks that may go anywhere and for pinned ones. */
RV_TASK_TEST(test_aside_programs_run_on_one)
{
    RV_REQUIRE_EQ(talk(true), 0);
    send_aside(1);
    RV_REQUIRE_EQ(talk(false), 0);
    send_aside(1);
    RV_REQUIRE_EQ(talk(true), 0);
    return 0;
}

static int set_later(void *arg, RV_UNUSED void **result)
{
    RV_ATOMIC(uint32_t) *is_over = arg;
    for (int i = 0; i < STEPS; i++)
        RV_REQUIRE_EQ(rove_sleep(RV_TEST_SOON), 0);
    rv_store_relaxed(is_over, 1u);
    return 0;
}

/* Goal: tasks that may leave come to the worker that runs, also those that never wait. */
RV_TASK_TEST(test_aside_tasks_come_to_who_runs)
{
    RV_ATOMIC(uint32_t) is_over;
    rv_store_relaxed(&is_over, 0u);
    rove_task *other = rove_create_task(set_later, &is_over);
    send_aside(1);
    while (rv_current_worker()->idx != 0 || rv_load_relaxed(&is_over) == 0)
        RV_REQUIRE_EQ(rove_yield(), 0);
    RV_REQUIRE_EQ(rove_await(other, NULL), 0);
    rove_release(other);
    return 0;
}

struct bound {
    unsigned at;
    int fd;
};

static int stay(void *arg, RV_UNUSED void **result)
{
    struct bound *b = arg;
    char c;
    b->at = rv_current_worker()->idx;
    for (int i = 0; i < STEPS; i++) {
        RV_REQUIRE_EQ(i % 3 == 0 ? rove_yield() : rove_sleep(RV_TEST_SOON), 0);
        RV_REQUIRE_EQ(rv_current_worker()->idx, b->at);
    }
    RV_REQUIRE_EQ(rove_recv(b->fd, &c, 1, 0), 1);
    RV_REQUIRE_EQ(rv_current_worker()->idx, b->at);
    return 0;
}

/* Goal: a pinned task goes on where it began, wherever that is. */
RV_TASK_TEST(test_aside_pinned_tasks_stay)
{
    static struct bound bounds[CROWD];
    rove_task *tasks[CROWD];
    rove_task_options options = {.pinned = true};
    int fds[2];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    for (int i = 0; i < CROWD; i++) {
        bounds[i] = (struct bound){.fd = fds[0]};
        tasks[i] = rove_create_task_with(&options, stay, &bounds[i]);
    }
    RV_REQUIRE_EQ(rove_yield(), 0);
    send_aside(1);
    int failed = 0;
    for (int i = 0; i < CROWD; i++) {
        RV_REQUIRE_EQ(rove_send(fds[1], "x", 1, 0), 1);
    }
    for (int i = 0; i < CROWD; i++) {
        failed += rove_await(tasks[i], NULL) != 0;
        rove_release(tasks[i]);
    }
    rove_close(fds[0]);
    rove_close(fds[1]);
    RV_REQUIRE_EQ(failed, 0);
    return 0;
}

struct rescue {
    RV_ATOMIC(uint32_t) done;
    int fd;
};

static int count_up(void *arg, RV_UNUSED void **result)
{
    struct rescue *r = arg;
    (void)rv_fetch_add_relaxed(&r->done, 1u);
    return 0;
}

static int count_when_asked(void *arg, RV_UNUSED void **result)
{
    struct rescue *r = arg;
    char c;
    RV_REQUIRE_EQ(rove_recv(r->fd, &c, 1, 0), 1);
    (void)rv_fetch_add_relaxed(&r->done, 1u);
    return 0;
}

/* Goal: while the only one who runs computes in one step, those aside do what waits: a task whose
 * message has come, those in its queue, a sleeper that is due. */
RV_TASK_TEST(test_aside_a_stuck_worker_is_helped)
{
    struct rescue r;
    int fds[2];
    rove_task *tasks[PAIRS];
    if (my_runtime()->worker_count == 1)
        return 0;
    rv_store_relaxed(&r.done, 0u);
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    r.fd = fds[0];
    rove_task *reader = rove_create_task(count_when_asked, &r);
    send_aside(1);
    while (rv_current_worker()->idx != 0)
        RV_REQUIRE_EQ(rove_yield(), 0);
    RV_REQUIRE_EQ(rove_sleep(RV_TEST_SOON), 0);
    for (int i = 0; i < PAIRS; i++)
        tasks[i] = rove_create_task(count_up, &r);
    RV_REQUIRE_EQ(write(fds[1], "x", 1), 1);
    while (rv_load_relaxed(&r.done) < PAIRS + 1)
        rv_cpu_relax(); /* it does not return to the scheduler */
    for (int i = 0; i < PAIRS; i++) {
        RV_REQUIRE_EQ(rove_await(tasks[i], NULL), 0);
        rove_release(tasks[i]);
    }
    RV_REQUIRE_EQ(rove_await(reader, NULL), 0);
    rove_release(reader);
    rove_close(fds[0]);
    rove_close(fds[1]);
    return 0;
}

static int post(void *arg, RV_UNUSED void **result)
{
    return sem_post(arg);
}

/* Goal: the same while it waits in a call for what another task does. */
RV_TASK_TEST(test_aside_a_blocked_worker_is_helped)
{
    sem_t sem;
    if (my_runtime()->worker_count == 1)
        return 0;
    RV_REQUIRE_EQ(sem_init(&sem, 0, 0), 0);
    send_aside(1);
    while (rv_current_worker()->idx != 0)
        RV_REQUIRE_EQ(rove_yield(), 0);
    rove_task *task = rove_create_task(post, &sem);
    RV_REQUIRE_EQ(sem_wait(&sem), 0);
    RV_REQUIRE_EQ(rove_await(task, NULL), 0);
    rove_release(task);
    RV_REQUIRE_EQ(sem_destroy(&sem), 0);
    return 0;
}

/* Goal: with nothing to do nobody stands aside, and so nobody looks: idle costs nothing. */
RV_TASK_TEST(test_aside_ends_when_all_sleep)
{
    struct rove_runtime *runtime = my_runtime();
    RV_REQUIRE_EQ(rove_sleep(ROVE_MS(30)), 0); /* most others sleep then; it ends in either case */
    send_aside(1);
    rv_idle_notify_all(runtime); /* who sleeps already stands aside when it is woken */
    while (rv_active_count(runtime) < runtime->worker_count)
        RV_REQUIRE_EQ(rove_sleep(ROVE_MS(30)), 0);
    return 0;
}

static int leave_aside(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    send_aside(1);
    return 0;
}

/* Goal: a runtime can end while workers stand aside. */
static void test_aside_does_not_hold_up_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < SWEEPS; i++)
        rv_test_run(leave_aside, NULL);
}

struct mover {
    struct rove_runtime *runtime;
    RV_ATOMIC(uint32_t) is_over;
};

/* A plain thread that sends workers aside and calls them back, all the time. */
static void *move_all_the_time(void *arg)
{
    struct mover *m = arg;
    struct rv_rand rand;
    rv_rand_seed(&rand, 7);
    while (rv_load_relaxed(&m->is_over) == 0) {
        rv_active_force(m->runtime, (uint32_t)rv_rand_below(&rand, m->runtime->worker_count));
        for (uint64_t n = rv_rand_below(&rand, STEPS); n > 0; n--)
            rv_os_sched_yield();
    }
    return NULL;
}

/* Goal: programs do not notice that workers come and go. */
RV_TASK_TEST(test_aside_workers_come_and_go)
{
    struct mover m = {.runtime = my_runtime()};
    pthread_t thread;
    rv_store_relaxed(&m.is_over, 0u);
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, move_all_the_time, &m), 0);
    int rc = 0;
    for (int i = 0; i < SWEEPS && rc == 0; i++)
        rc = talk(i % 2 != 0);
    rv_store_relaxed(&m.is_over, 1u);
    RV_REQUIRE_EQ(pthread_join(thread, NULL), 0);
    rv_active_force(m.runtime, 0);
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aside_programs_run_on_one),
        cmocka_unit_test(test_aside_tasks_come_to_who_runs),
        cmocka_unit_test(test_aside_pinned_tasks_stay),
        cmocka_unit_test(test_aside_a_stuck_worker_is_helped),
        cmocka_unit_test(test_aside_a_blocked_worker_is_helped),
        cmocka_unit_test(test_aside_ends_when_all_sleep),
        cmocka_unit_test(test_aside_does_not_hold_up_the_end),
        cmocka_unit_test(test_aside_workers_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
