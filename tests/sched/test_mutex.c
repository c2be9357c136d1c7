// SPDX-License-Identifier: MIT
/*
 * Purpose: the mutex: exclusion, order, hand-over, cancellation, misuse, plain threads.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "core/clock.h"
#include "core/home.h"
#include "core/os.h"
#include "sched/current.h"
#include "sched/mutex.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

struct scene {
    rove_mutex mutex;
    int order[16];
    int count;
    int arrived;
    int rc;
};

static int lock_and_note(void *arg, void **result)
{
    struct scene *s = arg;
    int number = s->arrived++;
    int rc = rove_mutex_lock(&s->mutex);
    if (rc != 0) {
        s->rc = rc;
        return rc;
    }
    s->order[s->count++] = number;
    (void)rove_yield();
    rove_mutex_unlock(&s->mutex);
    *result = s;
    return 0;
}

/* Goal: a free mutex is taken and given without waiting, by try too. */
RV_TASK_TEST(test_mutex_free_lock_succeeds)
{
    rove_mutex m = {0};
    for (int i = 0; i < 3; i++) {
        RV_REQUIRE_EQ(rove_mutex_lock(&m), 0);
        RV_EXPECT_EQ(rove_mutex_trylock(&m), -EAGAIN);
        RV_EXPECT_EQ(rove_mutex_lock(&m), -EDEADLK);
        RV_EXPECT_PTR(rv_mutex_owner(&m), rv_current_task());
        rove_mutex_unlock(&m);
        RV_EXPECT_PTR(rv_mutex_owner(&m), NULL);
        RV_REQUIRE_EQ(rove_mutex_trylock(&m), 0);
        rove_mutex_unlock(&m);
    }
    RV_EXPECT_EQ(rove_mutex_lock(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_mutex_lock_blocking(&m, -1), -EPERM);
    return 0;
}

/* Goal: the order of arrival is the order of service; nobody overtakes, not even a try. */
static int order_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *tasks[8];
    RV_REQUIRE_EQ(rove_mutex_lock(&s.mutex), 0);
    for (int i = 0; i < 8; i++) {
        tasks[i] = rove_create_task(lock_and_note, &s);
    }
    RV_YIELD_UNTIL(s.arrived == 8);
    rove_mutex_unlock(&s.mutex);
    RV_EXPECT_EQ(rove_mutex_trylock(&s.mutex), -EAGAIN);
    RV_EXPECT_PTR(rv_mutex_owner(&s.mutex), tasks[0]);
    RV_REQUIRE_EQ(rove_mutex_lock(&s.mutex), 0);
    RV_EXPECT_EQ(s.count, 8);
    for (int i = 0; i < 8; i++) {
        RV_EXPECT_EQ(s.order[i], i);
        (void)rove_join(tasks[i], NULL);
    }
    rove_mutex_unlock(&s.mutex);
    return 0;
}

static void test_mutex_waiters_are_served_in_order(void **state)
{
    (void)state;
    rv_test_run_on(1, order_body, NULL);
}

/* Goal: a cancelled waiter leaves the line, the others go on, and the mutex ends up free. */
static int cancel_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *tasks[3];
    RV_REQUIRE_EQ(rove_mutex_lock(&s.mutex), 0);
    for (int i = 0; i < 3; i++) {
        tasks[i] = rove_create_task(lock_and_note, &s);
    }
    RV_YIELD_UNTIL(s.arrived == 3);
    RV_EXPECT(rove_cancel(tasks[1]));
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), -ECANCELED);
    RV_EXPECT_EQ(s.rc, -ECANCELED);
    rove_mutex_unlock(&s.mutex);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), 0);
    RV_EXPECT_EQ(rove_join(tasks[2], NULL), 0);
    RV_EXPECT_EQ(s.order[0], 0);
    RV_EXPECT_EQ(s.order[1], 2);
    RV_EXPECT_EQ(rove_mutex_trylock(&s.mutex), 0);
    rove_mutex_unlock(&s.mutex);
    return 0;
}

static void test_mutex_cancelled_waiter_leaves_the_line(void **state)
{
    (void)state;
    rv_test_run_on(1, cancel_body, NULL);
}

/* Goal: a cancelled task does not get the mutex, be it handed over before or after the request; the
 * next one gets it, and nobody's request is lost or told twice. */
static int handover_meets_cancel_body(void *arg, RV_UNUSED void **result)
{
    bool is_before = *(bool *)arg;
    struct scene s = {0};
    rove_task *tasks[2];
    RV_REQUIRE_EQ(rove_mutex_lock(&s.mutex), 0);
    for (int i = 0; i < 2; i++) {
        tasks[i] = rove_create_task(lock_and_note, &s);
    }
    RV_YIELD_UNTIL(s.arrived == 2);
    if (is_before) {
        RV_EXPECT(rove_cancel(tasks[0]));
    }
    rove_mutex_unlock(&s.mutex);
    if (!is_before) {
        RV_EXPECT(rove_cancel(tasks[0]));
    }
    RV_EXPECT_EQ(rove_mutex_trylock(&s.mutex), -EAGAIN);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), -ECANCELED);
    RV_EXPECT_EQ(s.rc, -ECANCELED);
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), 0);
    RV_EXPECT_EQ(s.count, 1);
    RV_EXPECT_EQ(s.order[0], 1);
    RV_EXPECT_EQ(rove_mutex_trylock(&s.mutex), 0);
    rove_mutex_unlock(&s.mutex);
    return 0;
}

static void test_mutex_handover_that_meets_a_cancellation_goes_on(void **state)
{
    (void)state;
    rv_test_run_on(1, handover_meets_cancel_body, &(bool){false});
    rv_test_run_on(1, handover_meets_cancel_body, &(bool){true});
}

struct stress {
    rove_mutex mutex;
    unsigned rounds;
    unsigned long counter; /* plain: the mutex is all that guards it */
    bool is_inside;
};

static bool stress_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    unsigned dice = rv_rand_below(&m->rand, 16);
    int rc;
    if (m->is_task) {
        rc = dice == 0 ? rove_mutex_trylock(&s->mutex) : rove_mutex_lock(&s->mutex);
    } else {
        rc = rove_mutex_lock_blocking(&s->mutex, dice < 4 ? ROVE_US(dice) : ROVE_FOREVER);
    }
    if (rc == 0) {
        RV_EXPECT(!s->is_inside);
        s->is_inside = true;
        s->counter++;
        if (m->is_task && dice < 4) {
            m->cancelled += rove_yield() == -ECANCELED;
        }
        s->is_inside = false;
        rove_mutex_unlock(&s->mutex);
        m->done++;
    } else {
        RV_EXPECT(rc == (m->is_task ? -ECANCELED : -ETIMEDOUT) || rc == -EAGAIN);
    }
    return m->done < s->rounds;
}

/* Goal: exclusion and no lost hand-over under contention, cancellation and timeouts. */
static int stress_body(void *arg, RV_UNUSED void **result)
{
    struct stress s = {.rounds = *(unsigned *)arg * rv_crowd_factor()};
    struct rv_crowd crowd;
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&crowd, 16, 2, stress_step, &s);
    unsigned long sum = rv_crowd_finish(&crowd, &rand);
    RV_EXPECT_EQ(sum, 18ul * s.rounds);
    RV_EXPECT_EQ(s.counter, sum);
    RV_EXPECT_EQ(rove_mutex_trylock(&s.mutex), 0);
    rove_mutex_unlock(&s.mutex);
    return 0;
}

static void test_mutex_stress_excludes_and_loses_nothing(void **state)
{
    (void)state;
    unsigned rounds = 1500;
    rv_test_run(stress_body, &rounds);
    rv_test_run_on(64, stress_body, &rounds);
}

static void *try_in_thread(void *arg)
{
    struct scene *s = arg;
    s->rc = rove_mutex_lock_blocking(&s->mutex, 0);
    return NULL;
}

static int come_home_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    pthread_t visitor;
    unsigned long locks = 0;
    for (; s.mutex.home_ != rv_current_worker(); locks++) {
        RV_REQUIRE_EQ(rove_mutex_lock(&s.mutex), 0);
        rove_mutex_unlock(&s.mutex);
    }
    RV_EXPECT(locks >= RV_HOME_STREAK && locks <= RV_HOME_STREAK + 1);
    RV_REQUIRE_EQ(rove_mutex_lock(&s.mutex), 0);
    RV_EXPECT_EQ(rove_mutex_trylock(&s.mutex), -EAGAIN);
    RV_EXPECT_PTR(rv_mutex_owner(&s.mutex), rv_current_task());
    RV_EXPECT_PTR(s.mutex.home_, rv_current_worker());
    RV_REQUIRE_EQ(pthread_create(&visitor, NULL, try_in_thread, &s), 0);
    pthread_join(visitor, NULL);
    RV_EXPECT_EQ(s.rc, -ETIMEDOUT); /* excluded, and the mutex is at home no more */
    RV_EXPECT(s.mutex.home_ != rv_current_worker());
    rove_mutex_unlock(&s.mutex);
    for (locks = 0; s.mutex.home_ != rv_current_worker(); locks++) {
        RV_REQUIRE_EQ(rove_mutex_lock(&s.mutex), 0);
        rove_mutex_unlock(&s.mutex);
    }
    RV_REQUIRE_EQ(rove_mutex_trylock(&s.mutex), 0);
    RV_EXPECT_EQ(rove_mutex_lock(&s.mutex), -EDEADLK);
    rove_mutex_unlock(&s.mutex);
    return 0;
}

/* Goal: a mutex that one worker uses comes to be at home there, excludes as before, and a visitor
 * ends it. */
static void test_mutex_comes_home_and_excludes_visitors(void **state)
{
    (void)state;
    rv_test_run(come_home_body, NULL);
}

/* In bursts that are long enough to come home; now and then over a suspension. */
static bool burst_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    unsigned locks = m->is_task ? RV_HOME_STREAK + 10 : 1;
    for (unsigned i = 0; i < locks; i++) {
        int rc = m->is_task ? rove_mutex_lock(&s->mutex)
                            : rove_mutex_lock_blocking(&s->mutex, ROVE_FOREVER);
        if (rc != 0) {
            RV_EXPECT_EQ(rc, -ECANCELED);
            continue;
        }
        RV_EXPECT(!s->is_inside);
        s->is_inside = true;
        s->counter++;
        if (m->is_task && rv_rand_below(&m->rand, 1000) == 0) {
            (void)rove_yield();
        }
        s->is_inside = false;
        rove_mutex_unlock(&s->mutex);
        m->done++;
    }
    return m->done < s->rounds;
}

/* Goal: exclusion while homes come and go, with cancellations and plain threads in between. */
static int burst_body(void *arg, RV_UNUSED void **result)
{
    struct stress s = {.rounds = *(unsigned *)arg * rv_crowd_factor()};
    struct rv_crowd crowd;
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&crowd, 4, 1, burst_step, &s);
    unsigned long sum = rv_crowd_finish(&crowd, &rand);
    RV_EXPECT_EQ(s.counter, sum);
    return 0;
}

static void test_mutex_stress_of_bursts_excludes(void **state)
{
    (void)state;
    unsigned rounds = 3000;
    rv_test_run_on(1, burst_body, &rounds);
    rv_test_run_on(2, burst_body, &rounds);
    rv_test_run_on(8, burst_body, &rounds);
}

static void *lock_in_thread(void *arg)
{
    struct scene *s = arg;
    s->rc = rove_mutex_lock_blocking(&s->mutex, ROVE_MS(1));
    return NULL;
}

/* Goal: a plain thread locks, excludes another thread, times out; tasks' calls are refused. */
static void test_mutex_serves_plain_threads(void **state)
{
    (void)state;
    struct scene s = {0};
    pthread_t other;
    assert_int_equal(rove_mutex_lock(&s.mutex), -EPERM);
    assert_int_equal(rove_mutex_trylock(&s.mutex), -EPERM);
    assert_int_equal(rove_mutex_lock_blocking(NULL, 0), -EINVAL);
    assert_int_equal(rove_mutex_lock_blocking(&s.mutex, 0), 0);
    assert_int_equal(rove_mutex_lock_blocking(&s.mutex, 0), -EDEADLK);
    assert_int_equal(pthread_create(&other, NULL, lock_in_thread, &s), 0);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(s.rc, -ETIMEDOUT);
    rove_mutex_unlock(&s.mutex);
    assert_int_equal(rove_mutex_lock_blocking(&s.mutex, -1), 0);
    rove_mutex_unlock(&s.mutex);
}

struct held {
    rove_mutex mutex;
    rove_event is_held, is_seen;
    int tid;
};

static void *hold_in_thread(void *arg)
{
    struct held *h = arg;
    h->tid = (int)rv_os_gettid();
    (void)rove_mutex_lock_blocking(&h->mutex, ROVE_FOREVER);
    rove_event_set(&h->is_held);
    (void)rove_event_wait_blocking(&h->is_seen, ROVE_FOREVER);
    rove_mutex_unlock(&h->mutex);
    return NULL;
}

static int lock_held(void *arg, RV_UNUSED void **result)
{
    struct held *h = arg;
    int rc = rove_mutex_lock(&h->mutex);
    if (rc == 0) {
        rove_mutex_unlock(&h->mutex);
    }
    return rc;
}

/* Does the call graph have these words? */
static bool graph_says(const char *words)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    RV_EXPECT_EQ(rove_print_call_graph(rove_current_runtime(), out), 0);
    (void)fclose(out);
    bool says_so = strstr(text, words) != NULL;
    free(text);
    return says_so;
}

/* Goal: the call graph names a plain thread that holds a mutex, and says for how long. */
RV_TASK_TEST(test_mutex_held_by_a_thread_is_told_in_the_call_graph)
{
    struct held h = {0};
    pthread_t thread;
    char words[64];
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, hold_in_thread, &h), 0);
    RV_REQUIRE_EQ(rove_event_wait(&h.is_held), 0);
    rove_task *t = rove_create_task(lock_held, &h);
    (void)snprintf(words, sizeof words, ", held by thread %d for ", h.tid);
    RV_YIELD_UNTIL(graph_says(words));
    rove_event_set(&h.is_seen);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    pthread_join(thread, NULL);
    return 0;
}

/* Goal: unlocking a free mutex stops the program. Method: in a child process. */
static void test_mutex_unlock_of_a_free_one_stops_the_program(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        rove_mutex m = {0};
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(3);
        }
        rove_mutex_unlock(&m);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void count_errors(void *ctx, int level, const char *message)
{
    if (level <= LOG_ERR && strstr(message, "unlocked by another") != NULL) {
        ++*(int *)ctx;
    }
}

static int unlock_anothers(void *arg, RV_UNUSED void **result)
{
    rove_mutex_unlock(arg);
    return 0;
}

static int wrong_unlock_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_mutex m = {0};
    RV_REQUIRE_EQ(rove_mutex_lock(&m), 0);
    return rove_join(rove_create_task(unlock_anothers, &m), NULL);
}

/* Goal: debug mode reports the unlock by another task. */
static void test_mutex_unlock_by_another_is_reported_in_debug_mode(void **state)
{
    (void)state;
    int errors = 0;
    rove_options options = {.workers = 1, .debug = true, .log = count_errors, .log_ctx = &errors};
    assert_int_equal(rove_run_with(&options, wrong_unlock_body, NULL, NULL), 0);
    rv_test_settle();
    assert_int_equal(errors, 1);
}

static RV_ATOMIC(int64_t) clock_ahead_ns;

static int64_t clock_ahead(void)
{
    return rv_os_clock_ns() + rv_load_relaxed(&clock_ahead_ns);
}

static void count_warnings(void *ctx, int level, const char *message)
{
    if (level <= LOG_WARNING && strstr(message, "was held for") != NULL) {
        ++*(int *)ctx;
    }
}

static int hold_long_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_mutex m = {0};
    RV_REQUIRE_EQ(rove_mutex_lock(&m), 0);
    rove_mutex_unlock(&m);
    RV_REQUIRE_EQ(rove_mutex_lock(&m), 0);
    (void)rv_fetch_add_relaxed(&clock_ahead_ns, ROVE_SEC(2));
    rove_mutex_unlock(&m);
    return 0;
}

/* Goal: debug mode reports who held a mutex for seconds, once. Method: the clock is set ahead. */
static void test_mutex_held_for_long_is_reported_in_debug_mode(void **state)
{
    (void)state;
    int warnings = 0;
    rove_options options = {
        .workers = 1, .debug = true, .log = count_warnings, .log_ctx = &warnings};
    rv_clock_set_source(clock_ahead);
    int rc = rove_run_with(&options, hold_long_body, NULL, NULL);
    rv_clock_set_source(NULL);
    assert_int_equal(rc, 0);
    rv_test_settle();
    assert_int_equal(warnings, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutex_free_lock_succeeds),
        cmocka_unit_test(test_mutex_waiters_are_served_in_order),
        cmocka_unit_test(test_mutex_cancelled_waiter_leaves_the_line),
        cmocka_unit_test(test_mutex_handover_that_meets_a_cancellation_goes_on),
        cmocka_unit_test(test_mutex_stress_excludes_and_loses_nothing),
        cmocka_unit_test(test_mutex_comes_home_and_excludes_visitors),
        cmocka_unit_test(test_mutex_stress_of_bursts_excludes),
        cmocka_unit_test(test_mutex_serves_plain_threads),
        cmocka_unit_test(test_mutex_held_by_a_thread_is_told_in_the_call_graph),
        cmocka_unit_test(test_mutex_unlock_of_a_free_one_stops_the_program),
        cmocka_unit_test(test_mutex_unlock_by_another_is_reported_in_debug_mode),
        cmocka_unit_test(test_mutex_held_for_long_is_reported_in_debug_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
