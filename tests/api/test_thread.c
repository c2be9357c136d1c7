// SPDX-License-Identifier: MIT
/*
 * Purpose: rove_to_thread: outcomes, limits, order, cancellation before and after the beginning.
 * Idea:    a gate of two semaphores between the blocking function and the test stands for time.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include "core/atomic.h"

#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#define EIO_APP (-5001)

static int answer(void *arg, void **result)
{
    *result = arg;
    return 0;
}

static int fail_with(void *arg, RV_UNUSED void **result)
{
    return *(int *)arg;
}

RV_TASK_TEST(test_to_thread_returns_the_outcome)
{
    int error = EIO_APP;
    void *value = NULL;
    RV_EXPECT_EQ(rove_to_thread(answer, &error, &value), 0);
    RV_EXPECT_PTR(value, &error);
    value = NULL;
    RV_EXPECT_EQ(rove_to_thread(fail_with, &error, &value), EIO_APP);
    RV_EXPECT_PTR(value, NULL);
    RV_EXPECT_EQ(rove_to_thread(answer, NULL, NULL), 0);
    RV_EXPECT_EQ(rove_to_thread(NULL, NULL, NULL), -EINVAL);
    return 0;
}

struct surroundings {
    bool has_task, has_runtime, is_blocked;
    int sleep_rc, thread_rc, future_rc;
    rove_future *future;
    char name[16];
};

static int look_round(void *arg, RV_UNUSED void **result)
{
    struct surroundings *s = arg;
    sigset_t mask;
    s->has_task = rove_current_task() != NULL;
    s->has_runtime = rove_current_runtime() != NULL;
    s->sleep_rc = rove_sleep(0);
    s->thread_rc = rove_to_thread(answer, NULL, NULL);
    s->future_rc = rove_set_result(s->future, NULL);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    s->is_blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGSEGV) == 0;
    prctl(PR_GET_NAME, s->name);
    return 0;
}

RV_TASK_TEST(test_to_thread_function_is_outside_any_task)
{
    struct surroundings s = {.future = rove_create_future(), .has_task = true};
    RV_EXPECT_EQ(rove_to_thread(look_round, &s, NULL), 0);
    RV_EXPECT(!s.has_task);
    RV_EXPECT(!s.has_runtime);
    RV_EXPECT_EQ(s.sleep_rc, -EPERM);
    RV_EXPECT_EQ(s.thread_rc, -EPERM);
    RV_EXPECT_EQ(s.future_rc, 0);
    RV_EXPECT(s.is_blocked);
    RV_EXPECT_STR(s.name, "rove-pool");
    RV_EXPECT_EQ(rove_await(s.future, NULL), 0);
    rove_release(s.future);
    return 0;
}

struct gate {
    sem_t begun, open;
    RV_ATOMIC(int) calls;
    int rc;
};

static void gate_init(struct gate *g)
{
    sem_init(&g->begun, 0, 0);
    sem_init(&g->open, 0, 0);
    rv_store_relaxed(&g->calls, 0);
    g->rc = 0;
}

static int pass_gate(void *arg, RV_UNUSED void **result)
{
    struct gate *g = arg;
    rv_fetch_add_relaxed(&g->calls, 1);
    sem_post(&g->begun);
    while (sem_wait(&g->open) != 0) {
    }
    return g->rc;
}

static int to_thread_body(void *arg, RV_UNUSED void **result)
{
    return rove_to_thread(pass_gate, arg, NULL);
}

/* Lets others run until the function has begun. */
static void await_begun(struct gate *g)
{
    while (sem_trywait(&g->begun) != 0)
        rove_yield();
}

/* Goal: the worker is free meanwhile, and several functions run at once. */
RV_TASK_TEST(test_to_thread_does_not_block_the_workers)
{
    enum { N = 5 };
    struct gate g;
    rove_task *t[N];
    gate_init(&g);
    for (int i = 0; i < N; i++)
        t[i] = rove_create_task(to_thread_body, &g);
    for (int i = 0; i < N; i++)
        await_begun(&g);
    RV_EXPECT_EQ(rv_load_relaxed(&g.calls), N);
    for (int i = 0; i < N; i++)
        sem_post(&g.open);
    for (int i = 0; i < N; i++)
        RV_EXPECT_EQ(rove_join(t[i], NULL), 0);
    return 0;
}

/* Goal: cancelled after the beginning: it is waited for, and -ECANCELED all the same. */
RV_TASK_TEST(test_to_thread_cancelled_after_it_began_waits)
{
    struct gate g;
    gate_init(&g);
    rove_task *t = rove_create_task(to_thread_body, &g);
    await_begun(&g);
    rove_cancel(t);
    for (int i = 0; i < 20; i++)
        rove_yield();
    RV_EXPECT(!rove_done(t));
    sem_post(&g.open);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    return 0;
}

static int queue_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct gate g;
    rove_task *t[3];
    gate_init(&g);
    t[0] = rove_create_task(to_thread_body, &g);
    await_begun(&g);
    t[1] = rove_create_task(to_thread_body, &g);
    t[2] = rove_create_task(to_thread_body, &g);
    for (int i = 0; i < 50; i++)
        rove_yield();
    RV_EXPECT_EQ(rv_load_relaxed(&g.calls), 1);
    rove_cancel(t[1]);
    RV_EXPECT_EQ(rove_join(t[1], NULL), -ECANCELED);
    sem_post(&g.open);
    sem_post(&g.open);
    RV_EXPECT_EQ(rove_join(t[0], NULL), 0);
    RV_EXPECT_EQ(rove_join(t[2], NULL), 0);
    RV_EXPECT_EQ(rv_load_relaxed(&g.calls), 2);
    return 0;
}

/* Goal: no more threads than allowed; one that waits in line can be cancelled at once. */
static void test_to_thread_limit_makes_a_line_that_can_be_left(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers)
    {
        rove_options options = {.workers = workers, .max_threads = 1};
        rv_test_run_with(&options, queue_body, NULL);
    }
}

RV_TASK_TEST(test_to_thread_pending_cancellation_comes_first)
{
    int value = 0;
    void *result_of = NULL;
    rove_cancel(rove_current_task());
    RV_EXPECT_EQ(rove_to_thread(answer, &value, &result_of), -ECANCELED);
    RV_EXPECT_PTR(result_of, NULL);
    RV_EXPECT_EQ(rove_to_thread(answer, &value, &result_of), 0);
    rove_uncancel(rove_current_task());
    return 0;
}

static int count_up(void *arg, RV_UNUSED void **result)
{
    rv_fetch_add_relaxed((RV_ATOMIC(int) *)arg, 1);
    return 0;
}

static int count_many(void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < 50; i++) {
        int rc = rove_to_thread(count_up, arg, NULL);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int many_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    enum { N = 40 };
    RV_ATOMIC(int) count = 0;
    rove_call calls[N];
    for (int i = 0; i < N; i++)
        calls[i] = (rove_call){count_many, &count};
    RV_EXPECT_EQ(rove_gather_calls(N, calls, NULL), 0);
    RV_EXPECT_EQ(rv_load_relaxed(&count), N * 50);
    return 0;
}

static void test_to_thread_many_on_few_threads(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers)
    {
        rove_options options = {.workers = workers, .max_threads = 4};
        rv_test_run_with(&options, many_body, NULL);
    }
}

/* Goal: cancellations at random: fn ran or it did not, and the frame was not left too early. */
RV_TASK_TEST(test_to_thread_races_with_cancellation)
{
    enum { ROUNDS = RV_TSAN || RV_ASAN ? 200 : 1500 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct gate g;
        gate_init(&g);
        sem_post(&g.open);
        rove_task *t = rove_create_task(to_thread_body, &g);
        for (unsigned i = 0; i < round % 8; i++)
            rove_yield();
        rove_cancel(t);
        int rc = rove_join(t, NULL);
        RV_REQUIRE(rc == 0 || rc == -ECANCELED);
        RV_REQUIRE(rc != 0 || rv_load_relaxed(&g.calls) == 1);
    }
    return 0;
}

static void test_to_thread_outside_a_task_is_refused(void **state)
{
    (void)state;
    RV_EXPECT_EQ(rove_to_thread(answer, NULL, NULL), -EPERM);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_thread_returns_the_outcome),
        cmocka_unit_test(test_to_thread_function_is_outside_any_task),
        cmocka_unit_test(test_to_thread_does_not_block_the_workers),
        cmocka_unit_test(test_to_thread_cancelled_after_it_began_waits),
        cmocka_unit_test(test_to_thread_limit_makes_a_line_that_can_be_left),
        cmocka_unit_test(test_to_thread_pending_cancellation_comes_first),
        cmocka_unit_test(test_to_thread_many_on_few_threads),
        cmocka_unit_test(test_to_thread_races_with_cancellation),
        cmocka_unit_test(test_to_thread_outside_a_task_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
