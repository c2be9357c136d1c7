// SPDX-License-Identifier: MIT
/*
 * Purpose: limits, groups, waits and cancellations on a virtual clock: hours pass in no time, and
 *          each scene is played with many seeds, that is, on 1 to 8 workers and with all kinds of
 *          luck.
 * Idea:    what must come at a certain moment is compared with that moment, up to SLACK, which is
 *          more than a simulated machine stalls anybody and less than a scene's smallest step.
 *          Where two things happen at one moment either may be first; what is compared then is what
 *          holds in both cases. Expected outcomes are CPython 3.13's.
 */
#include <rove.h>
#include <rove/sim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base.h"

#define SLACK ROVE_MS(400)
#define EIO_APP (-5001)

enum { SEEDS = 120 };

/* Said at once: what such an end leaves over becomes the simulation's complaint. */
static int fail_at(int line, const char *condition)
{
    fprintf(stderr, "line %d: %s\n", line, condition);
    return -EPROTO;
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return fail_at(__LINE__, #condition);                                                  \
    } while (0)

/* The expression's value, and that it came `s` seconds after `begun`. */
#define CHECK_AT(s, begun, actual, expected)                                                       \
    do {                                                                                           \
        CHECK((actual) == (expected));                                                             \
        CHECK(is_at((begun), (s)));                                                                \
    } while (0)

static bool is_at(rove_time begun, double s)
{
    rove_duration late = rove_now() - begun - ROVE_SEC(s);
    return late >= 0 && late < SLACK;
}

static void play(rove_coro *scene)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        rove_sim_report report;
        int rc = rove_sim_run(seed, &(rove_sim_options){.report = &report}, scene, NULL);
        if (rc != 0)
            fail_msg("seed %d: %s: %s", (int)seed, rove_strerror(rc), report.trouble);
    }
}

#define SCENE(name)                                                                                \
    static int name##_scene(void *arg, void **result);                                             \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play(name##_scene);                                                                        \
    }                                                                                              \
    static int name##_scene(RV_UNUSED void *arg, RV_UNUSED void **result)

/* What a block or child does: it waits so long, and then comes to `rc`. Cancelled, it needs
 * `clean_up` to end, and comes to `answer` if that is not 0, or to a success if `refuses`. */
struct part {
    double seconds, clean_up;
    int rc, answer;
    bool refuses;
};

static int act(void *arg, void **result)
{
    const struct part *p = arg;
    int rc = p->seconds < 0 ? rove_sleep(ROVE_FOREVER) : rove_sleep(ROVE_SEC(p->seconds));
    if (rc == 0)
        return p->rc;
    if (p->clean_up > 0)
        (void)rove_sleep(ROVE_SEC(p->clean_up));
    *result = arg;
    return p->refuses ? 0 : p->answer != 0 ? p->answer : rc;
}

/* After a scope: no request is left, none comes later. */
static bool is_clean(void)
{
    return rove_cancelling(rove_current_task()) == 0 && rove_sleep(ROVE_SEC(1)) == 0;
}

static int limited(rove_duration d, double seconds)
{
    rove_timeout t;
    rove_timeout_enter(&t, d);
    return rove_timeout_exit(&t, rove_sleep(seconds < 0 ? ROVE_FOREVER : ROVE_SEC(seconds)));
}

SCENE(test_scopes_limit_strikes_at_its_time)
{
    rove_time begun = rove_now();
    CHECK_AT(3600, begun, limited(ROVE_SEC(3600), -1), -ETIMEDOUT);
    CHECK(is_clean());
    begun = rove_now();
    CHECK_AT(2, begun, limited(ROVE_SEC(3), 2), 0);
    CHECK_AT(5, begun, limited(ROVE_FOREVER, 3), 0);
    CHECK_AT(5, begun, limited(0, 3), -ETIMEDOUT);
    CHECK(is_clean());
    return 0;
}

static int nested(double outer_s, double inner_s, int *inner_rc)
{
    rove_timeout outer, inner;
    rove_timeout_enter(&outer, ROVE_SEC(outer_s));
    rove_timeout_enter(&inner, ROVE_SEC(inner_s));
    *inner_rc = rove_timeout_exit(&inner, rove_sleep(ROVE_SEC(10)));
    int rc = *inner_rc == -ETIMEDOUT ? rove_sleep(ROVE_SEC(10)) : *inner_rc;
    return rove_timeout_exit(&outer, rc);
}

SCENE(test_scopes_nested_limits_strike_each_its_block)
{
    int inner;
    rove_time begun = rove_now();
    CHECK_AT(5, begun, nested(5, 3, &inner), -ETIMEDOUT);
    CHECK(inner == -ETIMEDOUT && is_clean());
    begun = rove_now();
    CHECK_AT(3, begun, nested(3, 5, &inner), -ETIMEDOUT);
    CHECK(inner == -ECANCELED && is_clean());
    begun = rove_now();
    CHECK_AT(13, begun, nested(60, 3, &inner), 0);
    begun = rove_now(); /* both at once: the inner one may or may not have been first */
    CHECK_AT(4, begun, nested(4, 4, &inner), -ETIMEDOUT);
    CHECK((inner == -ETIMEDOUT || inner == -ECANCELED) && is_clean());
    return 0;
}

SCENE(test_scopes_moved_deadlines_are_obeyed)
{
    rove_timeout t;
    rove_time begun = rove_now();
    rove_timeout_enter(&t, ROVE_SEC(2));
    CHECK(rove_timeout_reschedule(&t, begun + ROVE_SEC(6)) == 0); /* later */
    CHECK(rove_sleep(ROVE_SEC(3)) == 0);
    CHECK(rove_timeout_reschedule(&t, begun + ROVE_SEC(4)) == 0); /* sooner */
    CHECK_AT(4, begun, rove_sleep(ROVE_FOREVER), -ECANCELED);
    CHECK(rove_timeout_reschedule(&t, rove_now() + ROVE_SEC(9)) == -EALREADY);
    CHECK(rove_sleep(ROVE_SEC(2)) == 0); /* struck once, not twice */
    CHECK(rove_timeout_exit(&t, -ECANCELED) == -ETIMEDOUT);
    CHECK(rove_timeout_reschedule(&t, rove_now()) == -EINVAL);
    rove_timeout_enter(&t, ROVE_SEC(1));
    CHECK(rove_timeout_reschedule(&t, -1) == 0); /* never */
    CHECK(rove_sleep(ROVE_SEC(100)) == 0);
    begun = rove_now();
    CHECK(rove_timeout_reschedule(&t, begun - ROVE_SEC(1)) == 0); /* in the past: now */
    CHECK_AT(0, begun, rove_sleep(ROVE_FOREVER), -ECANCELED);
    CHECK(rove_timeout_exit(&t, -ECANCELED) == -ETIMEDOUT && is_clean());
    return 0;
}

static int wait_for_part(struct part *p, double s)
{
    rove_task *t = rove_create_task(act, p);
    int rc = rove_wait_for(t, ROVE_SEC(s), NULL);
    int left = rove_done(t) ? rc : -EPROTO;
    rove_release(t);
    return left;
}

SCENE(test_scopes_wait_for_waits_for_the_clean_up)
{
    rove_time begun = rove_now();
    CHECK_AT(2, begun, wait_for_part(&(struct part){.seconds = 3600}, 2), -ETIMEDOUT);
    begun = rove_now();
    CHECK_AT(5, begun, wait_for_part(&(struct part){3600, .clean_up = 3}, 2), -ETIMEDOUT);
    begun = rove_now();
    CHECK_AT(5, begun, wait_for_part(&(struct part){-1, 3, .refuses = true}, 2), 0);
    CHECK(wait_for_part(&(struct part){-1, .answer = EIO_APP}, 2) == EIO_APP);
    CHECK(wait_for_part(&(struct part){1, .rc = EIO_APP}, 2) == EIO_APP);
    CHECK(is_clean());
    begun = rove_now();
    CHECK_AT(2, begun, rove_wait_for_call(act, &(struct part){.seconds = 9}, ROVE_SEC(2), NULL),
             -ETIMEDOUT);
    CHECK(is_clean());
    return 0;
}

static int group_of(struct part *children, size_t n, double block_s)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    for (size_t i = 0; i < n; i++)
        rove_task_group_create_task(&g, act, &children[i]);
    return rove_task_group_exit(&g, rove_sleep(ROVE_SEC(block_s)));
}

SCENE(test_scopes_group_ends_when_its_last_child_does)
{
    struct part good[] = {{.seconds = 1}, {.seconds = 7}, {.seconds = 3}};
    rove_time begun = rove_now();
    CHECK_AT(7, begun, group_of(good, 3, 0), 0);
    struct part bad[] = {{.seconds = 3600, .clean_up = 2}, {.seconds = 4, .rc = EIO_APP}};
    begun = rove_now();
    CHECK_AT(6, begun, group_of(bad, 2, 3600), EIO_APP);
    CHECK(is_clean());
    begun = rove_now();
    CHECK_AT(6, begun, group_of(bad, 2, 0), EIO_APP);
    CHECK(is_clean());
    return 0;
}

static int limited_group(double limit_s, struct part *children, size_t n, double block_s)
{
    rove_timeout t;
    rove_timeout_enter(&t, ROVE_SEC(limit_s));
    return rove_timeout_exit(&t, group_of(children, n, block_s));
}

/* Goal: a limit around a group ends it, in its block as in its exit; a child's error is kept; and
 * when both happen at one moment no request is left over. */
SCENE(test_scopes_limit_around_a_group)
{
    struct part slow[] = {{.seconds = 3600}, {.seconds = 3600, .clean_up = 2}};
    rove_time begun = rove_now();
    CHECK_AT(5, begun, limited_group(3, slow, 2, 0), -ETIMEDOUT);
    CHECK(is_clean());
    begun = rove_now();
    CHECK_AT(5, begun, limited_group(3, slow, 2, 3600), -ETIMEDOUT);
    CHECK(is_clean());
    struct part answers = {.seconds = -1, .answer = EIO_APP};
    CHECK(limited_group(3, &answers, 1, 0) == EIO_APP);
    CHECK(is_clean());
    for (int in_block = 0; in_block < 2; in_block++) {
        struct part fails = {.seconds = 3, .rc = EIO_APP};
        begun = rove_now();
        int rc = limited_group(3, &fails, 1, in_block * 3600);
        CHECK((rc == EIO_APP || rc == -ETIMEDOUT) && is_at(begun, 3) && is_clean());
    }
    return 0;
}

static int group_with_limit_inside(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct part fails = {.seconds = 3, .rc = EIO_APP};
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_task_group_create_task(&g, act, &fails);
    int rc = limited(ROVE_SEC(3600), -1);
    return rove_task_group_exit(&g, rc == -ECANCELED ? rc : -EPROTO);
}

SCENE(test_scopes_limit_inside_a_group_passes_on_its_end)
{
    rove_time begun = rove_now();
    CHECK_AT(3, begun, group_with_limit_inside(NULL, NULL), EIO_APP);
    CHECK(is_clean());
    return 0;
}

static int limited_and_after(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int rc = limited(ROVE_SEC(2), -1);
    int after = rove_sleep(ROVE_SEC(1));
    CHECK(rove_cancelling(rove_current_task()) == 1);
    CHECK((rc == -ECANCELED) != (after == -ECANCELED)); /* felt once: in the block or after it */
    CHECK(rc == -ECANCELED || rc == -ETIMEDOUT);
    return -ECANCELED;
}

/* Goal: cancelled from outside at the moment when its limit strikes, a task feels the request once,
 * and it stays counted. */
SCENE(test_scopes_limit_and_cancellation_at_one_moment)
{
    rove_task *t = rove_create_task(limited_and_after, NULL);
    CHECK(rove_sleep(ROVE_SEC(2)) == 0);
    CHECK(rove_cancel(t));
    CHECK(rove_join(t, NULL) == -ECANCELED);
    return 0;
}

static int cancelled_in_a_group(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct part answers = {.seconds = -1, .answer = EIO_APP};
    int rc = group_of(&answers, 1, 0);
    CHECK(rc == EIO_APP && rove_cancelling(rove_current_task()) == 1);
    CHECK(rove_sleep(ROVE_SEC(1)) == -ECANCELED); /* it came from outside: it is not lost */
    return -ECANCELED;
}

SCENE(test_scopes_cancellation_outlives_the_error_of_a_child)
{
    rove_task *t = rove_create_task(cancelled_in_a_group, NULL);
    CHECK(rove_sleep(ROVE_SEC(2)) == 0);
    CHECK(rove_cancel(t));
    CHECK(rove_join(t, NULL) == -ECANCELED);
    return 0;
}

static int gather_them(void *arg, RV_UNUSED void **result)
{
    return rove_gather(2, arg, NULL);
}

static int failing_group(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct part fails = {.seconds = 2, .rc = EIO_APP};
    int rc = group_of(&fails, 1, 3600);
    int after = rove_sleep(ROVE_SEC(1));
    CHECK(rove_cancelling(rove_current_task()) == 1);
    CHECK(rc == EIO_APP ? after == -ECANCELED : rc == -ECANCELED && after == 0);
    return -ECANCELED;
}

/* Goal: cancelled from outside at the moment when a child fails, a task gets the child's error and
 * then feels the request, or it was first and the child did not come to fail. */
SCENE(test_scopes_failure_and_cancellation_at_one_moment)
{
    rove_task *t = rove_create_task(failing_group, NULL);
    CHECK(rove_sleep(ROVE_SEC(2)) == 0);
    CHECK(rove_cancel(t));
    CHECK(rove_join(t, NULL) == -ECANCELED);
    return 0;
}

/* A gather of two that is cancelled after a second, as a task or as a future. */
static int cancel_gather(struct part parts[2], bool is_future, double s, bool ended[2])
{
    rove_future *fs[] = {rove_create_task(act, &parts[0]), rove_create_task(act, &parts[1])};
    rove_future *g = is_future ? rove_gather_future(2, fs) : rove_create_task(gather_them, fs);
    CHECK(rove_sleep(ROVE_SEC(1)) == 0);
    rove_time begun = rove_now();
    CHECK(rove_cancel(g));
    int rc = rove_join(g, NULL);
    CHECK(is_at(begun, s));
    for (int i = 0; i < 2; i++) {
        ended[i] = rove_done(fs[i]);
        (void)rove_join(fs[i], NULL);
    }
    return rc;
}

/* Goal: a cancelled gather ends with the first member that ends cancelled, or else with the last;
 * it is cancelled even if all refuse, and a member's own error is kept. */
SCENE(test_scopes_cancelled_gather_ends_with_its_members)
{
    struct part refuse[] = {{-1, 2, .refuses = true}, {-1, 1, .refuses = true}};
    struct part mixed[] = {{-1, 2, .refuses = true}, {.seconds = -1}};
    struct part answer[] = {{-1, 2, .refuses = true}, {-1, 1, .answer = EIO_APP}};
    bool ended[2];
    for (int is_future = 0; is_future < 2; is_future++) {
        CHECK(cancel_gather(refuse, is_future, 2, ended) == -ECANCELED && ended[0] && ended[1]);
        CHECK(cancel_gather(mixed, is_future, 0, ended) == -ECANCELED && !ended[0] && ended[1]);
        CHECK(cancel_gather(answer, is_future, 1, ended) == EIO_APP && !ended[0] && ended[1]);
    }
    return 0;
}

SCENE(test_scopes_wait_and_as_completed_keep_their_deadlines)
{
    struct part parts[] = {{.seconds = 1}, {.seconds = 5}, {.seconds = 9}};
    rove_future *fs[3], *f;
    rove_time begun = rove_now();
    for (size_t i = 0; i < 3; i++)
        fs[i] = rove_create_task(act, &parts[i]);
    rove_as_completed *it = rove_as_completed_open(3, fs, ROVE_SEC(7));
    CHECK_AT(1, begun, rove_as_completed_next(it, &f), 1);
    CHECK(f == fs[0]);
    CHECK_AT(3, begun, rove_wait(3, fs, ROVE_ALL_COMPLETED, ROVE_SEC(2), NULL), 1);
    CHECK_AT(5, begun, rove_as_completed_next(it, &f), 1);
    CHECK(f == fs[1]);
    CHECK_AT(7, begun, rove_as_completed_next(it, &f), -ETIMEDOUT);
    rove_as_completed_close(it);
    CHECK_AT(9, begun, rove_wait(3, fs, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), 3);
    for (size_t i = 0; i < 3; i++)
        rove_release(fs[i]);
    return 0;
}

enum { CALLS = 12 };

struct calls {
    int seen[CALLS], count;
};

struct call {
    struct calls *calls;
    int number;
};

static void note(void *ctx)
{
    const struct call *call = ctx;
    call->calls->seen[call->calls->count++] = call->number;
}

/* Goal: call-backs run in the order of their times, those of one time in the order of the calls. */
SCENE(test_scopes_callbacks_of_one_time_keep_their_order)
{
    struct calls calls = {.count = 0};
    struct call call[CALLS];
    rove_time when = rove_now() + ROVE_SEC(2);
    for (int i = 0; i < CALLS; i++) { /* the last third first, then the others, at one time */
        call[i] = (struct call){&calls, i};
        rove_time at = i < CALLS / 3 ? when + ROVE_SEC(1) : when;
        rove_handle_release(rove_call_at(at, note, &call[i]));
    }
    CHECK(rove_sleep(ROVE_SEC(10)) == 0);
    CHECK(calls.count == CALLS);
    for (int i = 0; i < CALLS; i++)
        CHECK(calls.seen[i] == (i + CALLS / 3) % CALLS);
    return 0;
}

enum { SLEEPERS = 40 };

/* Goal: nobody wakes early or much too late, whatever the others do. */
static int sleep_at_random(void *arg, void **result)
{
    double s = 1 + rove_sim_random(100);
    rove_time begun = rove_now();
    (void)arg, (void)result;
    CHECK_AT(s, begun, rove_sleep(ROVE_SEC(s)), 0);
    begun = rove_now();
    CHECK_AT(s, begun, rove_sleep_until(begun + ROVE_SEC(s)), 0);
    return 0;
}

SCENE(test_scopes_sleepers_wake_at_their_times)
{
    rove_call sleepers[SLEEPERS];
    for (int i = 0; i < SLEEPERS; i++)
        sleepers[i] = (rove_call){sleep_at_random, NULL};
    return rove_gather_calls(SLEEPERS, sleepers, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scopes_limit_strikes_at_its_time),
        cmocka_unit_test(test_scopes_nested_limits_strike_each_its_block),
        cmocka_unit_test(test_scopes_moved_deadlines_are_obeyed),
        cmocka_unit_test(test_scopes_wait_for_waits_for_the_clean_up),
        cmocka_unit_test(test_scopes_group_ends_when_its_last_child_does),
        cmocka_unit_test(test_scopes_limit_around_a_group),
        cmocka_unit_test(test_scopes_limit_inside_a_group_passes_on_its_end),
        cmocka_unit_test(test_scopes_limit_and_cancellation_at_one_moment),
        cmocka_unit_test(test_scopes_cancellation_outlives_the_error_of_a_child),
        cmocka_unit_test(test_scopes_failure_and_cancellation_at_one_moment),
        cmocka_unit_test(test_scopes_cancelled_gather_ends_with_its_members),
        cmocka_unit_test(test_scopes_wait_and_as_completed_keep_their_deadlines),
        cmocka_unit_test(test_scopes_callbacks_of_one_time_keep_their_order),
        cmocka_unit_test(test_scopes_sleepers_wake_at_their_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
