// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/runtime_tools.c: stacks by size, the log, who lives, errors nobody read.
 */
#include "support/child.h"
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/journal.h"
#include "support/scarce.h"

#include "sched/current.h"
#include "sched/runtime.h"
#include "sched/task.h"

#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

enum { TASKS = 150 }; /* the list of tasks grows twice */

static struct rv_journal journal;

/* Goal: sizes share the pool of the next power of two, made once; absurd ones have none. */
RV_TASK_TEST(test_runtime_tools_stack_classes_are_powers_of_two)
{
    struct rove_runtime *runtime = rv_current_worker()->runtime;
    struct rv_stack_pool *last = NULL;
    for (size_t bytes = RV_STACK_MIN_BYTES; bytes <= RV_STACK_MIN_BYTES << 6; bytes *= 2) {
        struct rv_stack_pool *pool = rv_runtime_stack_class(runtime, bytes);
        RV_REQUIRE(pool != NULL && pool != last);
        RV_EXPECT_PTR(rv_runtime_stack_class(runtime, bytes), pool);
        RV_EXPECT_PTR(rv_runtime_stack_class(runtime, bytes - 1), pool);
        RV_EXPECT_PTR(rv_runtime_stack_class(runtime, bytes / 2 + 1), pool);
        struct rv_stack_stats stats;
        rv_stack_pool_stats(pool, &stats);
        RV_EXPECT(stats.slot_bytes >= bytes);
        last = pool;
    }
    RV_EXPECT_PTR(rv_runtime_stack_class(runtime, 1),
                  rv_runtime_stack_class(runtime, RV_STACK_MIN_BYTES));
    size_t most = RV_STACK_MIN_BYTES << (RV_RUNTIME_STACK_CLASSES - 1);
    RV_EXPECT(rv_runtime_stack_class(runtime, most + 1) == NULL);
    RV_EXPECT(rv_runtime_stack_class(runtime, SIZE_MAX) == NULL);
    return 0;
}

static int stack_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rove_runtime *runtime = rv_current_worker()->runtime;
    rv_scarce_after(0);
    struct rv_stack_pool *pool = rv_runtime_stack_class(runtime, RV_STACK_MIN_BYTES);
    rv_scarce_end();
    RV_EXPECT_PTR(pool, NULL);
    RV_EXPECT(rv_runtime_stack_class(runtime, RV_STACK_MIN_BYTES) != NULL);
    return 0;
}

/* Goal: no memory for a class now does not mean none later. */
static void test_runtime_tools_stack_class_without_memory(void **state)
{
    (void)state;
    rv_test_run_on(1, stack_body, NULL);
}

static int wait_for_event(void *arg, RV_UNUSED void **result)
{
    return rove_event_wait(arg);
}

struct census {
    unsigned seen, hidden, blocks;
    uint64_t ids[TASKS + 8];
};

static void count_task(struct rv_task *t, void *ctx)
{
    struct census *c = ctx;
    uint64_t word = rv_load_relaxed(&t->future.state);
    RV_EXPECT(rv_state_refs(word) >= 2); /* one of them is ours */
    c->hidden += (t->future.flags & RV_TASK_HIDDEN) != 0;
    c->ids[c->seen++] = t->id;
    rove_release(&t->future);
}

static void count_block(RV_UNUSED void *block, void *ctx)
{
    ((struct census *)ctx)->blocks++;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int census_body(struct rove_runtime *runtime, unsigned expected)
{
    struct census c = {0};
    rv_runtime_for_each_task(runtime, count_task, &c);
    RV_EXPECT_EQ(c.seen, expected);
    RV_EXPECT_EQ(c.hidden, 0);
    qsort(c.ids, c.seen, sizeof c.ids[0], compare_ids);
    for (unsigned i = 1; i < c.seen; i++)
        RV_EXPECT(c.ids[i - 1] != c.ids[i]);
    rv_runtime_for_each_block(runtime, count_block, &c);
    RV_EXPECT(c.blocks >= expected);
    size_t n = 0;
    struct rv_task **tasks = rv_runtime_tasks(runtime, &n);
    RV_EXPECT_EQ(n, expected);
    for (size_t i = 0; i < n; i++)
        rove_release(&tasks[i]->future);
    free(tasks);
    return 0;
}

static uint64_t all_refs(rove_task *const tasks[])
{
    uint64_t n = 0;
    for (int i = 0; i < TASKS; i++)
        n += rv_state_refs(rv_load_relaxed(&tasks[i]->state));
    return n;
}

static int scarce_list(struct rove_runtime *runtime, rove_task *const tasks[])
{
    uint64_t refs = all_refs(tasks);
    for (int successes = 0; successes < 2; successes++) {
        size_t n = 99;
        rv_scarce_after(successes);
        struct rv_task **list = rv_runtime_tasks(runtime, &n);
        rv_scarce_end();
        RV_EXPECT(list == NULL);
        RV_EXPECT_EQ(n, 0);
        RV_EXPECT_EQ(all_refs(tasks), refs);
    }
    return 0;
}

/* Goal: every live task is visited once, of whatever stack size, with a reference; without memory
 * for the list there is none, and no reference is kept. */
RV_TASK_TEST(test_runtime_tools_every_live_task_is_visited)
{
    struct rove_runtime *runtime = rv_current_worker()->runtime;
    rove_event gate = {0};
    rove_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++) {
        rove_task_options options = {.stack_size = i % 3 == 0 ? 256 * 1024 : 0};
        tasks[i] = rove_create_task_with(&options, wait_for_event, &gate);
        RV_REQUIRE(tasks[i] != NULL);
    }
    RV_EXPECT_EQ(census_body(runtime, TASKS + 1), 0);
    RV_EXPECT_EQ(scarce_list(runtime, tasks), 0);
    rove_event_set(&gate);
    for (int i = 0; i < TASKS; i++) {
        RV_EXPECT_EQ(rove_await(tasks[i], NULL), 0);
    }
    RV_EXPECT_EQ(census_body(runtime, 1), 0); /* done ones are not visited, though held */
    for (int i = 0; i < TASKS; i++)
        rove_release(tasks[i]);
    return 0;
}

static int fail_with(void *arg, RV_UNUSED void **result)
{
    return *(const int *)arg;
}

static int unread_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    static const int errors[] = {-5001, -ECANCELED, 0};
    static const char *const names[] = {"failure", "cancelled", "success"};
    for (size_t i = 0; i < RV_ARRAY_LEN(errors); i++) {
        rove_task_options options = {.name = names[i]};
        int error = errors[i];
        rove_task *t = rove_create_task_with(&options, fail_with, &error);
        RV_YIELD_UNTIL(rove_done(t));
        rv_task_report_leftover((struct rv_task *)(void *)t);
        rv_task_report_leftover((struct rv_task *)(void *)t); /* said once */
        rove_release(t);
    }
    rove_task_options options = {.name = "read"};
    int error = -5002;
    RV_EXPECT_EQ(rove_join(rove_create_task_with(&options, fail_with, &error), NULL), -5002);
    return 0;
}

/* Goal: an error that nobody read is said once; no success, cancellation or read error is. */
static void test_runtime_tools_unread_error_is_said_once(void **state)
{
    rove_options options = {.workers = 1, .debug = true};
    (void)state;
    rv_journal_open(&journal, &options);
    assert_int_equal(rove_run_with(&options, unread_body, NULL, NULL), 0);
    rv_test_settle();
    assert_int_equal(rv_journal_count(&journal, "the error of task failure was never read"), 1);
    assert_int_equal(rv_journal_count(&journal, "was never read"), 1);
}

static int log_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rove_runtime *runtime = rv_current_worker()->runtime;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    rv_runtime_log(runtime, LOG_DEBUG, "%d of %s", 7, "nine");
    rv_runtime_log(runtime, LOG_ERR, "%s", text);
    return 0;
}

/* Goal: messages come formatted, cut where the buffer ends; all levels go to the caller's log. */
static void test_runtime_tools_log_is_formatted_and_cut(void **state)
{
    rove_options options = {.workers = 1};
    (void)state;
    rv_journal_open(&journal, &options);
    assert_int_equal(rove_run_with(&options, log_body, NULL, NULL), 0);
    assert_int_equal(rv_journal_count(&journal, "7 of nine"), 1);
    const char *line = strstr(journal.text, "xxx");
    assert_non_null(line);
    assert_int_equal(strcspn(line, "\n"), 511);
}

static int levels_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rove_runtime *runtime = rv_current_worker()->runtime;
    rv_runtime_log(runtime, LOG_INFO, "chatter");
    rv_runtime_log(runtime, LOG_NOTICE, "notice");
    rv_runtime_log(runtime, LOG_ERR, "error");
    return 0;
}

static int run_quiet(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, levels_body, NULL, NULL);
}

static int run_in_debug(void)
{
    return rove_run_with(&(rove_options){.workers = 1, .debug = true}, levels_body, NULL, NULL);
}

/* Goal: without a log of the caller's, notices and worse go to standard error, chatter only in
 * debug mode. */
static void test_runtime_tools_log_levels(void **state)
{
    static struct rv_child child;
    (void)state;
    if (getenv("ROVE_DEBUG") != NULL)
        skip();
    rv_child_run(&child, run_quiet);
    assert_null(strstr(child.text, "chatter"));
    assert_non_null(strstr(child.text, "notice\n"));
    assert_non_null(strstr(child.text, "error\n"));
    rv_child_run(&child, run_in_debug);
    assert_non_null(strstr(child.text, "chatter\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runtime_tools_stack_classes_are_powers_of_two),
        cmocka_unit_test(test_runtime_tools_stack_class_without_memory),
        cmocka_unit_test(test_runtime_tools_every_live_task_is_visited),
        cmocka_unit_test(test_runtime_tools_unread_error_is_said_once),
        cmocka_unit_test(test_runtime_tools_log_is_formatted_and_cut),
        cmocka_unit_test(test_runtime_tools_log_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
