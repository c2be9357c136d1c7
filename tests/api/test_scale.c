// SPDX-License-Identifier: MIT
/*
 * Purpose: much of everything: submissions from many threads, runtimes started and stopped by the
 *          thousand and side by side, hundreds of blocking jobs at once.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "sched/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

enum {
    IS_SLOW = RV_ASAN || RV_TSAN,
    SUBMITTERS = 8,
    SUBMISSIONS = IS_SLOW ? 2000 : 100000,
    WINDOW = 100, /* tasks of one thread that live at a time */
    LIVES = IS_SLOW ? 100 : 1000,
    JOBS = 300
};

struct submitter {
    rove_runtime *runtime;
    pthread_t thread;
    RV_ATOMIC(uint64_t) sum;
    uint64_t answered;
};

struct submission {
    struct submitter *from;
    uint64_t number;
};

static int add_number(void *arg, void **result)
{
    struct submission *s = arg;
    (void)rv_fetch_add_relaxed(&s->from->sum, s->number);
    *result = s;
    return s->number % 7 == 0 ? rove_yield() : 0;
}

static void *submit_window_by_window(void *arg)
{
    struct submitter *self = arg;
    struct submission submissions[WINDOW];
    rove_task *ts[WINDOW];
    for (size_t begun = 0; begun < SUBMISSIONS; begun += WINDOW) {
        for (size_t i = 0; i < WINDOW; i++) {
            submissions[i] = (struct submission){self, begun + i};
            ts[i] = rove_submit(self->runtime, add_number, &submissions[i]);
        }
        for (size_t i = 0; i < WINDOW; i++) {
            void *value = NULL;
            RV_EXPECT_EQ(rove_wait_blocking(ts[i], ROVE_FOREVER, &value), 0);
            self->answered += value == &submissions[i];
            rove_release(ts[i]);
        }
    }
    return NULL;
}

/* Goal: run_coroutine_threadsafe from 8 threads, 100,000 times each: all run, each once, and each
 * thread gets its own answers. */
static void test_scale_submissions_of_many_threads_are_all_answered(void **state)
{
    (void)state;
    static struct submitter submitters[SUBMITTERS];
    rove_runtime *runtime = NULL;
    assert_int_equal(rove_runtime_start(&(rove_options){.workers = 2}, &runtime), 0);
    for (size_t i = 0; i < SUBMITTERS; i++) {
        submitters[i] = (struct submitter){.runtime = runtime};
        assert_int_equal(pthread_create(&submitters[i].thread, NULL, submit_window_by_window,
                                        &submitters[i]), 0);
    }
    const uint64_t n = SUBMISSIONS;
    for (size_t i = 0; i < SUBMITTERS; i++) {
        pthread_join(submitters[i].thread, NULL);
        assert_int_equal(submitters[i].answered, n);
        assert_int_equal(rv_load_relaxed(&submitters[i].sum), n * (n - 1) / 2);
    }
    assert_int_equal(rove_runtime_stop(runtime, ROVE_FOREVER), 0);
    rv_test_settle();
}

static int answer(void *arg, void **result)
{
    *result = arg;
    return rove_yield();
}

/* Goal: a thousand lives of a runtime, of every kind of end; no descriptor or thread is left. */
static void test_scale_start_and_stop_a_thousand_times(void **state)
{
    (void)state;
    struct rv_test_usage before;
    rv_test_usage_read(&before);
    for (unsigned life = 0; life < LIVES; life++) {
        const rove_options options = {.workers = 1 + life % 3};
        rove_runtime *runtime = NULL;
        void *value = NULL;
        assert_int_equal(rove_runtime_start(&options, &runtime), 0);
        rove_task *t = life % 4 == 0 ? NULL : rove_submit(runtime, answer, &value);
        if (life % 4 == 1)
            assert_int_equal(rove_wait_blocking(t, ROVE_FOREVER, &value), 0);
        assert_int_equal(rove_runtime_stop(runtime, life % 2 == 0 ? 0 : ROVE_FOREVER), 0);
        if (t != NULL) { /* whatever became of it, it is over */
            assert_true(rove_done(t));
            int rc = rove_result(t, &value);
            assert_true(rc == 0 || rc == -ECANCELED);
            assert_true(rc != 0 || value == &value);
        }
        rove_release(t);
    }
    rv_test_usage_check(&before);
}

enum { SIDES = 6, VOLLEYS = IS_SLOW ? 100 : 2000 };

/* A table with a future for each volley; player i sets those of its turn, awaits the others. */
struct table {
    rove_future *ball[VOLLEYS];
    RV_ATOMIC(unsigned) players;
};

struct player {
    struct table *table;
    unsigned seat;
    pthread_t thread;
    int rc;
};

static int play(void *arg, RV_UNUSED void **result)
{
    const struct player *p = arg;
    for (unsigned i = 0; i < VOLLEYS; i++) {
        rove_future *ball = p->table->ball[i];
        void *value = NULL;
        if (i % SIDES == p->seat)
            RV_REQUIRE_EQ(rove_set_result(ball, ball), 0);
        RV_REQUIRE_EQ(rove_await(ball, &value), 0);
        RV_REQUIRE_PTR(value, ball);
        if (i % 16 == 0)
            RV_REQUIRE_EQ(rove_yield(), 0);
    }
    return 0;
}

static void *run_player(void *arg)
{
    struct player *p = arg;
    p->rc = rove_run_with(&(rove_options){.workers = 1 + p->seat % 2}, play, p, NULL);
    return NULL;
}

/* Goal: six runtimes at once, each in its own thread's rove_run, that wait for each other's tasks
 * through futures, which belong to none. */
static void test_scale_runtimes_side_by_side_wait_for_each_other(void **state)
{
    (void)state;
    static struct table table;
    struct player players[SIDES];
    for (unsigned i = 0; i < VOLLEYS; i++)
        table.ball[i] = rove_create_future();
    for (unsigned i = 0; i < SIDES; i++) {
        players[i] = (struct player){.table = &table, .seat = i};
        assert_int_equal(pthread_create(&players[i].thread, NULL, run_player, &players[i]), 0);
    }
    for (unsigned i = 0; i < SIDES; i++) {
        pthread_join(players[i].thread, NULL);
        assert_int_equal(players[i].rc, 0);
    }
    for (unsigned i = 0; i < VOLLEYS; i++)
        rove_release(table.ball[i]);
    rv_test_settle();
}

struct jobs {
    sem_t open;
    RV_ATOMIC(unsigned) inside;
};

static int wait_inside(void *arg, RV_UNUSED void **result)
{
    struct jobs *j = arg;
    (void)rv_fetch_add_relaxed(&j->inside, 1u);
    while (sem_wait(&j->open) != 0) {
    }
    return 0;
}

static int to_thread(void *arg, RV_UNUSED void **result)
{
    return rove_to_thread(wait_inside, arg, NULL);
}

static uint64_t pool_threads(void)
{
    rove_metrics *m = malloc(sizeof *m);
    uint64_t threads = rove_metrics_read(rove_current_runtime(), m) == 0 ? m->threads : 0;
    free(m);
    return threads;
}

/* Goal: hundreds of jobs that block at once have a thread each; the pool grows to that, within its
 * limit, and shrinks to nothing when its threads have been idle long enough, while it lives. */
RV_TASK_TEST(test_scale_hundreds_of_blocking_jobs_run_at_once)
{
    struct jobs j = {.inside = 0};
    rove_task *ts[JOBS];
    sem_init(&j.open, 0, 0);
    rv_pool_set_idle_ns(ROVE_MS(1));
    RV_EXPECT_EQ(pool_threads(), 0);
    for (int round = 0; round < 2; round++) {
        rv_store_relaxed(&j.inside, 0);
        for (size_t i = 0; i < JOBS; i++)
            ts[i] = rove_create_task(to_thread, &j);
        RV_YIELD_UNTIL(rv_load_relaxed(&j.inside) == JOBS);
        RV_EXPECT(pool_threads() >= JOBS && pool_threads() <= 512);
        for (size_t i = 0; i < JOBS; i++)
            sem_post(&j.open);
        for (size_t i = 0; i < JOBS; i++)
            RV_EXPECT_EQ(rove_join(ts[i], NULL), 0);
        RV_YIELD_UNTIL(pool_threads() == 0);
    }
    sem_destroy(&j.open);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale_submissions_of_many_threads_are_all_answered),
        cmocka_unit_test(test_scale_start_and_stop_a_thousand_times),
        cmocka_unit_test(test_scale_runtimes_side_by_side_wait_for_each_other),
        cmocka_unit_test(test_scale_hundreds_of_blocking_jobs_run_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
