// SPDX-License-Identifier: MIT
/*
 * Purpose: what rove_run does with tasks that are left, to the second: they have ten seconds to
 *          clean up; who ignores the cancellation for longer is named in the log and abandoned, and
 *          run returns -ETIMEDOUT; who needs less is waited for and run returns what main did.
 * Idea:    the ten seconds pass on the virtual clock, each scene with many seeds, that is, on 1 to
 *          8 workers and with all kinds of luck. The log is asked when it was told.
 */
#include <rove.h>
#include <rove/sim.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "core/base.h"

#define PATIENCE ROVE_SEC(10)
#define SLACK ROVE_MS(400) /* as in test_scopes.c */
#define EIO_APP (-5001)

enum { SEEDS = 60, COMPANY = 3 };

static struct ending {
    rove_time main_ended, named; /* 0: not yet */
    unsigned begun, cancels, cleaned;
    unsigned names, others; /* lines of the log */
    rove_time last_cleaned;
} end;

/* What is said for information only, of the back-end for one, is no complaint. */
static void hear(RV_UNUSED void *ctx, int level, const char *message)
{
    if (strcmp(message, "rove: task stubborn ignores its cancellation; abandoned") == 0) {
        end.named = rove_now();
        end.names++;
    } else if (level < LOG_INFO) {
        end.others++;
    }
}

static const rove_task_options stubborn = {.name = "stubborn"}, good = {.name = "good"};

static int ignore_for_ever(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    end.begun++;
    while (end.begun > 0)
        end.cancels += rove_sleep(ROVE_FOREVER) == -ECANCELED;
    return 0;
}

static int compute_for_ever(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    end.begun++;
    while (end.begun > 0)
        rove_sim_work(ROVE_SEC(1));
    return 0;
}

/* Takes so many tenths of a second to clean up, in two steps. */
static int clean_up(void *arg, RV_UNUSED void **result)
{
    rove_duration half = ROVE_MS(50) * *(const int *)arg;
    end.begun++;
    int rc = rove_sleep(ROVE_FOREVER);
    end.cancels += rc == -ECANCELED;
    if (rove_sleep(half) == 0 && rove_sleep(half) == 0)
        end.cleaned++;
    end.last_cleaned = rove_now();
    return rc;
}

static int leave(unsigned wanted, int rc)
{
    while (end.begun < wanted) {
        if (rove_sleep(ROVE_MS(1)) < 0)
            return -EPROTO;
    }
    end.main_ended = rove_now();
    return rc;
}

/* What the simulation says: seeds of one scene must all say the same. */
static void play(rove_coro *main, void *arg, int expected, void (*check)(const char *trouble))
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        rove_sim_report report;
        const rove_sim_options options = {.runtime = {.log = hear}, .report = &report};
        end = (struct ending){.main_ended = 0};
        int rc = rove_sim_run(seed, &options, main, arg);
        if (rc != expected)
            fail_msg("seed %d: %d: %s", (int)seed, rc, report.trouble);
        check(report.trouble);
    }
}

static int leave_the_stubborn(void *arg, RV_UNUSED void **result)
{
    static const int tenths[COMPANY] = {0, 40, 99};
    rove_coro *const *ignores = arg;
    rove_release(rove_create_task_with(&stubborn, *ignores, NULL));
    for (int i = 0; i < COMPANY; i++)
        rove_release(rove_create_task_with(&good, clean_up, (void *)(uintptr_t)&tenths[i]));
    return leave(1 + COMPANY, 0);
}

static void check_abandoned(const char *trouble)
{
    assert_non_null(strstr(trouble, "abandoned"));
    assert_int_equal(end.names, 1);
    assert_int_equal(end.others, 0);
    assert_true(end.named - end.main_ended >= PATIENCE);
    assert_true(end.named - end.main_ended < PATIENCE + SLACK);
    assert_int_equal(end.cleaned, COMPANY); /* the others had their time */
}

static void check_sleeper_abandoned(const char *trouble)
{
    check_abandoned(trouble);
    assert_int_equal(end.cancels, 1 + COMPANY); /* each asked once, not again and again */
}

/* Goal: ten seconds after main's end, not before, it alone is named. */
static void test_leftovers_who_sleep_on_are_abandoned_after_ten_seconds(void **state)
{
    (void)state;
    rove_coro *ignores = ignore_for_ever;
    play(leave_the_stubborn, &ignores, -ETIMEDOUT, check_sleeper_abandoned);
}

/* One worker, and it has it: others would look after it all the time, a million switches. */
static int leave_the_busy(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_release(rove_create_task_with(&stubborn, compute_for_ever, NULL));
    end.main_ended = rove_now();
    return 0;
}

static void check_busy_abandoned(const char *trouble)
{
    if (end.begun == 0) { /* it was cancelled before it began */
        assert_string_equal(trouble, "");
        return;
    }
    assert_non_null(strstr(trouble, "abandoned"));
    assert_int_equal(end.names, 1);
    assert_true(end.named - end.main_ended >= PATIENCE);
    assert_true(end.named - end.main_ended < PATIENCE + SLACK);
}

/* Goal: a task that never suspends at all is given up in the same way. */
static void test_leftovers_who_never_suspend_are_abandoned_after_ten_seconds(void **state)
{
    (void)state;
    unsigned abandoned = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        rove_sim_report report;
        const rove_sim_options options = {
            .runtime = {.log = hear, .workers = 1}, .report = &report};
        end = (struct ending){.main_ended = 0};
        int rc = rove_sim_run(seed, &options, leave_the_busy, NULL);
        if (rc != (end.begun == 0 ? 0 : -ETIMEDOUT))
            fail_msg("seed %d: %d: %s", (int)seed, rc, report.trouble);
        check_busy_abandoned(report.trouble);
        abandoned += rc == -ETIMEDOUT;
    }
    assert_true(abandoned > 0);
}

static int leave_the_slow(void *arg, RV_UNUSED void **result)
{
    const int *tenths = arg;
    for (int i = 0; i < COMPANY; i++)
        rove_release(rove_create_task_with(&good, clean_up, (void *)(uintptr_t)tenths));
    return leave(COMPANY, EIO_APP);
}

static void check_waited_for(const char *trouble)
{
    assert_string_equal(trouble, "");
    assert_int_equal(end.names + end.others, 0);
    assert_int_equal(end.cancels, COMPANY);
    assert_int_equal(end.cleaned, COMPANY);
    assert_true(end.last_cleaned - end.main_ended >= ROVE_SEC(9));
}

/* Goal: who needs nine seconds and a half is waited for, and what main returned is returned. */
static void test_leftovers_who_are_slow_are_waited_for(void **state)
{
    (void)state;
    static const int tenths = 95;
    play(leave_the_slow, (void *)(uintptr_t)&tenths, EIO_APP, check_waited_for);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leftovers_who_sleep_on_are_abandoned_after_ten_seconds),
        cmocka_unit_test(test_leftovers_who_never_suspend_are_abandoned_after_ten_seconds),
        cmocka_unit_test(test_leftovers_who_are_slow_are_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
