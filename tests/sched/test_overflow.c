// SPDX-License-Identifier: MIT
/*
 * Purpose: a task that overflows its stack is named; every other fault goes where it went before.
 * Idea:    each case dies in a child process; its last words and its status are looked at.
 */
#include "support/child.h"
#include "support/fixture.h"

#include "core/base.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rv_child child;

/* Through a pointer, so that compilers neither complain nor make a loop of it. */
static unsigned descend(unsigned level);
static unsigned (*volatile deeper)(unsigned level) = descend;

static unsigned descend(unsigned level)
{
    volatile unsigned char frame[256];
    frame[level % sizeof frame] = (unsigned char)level;
    unsigned below = deeper(level + 1);
    return below + frame[level % sizeof frame];
}

static int overflows(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return (int)descend(0);
}

static int overflow_in_main_task(void)
{
    return rove_run_with(&(rove_options){.workers = 2, .stack_size = 64 * 1024}, overflows, NULL,
                         NULL);
}

static int starts_large(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    const rove_task_options options = {.name = "gulliver", .stack_size = 1 << 20};
    return rove_join(rove_create_task_with(&options, overflows, NULL), NULL);
}

static int overflow_in_large_task(void)
{
    return rove_run(starts_large, NULL, NULL);
}

static void test_overflow_names_the_task_and_its_stack(RV_UNUSED void **state)
{
    rv_child_run(&child, overflow_in_main_task);
    assert_true(rv_child_was_killed(&child));
    assert_non_null(strstr(child.text, "rove: task task-1 overflowed its 6")); /* 64, less a page */
    assert_non_null(strstr(child.text, " KiB stack\n"));
    assert_non_null(strstr(child.text, " descend+0x"));
    rv_child_run(&child, overflow_in_large_task);
    assert_true(rv_child_was_killed(&child));
    assert_non_null(strstr(child.text, "rove: task gulliver overflowed its 10"));
}

static int writes_to_null(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    volatile char *volatile nowhere = NULL;
    *nowhere = 1;
    return 0;
}

static int fault_elsewhere(void)
{
    return rove_run(writes_to_null, NULL, NULL);
}

static void test_overflow_is_not_blamed_for_other_faults(RV_UNUSED void **state)
{
    if (RV_ASAN)
        skip(); /* UBSan, in the same build, refuses the null pointer before it is used */
    rv_child_run(&child, fault_elsewhere);
    assert_true(rv_child_was_killed(&child));
    assert_null(strstr(child.text, "overflowed"));
}

static int is_killed_by_a_signal(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    raise(SIGSEGV);
    return 0;
}

static int kill_itself(void)
{
    return rove_run(is_killed_by_a_signal, NULL, NULL);
}

/* One that was sent does not come again by itself when the handler returns. */
static void test_overflow_handler_lets_a_sent_signal_kill(RV_UNUSED void **state)
{
    rv_child_run(&child, kill_itself);
    assert_true(rv_child_was_killed(&child));
    assert_null(strstr(child.text, "overflowed"));
}

static char *page;
static size_t page_bytes;

/* As a garbage collector's write barrier: repairs what it knows, leaves with 42 otherwise. */
static void repair(RV_UNUSED int sig, siginfo_t *info, RV_UNUSED void *context)
{
    if ((uintptr_t)info->si_addr - (uintptr_t)page >= page_bytes)
        _exit(42);
    mprotect(page, page_bytes, PROT_READ | PROT_WRITE);
}

static int is_repaired_then_overflows(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    ((volatile char *)page)[8] = 1;
    (void)mprotect(page, page_bytes, PROT_NONE);
    ((volatile char *)page)[9] = 1; /* ours is still in front of theirs */
    return (int)descend(0);
}

static int run_with_handler_before(void)
{
    struct sigaction action = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    page = mmap(NULL, page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGSEGV, &action, NULL);
    return rove_run_with(&(rove_options){.workers = 1}, is_repaired_then_overflows, NULL, NULL);
}

static void test_overflow_handler_passes_faults_to_the_one_before(RV_UNUSED void **state)
{
    rv_child_run(&child, run_with_handler_before);
    assert_true(WIFEXITED(child.status));
    assert_int_equal(WEXITSTATUS(child.status), 42);
    assert_non_null(strstr(child.text, "overflowed its"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overflow_names_the_task_and_its_stack),
        cmocka_unit_test(test_overflow_is_not_blamed_for_other_faults),
        cmocka_unit_test(test_overflow_handler_lets_a_sent_signal_kill),
        cmocka_unit_test(test_overflow_handler_passes_faults_to_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
