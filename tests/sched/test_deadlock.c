// SPDX-License-Identifier: MIT
/*
 * Purpose: a runtime in which every task waits for another is noticed, one that waits for anything
 *          else is not.
 * Idea:    what must not be taken for a deadlock lasts longer than the confirmation of one takes,
 *          or until the library says that it has looked and counts on another thread.
 */
#include "support/fixture.h"
#include "support/journal.h"

#include "core/os.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#define LONGER_NS (INT64_C(60) * 1000000) /* than twice RV_DEADLOCK_CONFIRM_NS */

static struct rv_journal journal;

static int run_on(unsigned workers, rove_coro *body, void *arg)
{
    rove_options options = {.workers = workers, .deadlock_error = true};
    rv_journal_open(&journal, &options);
    int rc = rove_run_with(&options, body, arg, NULL);
    rv_test_settle();
    return rc;
}

static int waits_for_ever(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_event never = {0};
    int rc = rove_event_wait(&never);
    RV_EXPECT_EQ(rc, -ECANCELED);
    return rc;
}

static void test_deadlock_lone_task_ends_the_run(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        assert_int_equal(run_on(workers, waits_for_ever, NULL), -EDEADLK);
        assert_int_equal(rv_journal_count(&journal, "every task waits"), 1);
        assert_int_equal(rv_journal_count(&journal, "task-1 has waited for an event"), 1);
    }
}

struct circle {
    rove_task *a, *b;
    rove_event is_closed;
};

static int awaits_b(void *arg, RV_UNUSED void **result)
{
    struct circle *c = arg;
    int rc = rove_event_wait(&c->is_closed);
    return rc < 0 ? rc : rove_await(c->b, NULL);
}

static int awaits_a(void *arg, RV_UNUSED void **result)
{
    struct circle *c = arg;
    return rove_await(c->a, NULL);
}

static int makes_circle(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct circle c = {0};
    c.a = rove_create_task_with(&(rove_task_options){.name = "alice"}, awaits_b, &c);
    c.b = rove_create_task_with(&(rove_task_options){.name = "bob"}, awaits_a, &c);
    rove_event_set(&c.is_closed);
    int rc = rove_await(c.a, NULL);
    RV_EXPECT_EQ(rove_await(c.b, NULL), -ECANCELED);
    rove_release(c.a);
    rove_release(c.b);
    return rc;
}

static void test_deadlock_circle_is_shown_and_ends_the_run(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        assert_int_equal(run_on(workers, makes_circle, NULL), -EDEADLK);
        assert_int_equal(rv_journal_count(&journal, "(a circle: see above)"), 1);
        assert_int_equal(rv_journal_count(&journal, "alice has waited for a future"), 2);
    }
}

/* Waits again after each cancellation, three times. */
static int waits_again(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_event never = {0};
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(rove_event_wait(&never), -ECANCELED);
    return 0;
}

static void test_deadlock_that_comes_again_is_ended_again(RV_UNUSED void **state)
{
    assert_int_equal(run_on(2, waits_again, NULL), -EDEADLK);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 1);
}

static int waits_for_event(void *arg, RV_UNUSED void **result)
{
    return rove_event_wait(arg);
}

static int sleeps(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_event e = {0};
    rove_task *t = rove_create_task(waits_for_event, &e);
    RV_REQUIRE_EQ(rove_sleep(LONGER_NS), 0); /* a timer is what this is about */
    rove_event_set(&e);
    return rove_join(t, NULL);
}

static void test_deadlock_is_none_while_a_timer_is_armed(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    assert_int_equal(run_on(workers, sleeps, NULL), 0);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 0);
}

static int computes(void *arg, RV_UNUSED void **result)
{
    int64_t until = rv_os_clock_ns() + LONGER_NS;
    while (rv_os_clock_ns() < until)
        rv_os_sched_yield();
    rove_event_set(arg);
    return 0;
}

static int computes_elsewhere(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_event e = {0};
    rove_task *t = rove_create_task(waits_for_event, &e);
    RV_EXPECT_EQ(rove_to_thread(computes, &e, NULL), 0);
    return rove_join(t, NULL);
}

static void test_deadlock_is_none_while_a_pool_thread_works(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    assert_int_equal(run_on(workers, computes_elsewhere, NULL), 0);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 0);
}

static int computes_here(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_event e = {0};
    rove_task *t = rove_create_task(waits_for_event, &e);
    computes(&e, NULL);
    return rove_join(t, NULL);
}

static void test_deadlock_is_none_while_a_task_runs(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    assert_int_equal(run_on(workers, computes_here, NULL), 0);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 0);
}

static void *writes_late(void *arg)
{
    const int *fd = arg;
    rove_event ignored = {0};
    computes(&ignored, NULL);
    return (void *)(intptr_t)write(*fd, "x", 1);
}

static int reads(void *arg, RV_UNUSED void **result)
{
    char c;
    const int *fd = arg;
    return rove_read(*fd, &c, 1) == 1 ? 0 : RV_TEST_FAILED;
}

static int reads_what_comes_late(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int fds[2];
    pthread_t thread;
    RV_REQUIRE_EQ(pipe(fds), 0);
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, writes_late, &fds[1]), 0);
    RV_EXPECT_EQ(rove_join(rove_create_task(reads, &fds[0]), NULL), 0);
    pthread_join(thread, NULL);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    return 0;
}

static void test_deadlock_is_none_while_io_is_awaited(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    assert_int_equal(run_on(workers, reads_what_comes_late, NULL), 0);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 0);
}

static void set_event(void *ctx, const char *line)
{
    if (strstr(line, "every task waits") != NULL)
        rove_event_set(ctx);
}

/* Debug mode only tells; whoever can may still wake a task. */
static void test_deadlock_in_debug_mode_is_only_told(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        rove_event e = {0};
        rove_options options = {.workers = workers, .debug = true};
        rv_journal_open(&journal, &options);
        journal.on_line = set_event;
        journal.ctx = &e;
        assert_int_equal(rove_run_with(&options, waits_for_event, &e, NULL), 0);
        assert_int_equal(rv_journal_count(&journal, "every task waits"), 1);
    }
}

struct pair {
    rove_future *first, *second;
};

static int sets_second_after_first(void *arg, RV_UNUSED void **result)
{
    struct pair *p = arg;
    int rc = rove_await(p->first, NULL);
    return rc < 0 ? rc : rove_set_result(p->second, NULL);
}

static int does_nothing(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

/* The future that main awaits would be set by a task that awaits one nobody else knows. */
static int awaits_what_a_waiter_would_set(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct pair p = {rove_create_future(), rove_create_future()};
    RV_EXPECT_EQ(rove_to_thread(does_nothing, NULL, NULL), 0); /* its thread idles from now on */
    rove_task *t = rove_create_task(sets_second_after_first, &p);
    int rc = rove_await(p.second, NULL);
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    rove_release(p.first);
    rove_release(p.second);
    return rc;
}

static void test_deadlock_of_hand_set_futures_beside_idle_threads(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    assert_int_equal(run_on(workers, awaits_what_a_waiter_would_set, NULL), -EDEADLK);
}

/* A plain thread that does `act` when the runtime has noticed that it could. */
struct thread {
    pthread_t id;
    sem_t is_noticed;
    void (*act)(struct thread *t);
    rove_future *future;
    rove_event event;
};

static void notice(void *ctx, const char *line)
{
    struct thread *t = ctx;
    if (strstr(line, "another thread could wake one") != NULL)
        sem_post(&t->is_noticed);
}

static void *run_thread(void *arg)
{
    struct thread *t = arg;
    while (sem_wait(&t->is_noticed) != 0) {
    }
    t->act(t);
    return NULL;
}

static int run_beside(struct thread *t, unsigned workers, rove_coro *body)
{
    rove_options options = {.workers = workers, .deadlock_error = true, .debug = true};
    rv_journal_open(&journal, &options);
    journal.on_line = notice;
    journal.ctx = t;
    sem_init(&t->is_noticed, 0, 0);
    assert_int_equal(pthread_create(&t->id, NULL, run_thread, t), 0);
    int rc = rove_run_with(&options, body, t, NULL);
    sem_post(&t->is_noticed); /* if it was not needed */
    pthread_join(t->id, NULL);
    sem_destroy(&t->is_noticed);
    rv_test_settle();
    return rc;
}

static void sets_future(struct thread *t)
{
    RV_EXPECT_EQ(rove_set_result(t->future, NULL), 0);
}

static int awaits_future(void *arg, RV_UNUSED void **result)
{
    struct thread *t = arg;
    t->future = rove_create_future(); /* the only reference; the thread borrows it */
    int rc = rove_await(t->future, NULL);
    rove_release(t->future);
    return rc;
}

static void test_deadlock_is_none_while_a_thread_may_set_the_future(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        struct thread t = {.act = sets_future};
        assert_int_equal(run_beside(&t, workers, awaits_future), 0);
        assert_int_equal(rv_journal_count(&journal, "another thread could wake one"), 1);
        assert_int_equal(rv_journal_count(&journal, "every task waits"), 0);
    }
}

static void just_ends(RV_UNUSED struct thread *t)
{
}

static void test_deadlock_is_found_when_the_last_other_thread_has_ended(RV_UNUSED void **state)
{
    struct thread t = {.act = just_ends};
    assert_int_equal(run_beside(&t, 2, awaits_future), -EDEADLK);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 1);
}

static void waits_blocking(struct thread *t)
{
    RV_EXPECT_EQ(rove_event_wait_blocking(&t->event, ROVE_FOREVER), 0);
}

static int awaits_future_then_frees_thread(void *arg, void **result)
{
    struct thread *t = arg;
    int rc = awaits_future(arg, result);
    rove_event_set(&t->event);
    return rc;
}

/* Goal: a thread that itself waits for the runtime wakes nobody. */
static void test_deadlock_is_found_beside_a_thread_that_waits_too(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        struct thread t = {.act = waits_blocking};
        assert_int_equal(run_beside(&t, workers, awaits_future_then_frees_thread), -EDEADLK);
    }
}

struct eater {
    rove_mutex *first, *second;
    rove_barrier *start;
};

static int eats(void *arg, RV_UNUSED void **result)
{
    const struct eater *e = arg;
    int rc = rove_mutex_lock(e->first);
    if (rc < 0)
        return rc;
    RV_EXPECT(rove_barrier_wait(e->start) >= 0);
    rc = rove_mutex_lock(e->second); /* the other one holds it */
    if (rc == 0)
        rove_mutex_unlock(e->second);
    rove_mutex_unlock(e->first);
    return rc;
}

static int gathers_eaters(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_mutex fork = {0};
    rove_mutex knife = {0};
    rove_barrier start;
    rove_barrier_init(&start, 2);
    struct eater a = {&fork, &knife, &start};
    struct eater b = {&knife, &fork, &start};
    const rove_call calls[] = {{eats, &a}, {eats, &b}};
    return rove_gather_calls(2, calls, NULL);
}

/* Goal: of tasks that wait for each other only, no thread is expected to wake one. */
static void test_deadlock_of_a_circle_is_found_beside_any_thread(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        struct thread t = {.act = just_ends};
        assert_int_equal(run_beside(&t, workers, makes_circle), -EDEADLK);
        assert_int_equal(rv_journal_count(&journal, "(a circle: see above)"), 1);
        assert_int_equal(run_beside(&t, workers, gathers_eaters), -EDEADLK);
        assert_int_equal(rv_journal_count(&journal, "another thread could wake one"), 0);
    }
}

struct side {
    struct rv_journal journal;
    pthread_t thread;
    int rc;
};

static void *runs_into_it(void *arg)
{
    struct side *s = arg;
    rove_options options = {.workers = 2, .deadlock_error = true};
    rv_journal_open(&s->journal, &options);
    s->rc = rove_run_with(&options, waits_for_ever, NULL, NULL);
    return NULL;
}

/* Goal: two runtimes wait for ever, and the thread that made them for their ends. */
static void test_deadlock_is_found_in_runtimes_side_by_side(RV_UNUSED void **state)
{
    static struct side sides[2];
    if (access("/proc/self/syscall", R_OK) != 0)
        skip(); /* a kernel that does not say who joins whom */
    memset(sides, 0, sizeof sides);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&sides[i].thread, NULL, runs_into_it, &sides[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(sides[i].thread, NULL);
        assert_int_equal(sides[i].rc, -EDEADLK);
    }
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadlock_lone_task_ends_the_run),
        cmocka_unit_test(test_deadlock_circle_is_shown_and_ends_the_run),
        cmocka_unit_test(test_deadlock_that_comes_again_is_ended_again),
        cmocka_unit_test(test_deadlock_is_none_while_a_timer_is_armed),
        cmocka_unit_test(test_deadlock_is_none_while_a_pool_thread_works),
        cmocka_unit_test(test_deadlock_is_none_while_a_task_runs),
        cmocka_unit_test(test_deadlock_is_none_while_io_is_awaited),
        cmocka_unit_test(test_deadlock_in_debug_mode_is_only_told),
        cmocka_unit_test(test_deadlock_of_hand_set_futures_beside_idle_threads),
        cmocka_unit_test(test_deadlock_is_none_while_a_thread_may_set_the_future),
        cmocka_unit_test(test_deadlock_is_found_when_the_last_other_thread_has_ended),
        cmocka_unit_test(test_deadlock_is_found_beside_a_thread_that_waits_too),
        cmocka_unit_test(test_deadlock_of_a_circle_is_found_beside_any_thread),
        cmocka_unit_test(test_deadlock_is_found_in_runtimes_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
