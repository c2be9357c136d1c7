// SPDX-License-Identifier: MIT
/*
 * Purpose: hazards of docs/hazards.md about stacks: huge pages, what libc needs, how deep a task
 *          went. test_hNN_.. is the test of hazard NN.
 */
#include "support/fixture.h"
#include "support/journal.h"

#include "core/os.h"
#include "core/stack.h"

#include <glob.h>
#include <netdb.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEEP_BYTES = 40 * 1024 };

static struct rv_journal journal;

/* The flags of the mapping that `at` lies in, from /proc/self/smaps: has it "nh"? */
static bool is_without_huge_pages(const void *at)
{
    char line[512];
    bool is_inside = false;
    bool is_marked = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    RV_EXPECT(maps != NULL);
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long from;
        unsigned long to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            is_inside = (unsigned long)(uintptr_t)at - from < to - from;
        } else if (is_inside && strncmp(line, "VmFlags:", 8) == 0) {
            is_marked = strstr(line, " nh") != NULL;
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return is_marked;
}

/* Goal: one touched byte of a stack costs small pages only, whatever the machine's setting of
 * transparent huge pages. Method: the kernel's own record of the mapping. */
static void test_h05_stacks_ask_for_no_huge_pages(RV_UNUSED void **state)
{
    struct rv_stack_pool *pool;
    struct rv_stack_cache cache;
    assert_int_equal(rv_stack_pool_create(64 * 1024, 64, 0, &pool), 0);
    rv_stack_cache_init(&cache, pool);
    struct rv_stack *s = rv_stack_alloc(&cache);
    assert_non_null(s);
    assert_true(is_without_huge_pages(s->low));
    char *touched = s->low;
    touched[8] = 1;
    size_t page = rv_os_page_size();
    uintptr_t low = ((uintptr_t)s->low + page - 1) & ~(page - 1);
    size_t bytes = ((uintptr_t)s->high - low) & ~(page - 1);
    /* The byte's page may lie before `low`; nothing like 64 KiB is in memory. */
    assert_true(rv_os_resident((void *)low, bytes) <= 2 * page);
    rv_stack_free(&cache, s);
    rv_stack_cache_flush(&cache);
    rv_stack_pool_release(pool);
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* The hungriest calls of libc that a program is likely to make. */
static int use_libc(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    char text[64];
    char *wide = malloc(8192);
    int numbers[64];
    regex_t re;
    glob_t found;
    RV_REQUIRE(wide != NULL);
    RV_EXPECT_EQ(snprintf(text, sizeof text, "%g", 0.1), 3);
    RV_EXPECT_EQ(snprintf(wide, 8192, "%.4000Lf", 1.0L / 3), 4002);
    free(wide);
    for (int i = 0; i < 64; i++) {
        numbers[i] = i * 37 % 64;
    }
    qsort(numbers, 64, sizeof numbers[0], compare);
    RV_EXPECT_EQ(numbers[63], 63);
    RV_REQUIRE_EQ(regcomp(&re, "^(a|b)*c{1,3}[[:digit:]]+$", REG_EXTENDED), 0);
    RV_EXPECT_EQ(regexec(&re, "ababcc17", 0, NULL, 0), 0);
    regfree(&re);
    RV_EXPECT_EQ(glob("/proc/self/stat*", 0, NULL, &found), 0);
    globfree(&found);
    struct addrinfo *addresses;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    RV_EXPECT_EQ(rove_getaddrinfo("127.0.0.1", "80", &hints, &addresses), 0);
    freeaddrinfo(addresses);
    return rove_yield();
}

/* Goal: a task of the default size can call libc as a thread can. */
RV_TASK_TEST(test_h06_default_stack_is_enough_for_libc)
{
    return use_libc(NULL, NULL);
}

RV_NOINLINE static void go_deep(void)
{
    volatile char frame[DEEP_BYTES];
    for (size_t i = 0; i < sizeof frame; i++) {
        frame[i] = 1;
    }
}

static int be_deep(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    go_deep();
    return 0;
}

static int be_shallow(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_yield();
}

static int run_one(const char *name, rove_coro *fn)
{
    rove_task *t = rove_create_task_with(&(rove_task_options){.name = name}, fn, NULL);
    RV_REQUIRE(t != NULL);
    return rove_join(t, NULL);
}

static int run_deep_then_shallow(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < 3; i++) { /* the stack of one serves the next */
        RV_REQUIRE_EQ(run_one("deep", be_deep), 0);
        RV_REQUIRE_EQ(run_one("shallow", be_shallow), 0);
    }
    return 0;
}

/* "rove: 3 tasks named NAME used at most N of .." */
static unsigned long used_by(const char *name)
{
    unsigned long tasks = 0;
    unsigned long used = 0;
    char format[80];
    const char *line = strstr(journal.text, name);
    assert_non_null(line);
    while (line > journal.text && line[-1] != '\n') {
        line--;
    }
    snprintf(format, sizeof format, "rove: %%lu tasks named %s used at most %%lu", name);
    assert_int_equal(sscanf(line, format, &tasks, &used), 2);
    assert_int_equal(tasks, 3);
    return used;
}

/* Goal: debug mode reports how much stack the tasks of each name needed, each its own. */
static void test_h06_high_water_is_reported_by_name(RV_UNUSED void **state)
{
    rove_options options = {.workers = 1, .debug = true};
    rv_journal_open(&journal, &options);
    assert_int_equal(rove_run_with(&options, run_deep_then_shallow, NULL, NULL), 0);
    rv_test_settle();
    assert_true(used_by("deep") >= DEEP_BYTES);
    assert_true(used_by("shallow") < DEEP_BYTES / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h05_stacks_ask_for_no_huge_pages),
        cmocka_unit_test(test_h06_default_stack_is_enough_for_libc),
        cmocka_unit_test(test_h06_high_water_is_reported_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
