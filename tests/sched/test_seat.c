// SPDX-License-Identifier: MIT
/*
 * Purpose: seats: stacks are taken late, shared by tasks in turn, never run out once promised.
 */
#include "support/fixture.h"

#include "core/atomic.h"
#include "core/context.h"
#include "core/stack.h"
#include "sched/runtime.h"

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t count_carved(void)
{
    struct rv_stack_stats stats;
    rv_stack_pool_stats(rove_current_runtime()->stacks, &stats);
    return stats.slots;
}

static int give_back(void *arg, void **result)
{
    *result = arg;
    return 0;
}

/* Goal: ten thousand tasks that wait to begin, and then run one after the other, share few stacks
 * on one worker. */
static int batch_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    enum { N = RV_TSAN ? 1000 : 10000 };
    rove_task **tasks = calloc(N, sizeof(tasks[0]));
    RV_REQUIRE(tasks != NULL);
    size_t before = count_carved();
    for (int i = 0; i < N; i++) {
        tasks[i] = rove_create_task(give_back, &tasks[i]);
        RV_EXPECT(tasks[i] != NULL);
    }
    RV_EXPECT_EQ(count_carved(), before);
    for (int i = 0; i < N; i++) {
        void *value = NULL;
        RV_EXPECT_EQ(rove_join(tasks[i], &value), 0);
        RV_EXPECT(value == &tasks[i]);
    }
    RV_EXPECT(count_carved() <= before + RV_STACK_BATCH);
    free(tasks);
    return 0;
}

static void test_seat_short_tasks_share_few_stacks(RV_UNUSED void **state)
{
    rv_test_run_on(1, batch_body, NULL);
}

static int leave_a_mess(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_set_name(rove_current_task(), "messy");
    return fesetround(FE_UPWARD);
}

static int expect_order(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    RV_EXPECT_EQ(fegetround(), FE_TONEAREST);
    RV_EXPECT(strcmp(rove_get_name(rove_current_task()), "messy") != 0);
    return 0;
}

/* Goal: who begins where another one ended inherits nothing, at once or on a stack that rested. */
static int mess_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    if (rv_context_float_mode() == 0) {
        return 0; /* another architecture: the mode is the thread's there */
    }
    for (int round = 0; round < 20; round++) {
        rove_task *at_once[2] = {rove_create_task(leave_a_mess, NULL),
                                 rove_create_task(expect_order, NULL)};
        RV_EXPECT_EQ(rove_join(at_once[0], NULL), 0);
        RV_EXPECT_EQ(rove_join(at_once[1], NULL), 0);
        RV_EXPECT_EQ(rove_join(rove_create_task(leave_a_mess, NULL), NULL), 0);
        RV_EXPECT_EQ(rove_join(rove_create_task(expect_order, NULL), NULL), 0);
    }
    return 0;
}

static void test_seat_is_left_clean(RV_UNUSED void **state)
{
    rv_test_run_on(1, mess_body, NULL);
}

#define CHAIN 64

/* Fills its frame, ends or waits as the number says, and finds the frame as it was. */
static int sit_and_look(void *arg, void **result)
{
    uintptr_t me = (uintptr_t)arg;
    volatile uintptr_t frame[32];
    for (unsigned i = 0; i < RV_ARRAY_LEN(frame); i++) {
        frame[i] = me * 1000 + i;
    }
    for (uintptr_t i = 0; i < me % 4; i++) {
        int rc = rove_yield();
        if (rc < 0) {
            return rc;
        }
    }
    for (unsigned i = 0; i < RV_ARRAY_LEN(frame); i++) {
        RV_EXPECT_EQ(frame[i], me * 1000 + i);
    }
    *result = arg;
    return 0;
}

/* Goal: tasks that end, that wait, of the usual and of other stack sizes, eager and not, follow one
 * another on the same seats and never share one. */
RV_TASK_TEST(test_seat_is_passed_on)
{
    for (int round = 0; round < 20; round++) {
        rove_task *tasks[CHAIN];
        for (uintptr_t i = 0; i < CHAIN; i++) {
            rove_task_options options = {.stack_size = i % 5 == 0 ? 32768 : 0, .eager = i % 7 == 0};
            tasks[i] = rove_create_task_with(&options, sit_and_look, (void *)(i + 1));
            RV_REQUIRE(tasks[i] != NULL);
        }
        for (uintptr_t i = 0; i < CHAIN; i++) {
            void *value = NULL;
            RV_EXPECT_EQ(rove_join(tasks[i], &value), 0);
            RV_EXPECT_EQ((uintptr_t)value, i + 1);
        }
    }
    return 0;
}

static RV_ATOMIC(size_t) begun;

static int begin_and_wait(void *arg, RV_UNUSED void **result)
{
    rv_fetch_add_relaxed(&begun, 1);
    return rove_await(arg, NULL);
}

static rlim_t mapped_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%lu", &pages) != 1) {
        _exit(2);
    }
    fclose(f);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Until address space is out; then each of those created needs the stack it was promised, all at
 * once: the last ones those in the other worker's cache. */
static int fill_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    enum { MAX = 20000 };
    static rove_task *tasks[MAX];
    rove_future *gate = rove_create_future();
    struct rlimit limit;
    size_t n = 0;
    getrlimit(RLIMIT_AS, &limit);
    const struct rlimit small = {mapped_bytes() + ((rlim_t)16 << 20), limit.rlim_max};
    if (setrlimit(RLIMIT_AS, &small) != 0) {
        return -5001;
    }
    while (n < MAX && (tasks[n] = rove_create_task(begin_and_wait, gate)) != NULL) {
        n++;
    }
    if (n == MAX || n < 100) {
        return -5002;
    }
    while (rv_load_relaxed(&begun) < n) {
        rove_yield();
    }
    rove_set_result(gate, NULL);
    for (size_t i = 0; i < n; i++) {
        if (rove_join(tasks[i], NULL) < 0) {
            return -5003;
        }
    }
    rove_release(gate);
    return 0;
}

/* Goal: creation says when address space is out, and what was created begins. Method: in a child,
 * whose limit is lowered. */
static void test_seat_promised_is_kept(RV_UNUSED void **state)
{
    if (RV_ASAN || RV_TSAN) {
        skip(); /* they need terabytes of address space themselves */
    }
    for (unsigned workers = 1; workers <= 2; workers++) {
        int status;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            const rove_options options = {.workers = workers, .stack_size = 16384};
            _exit(-rove_run_with(&options, fill_body, NULL, NULL) & 0x7f);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seat_short_tasks_share_few_stacks),
        cmocka_unit_test(test_seat_is_left_clean),
        cmocka_unit_test(test_seat_is_passed_on),
        cmocka_unit_test(test_seat_promised_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
