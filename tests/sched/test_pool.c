// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/pool.h: who runs a blocking function, in which order, how many threads there are,
 *          and what a cancellation or a refused thread does to it.
 */
#include "support/child.h"
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/scarce.h"

#include "core/os.h"
#include "sched/current.h"
#include "sched/pool.h"
#include "sched/runtime.h"
#include "sched/suspend.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

enum { JOBS = 8, STRESS_TASKS = 6, STRESS_JOBS = 60 };

int __real_rv_os_thread_create(pthread_t *thread, void *(*main)(void *arg), void *arg);
int __wrap_rv_os_thread_create(pthread_t *thread, void *(*main)(void *arg), void *arg);

static RV_ATOMIC(uint32_t) is_refused;

int __wrap_rv_os_thread_create(pthread_t *thread, void *(*main)(void *arg), void *arg)
{
    bool is_out = rv_load_relaxed(&is_refused) != 0;
    return is_out ? -EAGAIN : __real_rv_os_thread_create(thread, main, arg);
}

static struct rove_runtime *here(void)
{
    return rv_current_worker()->runtime;
}

struct gate {
    RV_ATOMIC(uint32_t) is_open;
    RV_ATOMIC(uint32_t) begun, ended;
    RV_ATOMIC(uint32_t) order[JOBS]; /* of the jobs, as they began */
};

struct job {
    struct gate *gate;
    unsigned number;
    struct rove_runtime *runtime;
};

/* On a pool thread. */
static int stand_at_the_gate(void *arg, void **result)
{
    struct job *job = arg;
    struct gate *g = job->gate;
    rv_store_relaxed(&g->order[rv_fetch_add_acq_rel(&g->begun, 1u)], job->number);
    while (rv_load_acquire(&g->is_open) == 0)
        rv_os_sched_yield();
    (void)rv_fetch_add_acq_rel(&g->ended, 1u);
    *result = job;
    return 0;
}

static int send_to_thread(void *arg, void **result)
{
    return rove_to_thread(stand_at_the_gate, arg, result);
}

static int limit_body(void *arg, RV_UNUSED void **result)
{
    struct gate g = {0};
    struct job jobs[JOBS];
    rove_task *tasks[JOBS];
    const unsigned limit = *(const unsigned *)arg;
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.gate = &g, .number = i};
        tasks[i] = rove_create_task(send_to_thread, &jobs[i]);
        (void)rove_yield(); /* one worker: each has submitted before the next is made */
        RV_EXPECT_EQ(rv_pool_thread_count(here()), i < limit ? i + 1 : limit);
    }
    RV_YIELD_UNTIL(rv_load_acquire(&g.begun) == limit);
    for (int i = 0; i < 50; i++)
        (void)rove_yield();
    RV_EXPECT_EQ(rv_load_acquire(&g.begun), limit);
    RV_EXPECT(rove_cancel(tasks[5])); /* in line: it is never called */
    RV_EXPECT_EQ(rove_join(tasks[5], NULL), -ECANCELED);
    rv_store_release(&g.is_open, 1u);
    for (unsigned i = 0; i < JOBS; i++) {
        void *value = NULL;
        if (i == 5)
            continue;
        RV_EXPECT_EQ(rove_join(tasks[i], &value), 0);
        RV_EXPECT_PTR(value, &jobs[i]);
    }
    RV_EXPECT_EQ(rv_load_acquire(&g.ended), JOBS - 1);
    for (unsigned i = 0; i < JOBS - 1 && limit == 1; i++)
        RV_EXPECT_EQ(rv_load_relaxed(&g.order[i]), i < 5 ? i : i + 1);
    RV_YIELD_UNTIL(rv_load_relaxed(&here()->outside_pending) == 0);
    return 0;
}

/* Goal: never more threads than allowed; who waits in line is served in order, or leaves it. */
static void test_pool_line_behind_a_limit(void **state)
{
    (void)state;
    for (unsigned limit = 1; limit <= 3; limit++) {
        rove_options options = {.workers = 1, .max_threads = limit};
        rv_test_run_with(&options, limit_body, &limit);
    }
}

/* On a pool thread: waits for others, not for the machine. */
static int stand_aside_at_the_gate(void *arg, RV_UNUSED void **result)
{
    struct job *job = arg;
    rv_pool_step_aside(job->runtime);
    while (rv_load_acquire(&job->gate->is_open) == 0)
        rv_os_sched_yield();
    rv_pool_step_back(job->runtime);
    return 0;
}

static int send_aside(void *arg, RV_UNUSED void **result)
{
    return rove_to_thread(stand_aside_at_the_gate, arg, NULL);
}

static int aside_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct gate lasting = {0};
    struct gate open = {.is_open = 1};
    struct job waiter = {.gate = &lasting, .runtime = here()};
    struct job jobs[JOBS];
    rove_task *tasks[JOBS];
    rove_task *t = rove_create_task(send_aside, &waiter);
    for (int round = 0; round < 3; round++) {
        rv_store_relaxed(&open.begun, 0u);
        for (unsigned i = 0; i < JOBS; i++) { /* some in line before it steps aside, some after */
            jobs[i] = (struct job){.gate = &open, .number = i};
            tasks[i] = rove_create_task(send_to_thread, &jobs[i]);
        }
        if (round == 2)
            rv_store_release(&lasting.is_open, 1u); /* it comes back among them */
        for (unsigned i = 0; i < JOBS; i++)
            RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
        RV_EXPECT(rv_pool_thread_count(here()) <= 2);
    }
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_YIELD_UNTIL(rv_pool_thread_count(here()) == 1);
    return 0;
}

/* Goal: who stands aside counts for nothing: the jobs in line run, one at a time; when it is back
 * there is a thread less. */
static void test_pool_of_one_goes_on_beside_who_waits(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers) {
        rove_options options = {.workers = workers, .max_threads = 1};
        rv_test_run_with(&options, aside_body, NULL);
    }
}

static int run_and_keep_cancel(void *arg, RV_UNUSED void **result)
{
    struct rv_task *self = rv_current_task();
    void *value = NULL;
    RV_EXPECT_EQ(rv_pool_run(here(), stand_at_the_gate, arg, &value), 0);
    RV_EXPECT_PTR(value, arg);
    RV_EXPECT(rv_take_cancel(self)); /* the request stays pending */
    return 0;
}

/* Goal: what has begun is not abandoned: the outcome is waited for; rove_to_thread then says that
 * it was cancelled, rv_pool_run gives the outcome and keeps the request. */
RV_TASK_TEST(test_pool_begun_function_is_waited_for)
{
    for (int k = 0; k < 2; k++) {
        struct gate g = {0};
        struct job job = {.gate = &g};
        rove_task *t = rove_create_task(k == 0 ? send_to_thread : run_and_keep_cancel, &job);
        RV_YIELD_UNTIL(rv_load_acquire(&g.begun) == 1);
        RV_EXPECT(rove_cancel(t));
        for (int i = 0; i < 50; i++)
            (void)rove_yield();
        RV_EXPECT(!rove_done(t));
        rv_store_release(&g.is_open, 1u);
        RV_EXPECT_EQ(rove_join(t, NULL), k == 0 ? -ECANCELED : 0);
        RV_EXPECT_EQ(rv_load_acquire(&g.ended), 1);
    }
    return 0;
}

static int my_thread(void *arg, RV_UNUSED void **result)
{
    *(pid_t *)arg = rv_os_gettid();
    RV_EXPECT(rv_current_worker() == NULL);
    return 0;
}

/* The thread has nothing to do: it waits in the kernel. */
static void await_asleep(pid_t tid)
{
    char path[64];
    char state = '?';
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
    while (state != 'S') {
        FILE *file = fopen(path, "re");
        RV_EXPECT(file != NULL && fscanf(file, "%*d (%*[^)]) %c", &state) == 1);
        if (file == NULL)
            return;
        (void)fclose(file);
    }
}

/* Goal: one after the other, all are run by the same thread, which is no worker. */
static int reuse_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    pid_t first = 0;
    RV_EXPECT_EQ(rv_pool_thread_count(here()), 0);
    RV_EXPECT_EQ(rove_to_thread(my_thread, &first, NULL), 0);
    for (int i = 0; i < 20; i++) {
        pid_t other = 0;
        await_asleep(first);
        RV_EXPECT_EQ(rove_to_thread(my_thread, &other, NULL), 0);
        RV_EXPECT_EQ(rv_pool_thread_count(here()), 1);
        RV_EXPECT_EQ(other, first);
        RV_EXPECT(other != rv_os_gettid());
    }
    return 0;
}

static void test_pool_threads_are_used_again(void **state)
{
    (void)state;
    rv_test_run_on(1, reuse_body, NULL);
}

static int fail_with_value(void *arg, void **result)
{
    *result = arg;
    return -5000;
}

/* Goal: an error leaves the caller's result alone; misuse is refused. */
RV_TASK_TEST(test_pool_error_leaves_the_result_alone)
{
    void *value = &value;
    RV_EXPECT_EQ(rove_to_thread(fail_with_value, NULL, &value), -5000);
    RV_EXPECT_PTR(value, &value);
    RV_EXPECT_EQ(rove_to_thread(NULL, NULL, NULL), -EINVAL);
    return 0;
}

static int idle_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    pid_t tid;
    rv_pool_set_idle_ns(0);
    for (int i = 0; i < 5; i++) {
        RV_EXPECT_EQ(rove_to_thread(my_thread, &tid, NULL), 0);
        RV_YIELD_UNTIL(rv_pool_thread_count(here()) == 0);
    }
    return 0;
}

/* Goal: a thread without work ends; the next job starts another. */
static void test_pool_idle_threads_end(void **state)
{
    (void)state;
    rv_test_run_on(1, idle_body, NULL);
    rv_pool_set_idle_ns(INT64_C(10000000000));
}

static int count_up(void *arg, RV_UNUSED void **result)
{
    (void)rv_fetch_add_relaxed((RV_ATOMIC(uint32_t) *)arg, 1u);
    return 0;
}

static int send_many(void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < STRESS_JOBS; i++)
        RV_REQUIRE_EQ(rove_to_thread(count_up, arg, NULL), 0);
    return 0;
}

/* Goal: threads that give up waiting at the moment a job comes: none is lost, none runs twice. */
RV_TASK_TEST(test_pool_no_job_is_lost_to_a_leaving_thread)
{
    RV_ATOMIC(uint32_t) n = 0;
    rove_task *tasks[STRESS_TASKS];
    rv_pool_set_idle_ns(1);
    for (int i = 0; i < STRESS_TASKS; i++)
        tasks[i] = rove_create_task(send_many, &n);
    for (int i = 0; i < STRESS_TASKS; i++)
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    RV_EXPECT_EQ(rv_load_relaxed(&n), STRESS_TASKS * STRESS_JOBS);
    rv_pool_set_idle_ns(INT64_C(10000000000));
    return 0;
}

static int refused_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct gate g = {0};
    struct job jobs[] = {{.gate = &g}, {.gate = &g, .number = 1}};
    RV_ATOMIC(uint32_t) n = 0;
    rv_scarce_after(0);
    int rc = rove_to_thread(count_up, &n, NULL); /* no memory for the pool */
    rv_scarce_after(1);
    int other_rc = rove_to_thread(count_up, &n, NULL); /* .. for the thread */
    rv_scarce_end();
    RV_EXPECT_EQ(rc, -EAGAIN);
    RV_EXPECT_EQ(other_rc, -EAGAIN);
    rv_store_relaxed(&is_refused, 1u);
    RV_EXPECT_EQ(rove_to_thread(count_up, &n, NULL), -EAGAIN);
    RV_EXPECT_EQ(rv_pool_thread_count(here()), 0);
    rv_store_relaxed(&is_refused, 0u);
    rove_task *first = rove_create_task(send_to_thread, &jobs[0]);
    RV_YIELD_UNTIL(rv_load_acquire(&g.begun) == 1);
    rv_store_relaxed(&is_refused, 1u);
    rove_task *second = rove_create_task(send_to_thread, &jobs[1]); /* waits for the first's */
    for (int i = 0; i < 50; i++)
        (void)rove_yield();
    RV_EXPECT(!rove_done(second));
    rv_store_release(&g.is_open, 1u);
    RV_EXPECT_EQ(rove_join(first, NULL), 0);
    RV_EXPECT_EQ(rove_join(second, NULL), 0);
    rv_store_relaxed(&is_refused, 0u);
    RV_EXPECT_EQ(rv_load_relaxed(&n), 0);
    RV_YIELD_UNTIL(rv_load_relaxed(&here()->outside_pending) == 0);
    return 0;
}

/* Goal: no thread to be had: -EAGAIN and the function is not called; unless another thread is
 * there, which takes it. */
static void test_pool_refused_thread_is_an_error_or_a_wait(void **state)
{
    (void)state;
    rv_test_run_on(1, refused_body, NULL);
}

static int leave_thread(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    pthread_exit(NULL);
}

static int exit_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_to_thread(leave_thread, NULL, NULL);
}

static int run_exit_body(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, exit_body, NULL, NULL);
}

static void test_pool_thread_may_not_exit(void **state)
{
    (void)state;
    assert_true(rv_child_breaks(run_exit_body, "called pthread_exit"));
    assert_int_equal(rove_to_thread(count_up, NULL, NULL), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_line_behind_a_limit),
        cmocka_unit_test(test_pool_of_one_goes_on_beside_who_waits),
        cmocka_unit_test(test_pool_begun_function_is_waited_for),
        cmocka_unit_test(test_pool_threads_are_used_again),
        cmocka_unit_test(test_pool_error_leaves_the_result_alone),
        cmocka_unit_test(test_pool_idle_threads_end),
        cmocka_unit_test(test_pool_no_job_is_lost_to_a_leaving_thread),
        cmocka_unit_test(test_pool_refused_thread_is_an_error_or_a_wait),
        cmocka_unit_test(test_pool_thread_may_not_exit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
