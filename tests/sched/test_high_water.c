// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/high_water.h: how deep the tasks of a name went, told at the runtime's end.
 */
#include "support/fixture.h"
#include "support/journal.h"

#include "sched/high_water.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEEP_BYTES = 24 * 1024, SHALLOW_BYTES = 600, NAMES = 80, STACK_BYTES = 64 * 1024 };

static struct rv_journal journal;

/* Writes to every page of so many bytes of the caller's stack. */
static RV_NOINLINE char use_stack(size_t bytes)
{
    volatile char *block = __builtin_alloca(bytes);
    for (size_t i = 0; i < bytes; i += 64)
        block[i] = (char)(i | 1);
    return block[0];
}

static int go_down(void *arg, RV_UNUSED void **result)
{
    return use_stack(*(const size_t *)arg) == 0; /* never: odd bytes are written */
}

static int wade(void *arg, void **result)
{
    return go_down(arg, result);
}

static void run_named(const char *name, rove_coro *fn, size_t bytes)
{
    rove_task_options options = {.name = name};
    RV_EXPECT_EQ(rove_join(rove_create_task_with(&options, fn, &bytes), NULL), 0);
}

/* The line about these tasks: "<n> tasks <what> used at most <used> of <size> bytes". */
static bool find_line(const char *what, unsigned long *n, size_t *used, size_t *size)
{
    char part[96];
    (void)snprintf(part, sizeof part, " tasks %s used at most ", what);
    const char *at = strstr(journal.text, part);
    if (at == NULL)
        return false;
    const char *line = at;
    while (line > journal.text && line[-1] != '\n')
        line--;
    return sscanf(line, "rove: %lu", n) == 1 &&
           sscanf(at + strlen(part), "%zu of %zu bytes", used, size) == 2;
}

static int two_depths(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < 3; i++) {
        run_named("diver", go_down, DEEP_BYTES);
        run_named("wader", go_down, SHALLOW_BYTES);
    }
    run_named("diver", go_down, SHALLOW_BYTES); /* the most counts, not the last */
    return 0;
}

static void run_in_debug(unsigned workers, rove_coro *body)
{
    rove_options options = {.workers = workers, .debug = true, .stack_size = STACK_BYTES};
    rv_journal_open(&journal, &options);
    int rc = rove_run_with(&options, body, NULL, NULL);
    rv_test_settle();
    assert_int_equal(rc, 0);
}

/* Goal: each name has its own most, though all used the same stacks one after the other. */
static void test_high_water_each_name_has_its_own(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers) {
        unsigned long n;
        size_t used;
        size_t size;
        run_in_debug(workers, two_depths);
        assert_true(find_line("named diver", &n, &used, &size));
        assert_int_equal(n, 4);
        assert_true(used >= DEEP_BYTES && used < size);
        assert_true(size > DEEP_BYTES && size <= STACK_BYTES);
        size_t deep = used;
        assert_true(find_line("named wader", &n, &used, &size));
        assert_int_equal(n, 3);
        assert_true(used >= SHALLOW_BYTES);
        if (!RV_ASAN && !RV_TSAN) /* whose own frames are deep */
            assert_true(used < DEEP_BYTES && used < deep);
    }
}

static int without_names(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    run_named(NULL, go_down, DEEP_BYTES);
    run_named(NULL, wade, SHALLOW_BYTES);
    run_named(NULL, go_down, DEEP_BYTES);
    return 0;
}

/* Goal: tasks without a name are told apart by their functions. */
static void test_high_water_nameless_share_their_function(void **state)
{
    (void)state;
    run_in_debug(1, without_names);
    assert_int_equal(rv_journal_count(&journal, "rove: 2 tasks go_down ("), 1);
    assert_int_equal(rv_journal_count(&journal, "rove: 1 tasks wade ("), 1);
    assert_int_equal(rv_journal_count(&journal, "rove: 1 tasks without_names ("), 1);
}

static int many_names(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    char name[64];
    for (int i = 0; i < NAMES; i++) {
        (void)snprintf(name, sizeof name, "a name of no great length %02d and its tail", i);
        run_named(name, go_down, SHALLOW_BYTES);
    }
    (void)snprintf(name, sizeof name, "a name of no great length %02d and its tail", 0);
    run_named(name, go_down, DEEP_BYTES);
    return 0;
}

/* Goal: the table does not grow without end: names beyond it share a row, no task is left out. */
static void test_high_water_too_many_names_share_a_row(void **state)
{
    unsigned long all = 0;
    unsigned long n;
    size_t used;
    size_t size;
    (void)state;
    run_in_debug(1, many_names);
    assert_true(find_line("named of other names", &n, &used, &size));
    assert_true(n > 1);
    for (const char *at = journal.text; (at = strstr(at, "rove: ")) != NULL; at++)
        all += sscanf(at, "rove: %lu tasks", &n) == 1 ? n : 0;
    assert_int_equal(all, NAMES + 1 + 1); /* and the main task */
    assert_true(find_line("named a name of no great length 00 and", &n, &used, &size) ||
                rv_journal_count(&journal, "2 tasks named a name of no great length 00") == 1);
}

static int nothing(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    run_named("diver", go_down, DEEP_BYTES);
    rv_high_water_note(NULL, NULL); /* outside debug mode there is no table */
    return 0;
}

/* Goal: without debug mode nothing is looked at, wiped or said. */
static void test_high_water_is_silent_without_debug(void **state)
{
    rove_options options = {.workers = 1};
    (void)state;
    if (getenv("ROVE_DEBUG") != NULL)
        skip();
    rv_journal_open(&journal, &options);
    assert_int_equal(rove_run_with(&options, nothing, NULL, NULL), 0);
    rv_test_settle();
    assert_int_equal(rv_journal_count(&journal, "bytes of stack"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_high_water_each_name_has_its_own),
        cmocka_unit_test(test_high_water_nameless_share_their_function),
        cmocka_unit_test(test_high_water_too_many_names_share_a_row),
        cmocka_unit_test(test_high_water_is_silent_without_debug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
