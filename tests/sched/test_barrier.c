// SPDX-License-Identifier: MIT
/*
 * Purpose: the barrier: rounds, numbers, reset, abort, cancellation.
 */
#include "support/crowd.h"
#include "support/fixture.h"

struct scene {
    rove_barrier barrier;
    int rc[8];
    int arrived;
};

static int wait_and_note(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int number = s->arrived++;
    s->rc[number] = rove_barrier_wait(&s->barrier);
    return s->rc[number] < 0 ? s->rc[number] : 0;
}

static void start(struct scene *s, rove_task *tasks[], int n)
{
    s->arrived = 0;
    for (int i = 0; i < n; i++) {
        tasks[i] = rove_create_task(wait_and_note, s);
    }
    RV_YIELD_UNTIL(s->arrived == n);
}

/* Goal: one party never waits; none is refused. */
RV_TASK_TEST(test_barrier_of_one_party_lets_pass)
{
    rove_barrier b = {0};
    RV_EXPECT_EQ(rove_barrier_wait(&b), -EINVAL);
    RV_EXPECT_EQ(rove_barrier_wait(NULL), -EINVAL);
    rove_barrier_init(&b, 1);
    RV_EXPECT_EQ(rove_barrier_wait(&b), 0);
    RV_EXPECT_EQ(rove_barrier_wait(&b), 0);
    rove_barrier_abort(&b);
    RV_EXPECT_EQ(rove_barrier_wait(&b), -EPIPE);
    rove_barrier_reset(&b);
    RV_EXPECT_EQ(rove_barrier_wait(&b), 0);
    RV_EXPECT_EQ(rove_barrier_wait_blocking(&b, 0), -EPERM);
    return 0;
}

/* Goal: all go on when the last comes, numbered in order of arrival, round after round. */
static int rounds_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *tasks[4];
    rove_barrier_init(&s.barrier, 5);
    for (int round = 0; round < 3; round++) {
        start(&s, tasks, 4);
        RV_EXPECT(!rove_done(tasks[0]));
        RV_EXPECT_EQ(rove_barrier_wait(&s.barrier), 4);
        for (int i = 0; i < 4; i++) {
            RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
            RV_EXPECT_EQ(s.rc[i], i);
        }
    }
    return 0;
}

static void test_barrier_round_ends_with_the_last(void **state)
{
    (void)state;
    rv_test_run_on(1, rounds_body, NULL);
}

/* Goal: reset throws out who waits and starts afresh; abort stays broken until a reset. */
static int reset_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *tasks[2];
    rove_barrier_init(&s.barrier, 3);
    for (int is_abort = 0; is_abort < 2; is_abort++) {
        start(&s, tasks, 2);
        if (is_abort) {
            rove_barrier_abort(&s.barrier);
            RV_EXPECT_EQ(rove_barrier_wait(&s.barrier), -EPIPE);
        }
        rove_barrier_reset(&s.barrier);
        for (int i = 0; i < 2; i++) {
            RV_EXPECT_EQ(rove_join(tasks[i], NULL), -EPIPE);
        }
        start(&s, tasks, 2);
        RV_EXPECT_EQ(rove_barrier_wait(&s.barrier), 2);
        for (int i = 0; i < 2; i++) {
            RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
        }
    }
    return 0;
}

static void test_barrier_reset_and_abort_break_the_round(void **state)
{
    (void)state;
    rv_test_run_on(1, reset_body, NULL);
}

/* Goal: a cancelled waiter leaves; the round still needs as many as before. */
static int cancel_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *tasks[2];
    rove_task *more[1];
    rove_barrier_init(&s.barrier, 3);
    start(&s, tasks, 2);
    RV_EXPECT(rove_cancel(tasks[0]));
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), -ECANCELED);
    start(&s, more, 1);
    RV_EXPECT(!rove_done(tasks[1]) && !rove_done(more[0]));
    RV_EXPECT_EQ(rove_barrier_wait(&s.barrier), 2);
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), 0);
    RV_EXPECT_EQ(rove_join(more[0], NULL), 0);
    return 0;
}

static void test_barrier_cancelled_waiter_does_not_count(void **state)
{
    (void)state;
    rv_test_run_on(1, cancel_body, NULL);
}

enum { PARTIES = 6 };

struct stress {
    rove_barrier barrier;
    unsigned rounds;
    RV_ATOMIC(unsigned) reached[PARTIES];
};

/* One more round; nobody may be more than one round away from anybody. */
static bool stress_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    int rc = m->is_task ? rove_barrier_wait(&s->barrier)
                        : rove_barrier_wait_blocking(&s->barrier, ROVE_US(m->idx));
    if (rc < 0) {
        RV_EXPECT_EQ(rc, m->is_task ? -ECANCELED : -ETIMEDOUT);
        return true;
    }
    RV_EXPECT(rc < PARTIES);
    m->done++;
    rv_store_relaxed(&s->reached[m->idx], m->done);
    for (unsigned i = 0; i < PARTIES; i++) {
        unsigned other = rv_load_relaxed(&s->reached[i]);
        RV_EXPECT(other + 1 >= m->done && other <= m->done + 1);
    }
    return m->done < s->rounds;
}

/* Goal: rounds stay rounds with members that are cancelled and threads that time out. */
static int stress_body(void *arg, RV_UNUSED void **result)
{
    struct stress s = {.rounds = *(unsigned *)arg * rv_crowd_factor()};
    struct rv_crowd crowd;
    struct rv_rand rand;
    rove_barrier_init(&s.barrier, PARTIES);
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&crowd, PARTIES - 1, 1, stress_step, &s);
    RV_EXPECT_EQ(rv_crowd_finish(&crowd, &rand), (unsigned long)PARTIES * s.rounds);
    return 0;
}

static void test_barrier_stress_keeps_rounds_apart(void **state)
{
    (void)state;
    unsigned rounds = 200;
    rv_test_run(stress_body, &rounds);
    rv_test_run_on(64, stress_body, &rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_barrier_of_one_party_lets_pass),
        cmocka_unit_test(test_barrier_round_ends_with_the_last),
        cmocka_unit_test(test_barrier_reset_and_abort_break_the_round),
        cmocka_unit_test(test_barrier_cancelled_waiter_does_not_count),
        cmocka_unit_test(test_barrier_stress_keeps_rounds_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
