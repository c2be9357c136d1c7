// SPDX-License-Identifier: MIT
/*
 * Purpose: the current task, all tasks, the stacks of tasks.
 * Idea:    functions are recognised on a stack by their names, which the symbol table of this very
 *          program has: so static functions are found without frame pointers.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "core/atomic.h"
#include "core/symbol.h"
#include "sched/inspect.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAMES 64

/* Where `name` stands among the frames; -1: nowhere. */
static int frame_of(const char *name, void *const pcs[], size_t n)
{
    struct rv_symbols symbols = {0};
    int found = -1;
    for (size_t i = 0; i < n && found < 0; i++) {
        struct rv_symbol symbol;
        rv_symbol_find(&symbols, pcs[i], &symbol);
        if (strcmp(symbol.name, name) == 0)
            found = (int)i;
    }
    rv_symbol_fini(&symbols);
    return found;
}

/* The names matter: the stack of a task that waits here is inner_wait, outer_wait, .. */
RV_NOINLINE static int inner_wait(rove_future *f)
{
    int rc = rove_await(f, NULL);
    __asm__ volatile("" ::: "memory"); /* no tail call */
    return rc;
}

RV_NOINLINE static int outer_wait(rove_future *f)
{
    int rc = inner_wait(f);
    __asm__ volatile("" ::: "memory");
    return rc;
}

static int waits_for_future(void *arg, RV_UNUSED void **result)
{
    int rc = outer_wait(arg);
    __asm__ volatile("" ::: "memory");
    return rc;
}

RV_TASK_TEST(test_inspect_suspended_task_shows_its_frames_in_order)
{
    void *pcs[FRAMES];
    size_t n;
    rove_future *f = rove_create_future();
    rove_task *t = rove_create_task(waits_for_future, f);
    while ((n = rove_task_stack(t, pcs, FRAMES)) == 0)
        RV_REQUIRE_EQ(rove_yield(), 0);
    int public = frame_of("rove_await", pcs, n);
    int inner = frame_of("inner_wait", pcs, n);
    int outer = frame_of("outer_wait", pcs, n);
    int coroutine = frame_of("waits_for_future", pcs, n);
    RV_EXPECT(0 <= public && public < inner);
    RV_EXPECT_EQ(outer, inner + 1);
    RV_EXPECT_EQ(coroutine, outer + 1);
    RV_EXPECT(n < FRAMES); /* it ends where the task began */
    RV_EXPECT_EQ(rove_task_stack(t, pcs, 2), 2);
    RV_EXPECT_EQ(rove_task_stack(t, pcs, 0), 0);
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    rove_release(f);
    return 0;
}

RV_NOINLINE static size_t own_stack(void *pcs[], size_t capacity)
{
    size_t n = rove_task_stack(rove_current_task(), pcs, capacity);
    __asm__ volatile("" ::: "memory");
    return n;
}

RV_TASK_TEST(test_inspect_own_stack_begins_with_the_caller)
{
    void *pcs[FRAMES];
    size_t n = own_stack(pcs, FRAMES);
    RV_EXPECT_EQ(frame_of("own_stack", pcs, n), 0);
    RV_EXPECT_EQ(frame_of("test_inspect_own_stack_begins_with_the_caller_body", pcs, n), 1);
    RV_EXPECT(n < FRAMES);
    return 0;
}

RV_NOINLINE static int yield_here(void)
{
    int rc = rove_yield();
    __asm__ volatile("" ::: "memory");
    return rc;
}

static int yields_once(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int rc = yield_here();
    __asm__ volatile("" ::: "memory");
    return rc;
}

/* On one worker a ready task stands still while somebody looks. */
static int look_at_ready(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    void *pcs[FRAMES];
    rove_task *t = rove_create_task(yields_once, NULL);
    RV_EXPECT_EQ(rove_task_stack(t, pcs, FRAMES), 0); /* has not begun */
    RV_REQUIRE_EQ(rove_yield(), 0);
    size_t n = rove_task_stack(t, pcs, FRAMES);
    RV_EXPECT(frame_of("yield_here", pcs, n) >= 0);
    RV_EXPECT_EQ(rove_await(t, NULL), 0);
    RV_EXPECT_EQ(rove_task_stack(t, pcs, FRAMES), 0); /* has ended */
    rove_release(t);
    return 0;
}

static void test_inspect_ready_task_of_one_worker_shows_its_frames(RV_UNUSED void **state)
{
    rv_test_run_on(1, look_at_ready, NULL);
}

struct spin {
    RV_ATOMIC(uint32_t) has_begun, is_over;
};

static int spins(void *arg, RV_UNUSED void **result)
{
    struct spin *spin = arg;
    rv_store_relaxed(&spin->has_begun, 1u);
    while (rv_load_relaxed(&spin->is_over) == 0)
        rv_cpu_relax();
    return 0;
}

static int look_at_running(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    void *pcs[FRAMES];
    struct spin spin = {0};
    rove_task *t = rove_create_task(spins, &spin);
    RV_YIELD_UNTIL(rv_load_relaxed(&spin.has_begun) != 0);
    RV_EXPECT_EQ(rove_task_stack(t, pcs, FRAMES), 0);
    rv_store_relaxed(&spin.is_over, 1u);
    return rove_join(t, NULL);
}

static void test_inspect_running_task_shows_nothing(RV_UNUSED void **state)
{
    rv_test_run_on(2, look_at_running, NULL);
    rv_test_run_on(8, look_at_running, NULL);
}

RV_TASK_TEST(test_inspect_stack_of_no_task_is_empty)
{
    void *pcs[FRAMES];
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_task_stack(NULL, pcs, FRAMES), 0);
    RV_EXPECT_EQ(rove_task_stack(f, pcs, FRAMES), 0);
    RV_EXPECT_EQ(rove_task_stack(rove_current_task(), NULL, FRAMES), 0);
    rove_release(f);
    return 0;
}

/* Prints t's stack; to be freed. */
RV_NOINLINE static char *print_stack(rove_task *t)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    RV_EXPECT_EQ(rove_print_stack(t, out), 0);
    fclose(out);
    return text;
}

RV_TASK_TEST(test_inspect_print_stack_names_task_state_and_functions)
{
    void *pcs[FRAMES];
    rove_future *f = rove_create_future();
    const rove_task_options walrus = {.name = "walrus"};
    rove_task *t = rove_create_task_with(&walrus, waits_for_future, f);
    RV_YIELD_UNTIL(rove_task_stack(t, pcs, FRAMES) > 0);
    char *text = print_stack(t);
    RV_EXPECT(strstr(text, "task walrus has waited for a future for 0.") == text);
    RV_EXPECT(strstr(text, "\n  #0  rove_await+0x") != NULL);
    RV_EXPECT(strstr(text, "\n  #1  inner_wait+0x") != NULL);
    RV_EXPECT(strstr(text, "\n  #3  waits_for_future+0x") != NULL);
    free(text);
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_await(t, NULL), 0);
    text = print_stack(t);
    RV_EXPECT_STR(text, "task walrus has ended, innermost call first:\n  (no stack to be had)\n");
    free(text);
    text = print_stack(rove_current_task());
    RV_EXPECT(strstr(text, " is running, innermost call first:\n  #0  print_stack+0x") != NULL);
    free(text);
    rove_release(t);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_inspect_print_stack_refuses_bad_arguments)
{
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_print_stack(NULL, stderr), -EINVAL);
    RV_EXPECT_EQ(rove_print_stack(f, stderr), -EINVAL);
    RV_EXPECT_EQ(rove_print_stack(rove_current_task(), NULL), -EINVAL);
    FILE *full = fopen("/dev/full", "w");
    RV_REQUIRE(full != NULL);
    setvbuf(full, NULL, _IONBF, 0);
    RV_EXPECT_EQ(rove_print_stack(rove_current_task(), full), -EIO);
    fclose(full);
    rove_release(f);
    return 0;
}

static void test_inspect_outside_a_task_there_is_nothing(RV_UNUSED void **state)
{
    void *pcs[4];
    rove_future *f = rove_create_future();
    assert_null(rove_current_task());
    assert_null(rove_current_runtime());
    assert_int_equal(rove_all_tasks(NULL, NULL, 0), 0);
    assert_int_equal(rove_task_stack(f, pcs, 4), 0);
    assert_int_equal(rove_print_stack(f, stderr), -EPERM);
    rove_release(f);
}

static int tells_itself(RV_UNUSED void *arg, void **result)
{
    *result = rove_current_task();
    return 0;
}

RV_TASK_TEST(test_inspect_current_task_is_the_one_that_asks)
{
    void *told;
    rove_task *self = rove_current_task();
    rove_task *t = rove_create_task(tells_itself, NULL);
    RV_EXPECT_EQ(rove_await(t, &told), 0);
    RV_EXPECT_PTR(told, t);
    rove_release(t);
    t = rove_create_task_with(&(rove_task_options){.eager = true}, tells_itself, NULL);
    RV_EXPECT_PTR(rove_current_task(), self);
    RV_EXPECT_EQ(rove_await(t, &told), 0);
    RV_EXPECT_PTR(told, t);
    rove_release(t);
    return 0;
}

struct callback {
    rove_task *task;
    rove_runtime *runtime;
    rove_future *called;
};

static void note_current(void *ctx)
{
    struct callback *c = ctx;
    c->task = rove_current_task();
    c->runtime = rove_current_runtime();
    rove_set_result(c->called, NULL);
}

RV_TASK_TEST(test_inspect_callback_has_a_runtime_but_is_no_task)
{
    struct callback c = {.task = rove_current_task(), .called = rove_create_future()};
    rove_handle_release(rove_call_soon(note_current, &c));
    RV_EXPECT_EQ(rove_await(c.called, NULL), 0);
    RV_EXPECT_PTR(c.task, NULL);
    RV_EXPECT_PTR(c.runtime, rove_current_runtime());
    rove_release(c.called);
    return 0;
}

static void release_all(rove_task *tasks[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        rove_release(tasks[i]);
}

static bool has(rove_task *t, rove_task *const tasks[], size_t n)
{
    size_t i = 0;
    while (i < n && tasks[i] != t)
        i++;
    return i < n;
}

RV_TASK_TEST(test_inspect_all_tasks_are_those_that_live)
{
    rove_task *seen[4];
    rove_future *f = rove_create_future();
    rove_task *ended = rove_create_task(tells_itself, NULL);
    RV_EXPECT_EQ(rove_await(ended, NULL), 0);
    rove_task *a = rove_create_task(waits_for_future, f);
    rove_task *b = rove_create_task_with(&(rove_task_options){.stack_size = 1 << 20},
                                         waits_for_future, f);
    size_t n;
    /* The last step of `ended` may still be on its way on another worker. */
    while ((n = rove_all_tasks(rove_current_runtime(), seen, 4)) > 3) {
        release_all(seen, 4);
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT_EQ(n, 3);
    RV_EXPECT(has(rove_current_task(), seen, n) && has(a, seen, n) && has(b, seen, n));
    release_all(seen, n);
    RV_EXPECT_EQ(rove_all_tasks(rove_current_runtime(), NULL, 0), 3);
    RV_EXPECT_EQ(rove_all_tasks(rove_current_runtime(), seen, 1), 3);
    release_all(seen, 1);
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_join(a, NULL), 0);
    RV_EXPECT_EQ(rove_join(b, NULL), 0);
    rove_release(ended);
    rove_release(f);
    return 0;
}

static void *count_from_outside(void *runtime)
{
    rove_task *seen[4];
    size_t n = rove_all_tasks(runtime, seen, 4);
    release_all(seen, n < 4 ? n : 4);
    return (void *)(uintptr_t)n;
}

RV_TASK_TEST(test_inspect_all_tasks_from_a_plain_thread)
{
    pthread_t thread;
    void *n;
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, count_from_outside, rove_current_runtime()), 0);
    pthread_join(thread, &n);
    RV_EXPECT_EQ((uintptr_t)n, 1);
    return 0;
}

struct churn {
    rove_runtime *runtime;
    RV_ATOMIC(uint32_t) is_over;
};

static int ends_at_once(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

static int spawns(void *arg, RV_UNUSED void **result)
{
    struct churn *churn = arg;
    while (rv_load_relaxed(&churn->is_over) == 0) {
        rove_task *t = rove_create_task(yields_once, NULL);
        RV_REQUIRE_EQ(rove_join(t, NULL), 0);
    }
    return 0;
}

/* Everything that lives is looked at again and again while it comes, waits, is woken and goes. */
RV_TASK_TEST(test_inspect_tasks_that_come_and_go_is_safe)
{
    struct churn churn = {0};
    rove_task *spawners[4];
    const unsigned rounds = 300 * rv_crowd_factor();
    for (size_t i = 0; i < RV_ARRAY_LEN(spawners); i++)
        spawners[i] = rove_create_task(spawns, &churn);
    for (unsigned i = 0; i < rounds; i++) {
        rove_task *seen[16];
        void *pcs[FRAMES];
        size_t n = rove_all_tasks(rove_current_runtime(), seen, 16);
        for (size_t k = 0; k < n && k < 16; k++) {
            RV_EXPECT(rove_task_id(seen[k]) != 0);
            rove_task_stack(seen[k], pcs, FRAMES);
        }
        release_all(seen, n < 16 ? n : 16);
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    rv_store_relaxed(&churn.is_over, 1u);
    for (size_t i = 0; i < RV_ARRAY_LEN(spawners); i++)
        RV_EXPECT_EQ(rove_join(spawners[i], NULL), 0);
    return 0;
}

struct pair {
    rove_semaphore ping, pong;
    unsigned rounds;
};

static int plays(void *arg, RV_UNUSED void **result)
{
    struct pair *p = arg;
    for (unsigned i = 0; i < p->rounds; i++) {
        RV_REQUIRE_EQ(rove_semaphore_acquire(&p->ping), 0);
        rove_semaphore_release(&p->pong);
    }
    return 0;
}

static int returns(void *arg, RV_UNUSED void **result)
{
    struct pair *p = arg;
    for (unsigned i = 0; i < p->rounds; i++) {
        rove_semaphore_release(&p->ping);
        RV_REQUIRE_EQ(rove_semaphore_acquire(&p->pong), 0);
    }
    return 0;
}

/* A pin in the middle of a wake must pass the wake on: a lost one would hang the pair. */
RV_TASK_TEST(test_inspect_pin_passes_wakes_on)
{
    struct pair p = {.rounds = 3000 * rv_crowd_factor()};
    void *pcs[FRAMES];
    rove_semaphore_init(&p.ping, 0, 0);
    rove_semaphore_init(&p.pong, 0, 0);
    rove_task *a = rove_create_task(plays, &p);
    rove_task *b = rove_create_task(returns, &p);
    while (!rove_done(a) || !rove_done(b)) {
        rove_task_stack(a, pcs, FRAMES);
        rove_task_stack(b, pcs, FRAMES);
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT_EQ(rove_join(a, NULL), 0);
    RV_EXPECT_EQ(rove_join(b, NULL), 0);
    return 0;
}

/* Goal: what a task waits for has words of its own; several futures and a gather share them. */
static void test_inspect_waits_are_told_apart(void **state)
{
    (void)state;
    for (int a = RV_WAIT_NONE; a <= RV_WAIT_PROCESS; a++) {
        const char *name = rv_inspect_wait_name((enum rv_wait_kind)a);
        assert_true(name != NULL && name[0] != '\0');
        for (int b = RV_WAIT_NONE; b < a; b++) {
            bool is_same = strcmp(name, rv_inspect_wait_name((enum rv_wait_kind)b)) == 0;
            assert_int_equal(is_same, a == RV_WAIT_GATHER && b == RV_WAIT_MANY);
        }
    }
    assert_string_equal(rv_inspect_wait_name(RV_WAIT_PROCESS), "a process");
}

static void *print_until_over(void *arg)
{
    struct churn *churn = arg;
    FILE *out = fopen("/dev/null", "w");
    while (rv_load_relaxed(&churn->is_over) == 0)
        rove_print_call_graph(churn->runtime, out);
    (void)fclose(out);
    return NULL;
}

/* Goal: names that change and tasks that end at once, while a plain thread prints them. */
RV_TASK_TEST(test_inspect_names_that_change_are_printed_whole)
{
    static const rove_task_options eager = {.eager = true};
    struct churn churn = {.runtime = rove_current_runtime()};
    rove_task *self = rove_current_task();
    pthread_t thread;
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, print_until_over, &churn), 0);
    const unsigned rounds = 2000 * rv_crowd_factor();
    for (unsigned i = 0; i < rounds; i++) {
        rove_set_name(self, i % 2 == 0 ? "a name that has to be allocated, or so" : NULL);
        rove_task *t = rove_create_task_with(&eager, ends_at_once, NULL);
        RV_EXPECT_EQ(rove_join(t, NULL), 0);
        RV_EXPECT_EQ(rove_yield(), 0);
    }
    rv_store_relaxed(&churn.is_over, 1u);
    pthread_join(thread, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inspect_suspended_task_shows_its_frames_in_order),
        cmocka_unit_test(test_inspect_own_stack_begins_with_the_caller),
        cmocka_unit_test(test_inspect_ready_task_of_one_worker_shows_its_frames),
        cmocka_unit_test(test_inspect_running_task_shows_nothing),
        cmocka_unit_test(test_inspect_stack_of_no_task_is_empty),
        cmocka_unit_test(test_inspect_print_stack_names_task_state_and_functions),
        cmocka_unit_test(test_inspect_print_stack_refuses_bad_arguments),
        cmocka_unit_test(test_inspect_outside_a_task_there_is_nothing),
        cmocka_unit_test(test_inspect_current_task_is_the_one_that_asks),
        cmocka_unit_test(test_inspect_callback_has_a_runtime_but_is_no_task),
        cmocka_unit_test(test_inspect_all_tasks_are_those_that_live),
        cmocka_unit_test(test_inspect_all_tasks_from_a_plain_thread),
        cmocka_unit_test(test_inspect_tasks_that_come_and_go_is_safe),
        cmocka_unit_test(test_inspect_pin_passes_wakes_on),
        cmocka_unit_test(test_inspect_waits_are_told_apart),
        cmocka_unit_test(test_inspect_names_that_change_are_printed_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
