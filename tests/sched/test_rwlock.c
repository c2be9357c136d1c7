// SPDX-License-Identifier: MIT
/*
 * Purpose: the reader-writer lock: sharing, exclusion, writers first, cancellation.
 */
#include "support/crowd.h"
#include "support/fixture.h"

/* Goal: many readers, or one writer. */
RV_TASK_TEST(test_rwlock_readers_share_and_a_writer_excludes)
{
    rove_rwlock l = {0};
    RV_EXPECT_EQ(rove_rwlock_rdlock(&l), 0);
    RV_EXPECT_EQ(rove_rwlock_tryrdlock(&l), 0);
    RV_EXPECT_EQ(rove_rwlock_trywrlock(&l), -EAGAIN);
    rove_rwlock_unlock(&l);
    RV_EXPECT_EQ(rove_rwlock_trywrlock(&l), -EAGAIN);
    rove_rwlock_unlock(&l);
    RV_EXPECT_EQ(rove_rwlock_wrlock(&l), 0);
    RV_EXPECT_EQ(rove_rwlock_tryrdlock(&l), -EAGAIN);
    RV_EXPECT_EQ(rove_rwlock_trywrlock(&l), -EAGAIN);
    RV_EXPECT_EQ(rove_rwlock_rdlock(&l), -EDEADLK);
    RV_EXPECT_EQ(rove_rwlock_wrlock(&l), -EDEADLK);
    rove_rwlock_unlock(&l);
    RV_EXPECT_EQ(rove_rwlock_trywrlock(&l), 0);
    rove_rwlock_unlock(&l);
    RV_EXPECT_EQ(rove_rwlock_rdlock(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_rwlock_rdlock_blocking(&l, 0), -EPERM);
    RV_EXPECT_EQ(rove_rwlock_wrlock_blocking(&l, 0), -EPERM);
    return 0;
}

struct scene {
    rove_rwlock lock;
    char order[16];
    int arrived, count;
};

static int hold(struct scene *s, char name, bool is_writer)
{
    s->arrived++;
    int rc = is_writer ? rove_rwlock_wrlock(&s->lock) : rove_rwlock_rdlock(&s->lock);
    if (rc == 0) {
        s->order[s->count++] = name;
        (void)rove_yield();
        rove_rwlock_unlock(&s->lock);
    }
    return rc;
}

static int read_it(void *arg, RV_UNUSED void **result)
{
    return hold(arg, 'r', false);
}

static int write_it(void *arg, RV_UNUSED void **result)
{
    return hold(arg, 'W', true);
}

/* Goal: writers that wait go before readers that wait, even readers that came first. */
static int preference_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_coro *const kinds[] = {read_it, write_it, read_it, write_it};
    rove_task *tasks[4];
    RV_REQUIRE_EQ(rove_rwlock_wrlock(&s.lock), 0);
    for (int i = 0; i < 4; i++) {
        tasks[i] = rove_create_task(kinds[i], &s);
        RV_YIELD_UNTIL(s.arrived == i + 1);
    }
    rove_rwlock_unlock(&s.lock);
    for (int i = 0; i < 4; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    RV_EXPECT_STR(s.order, "WWrr");
    RV_EXPECT_EQ(rove_rwlock_trywrlock(&s.lock), 0);
    rove_rwlock_unlock(&s.lock);
    return 0;
}

static void test_rwlock_waiting_writers_go_first(void **state)
{
    (void)state;
    rv_test_run_on(1, preference_body, NULL);
}

/* Goal: a waiting writer keeps new readers out; when it is cancelled, they come in. */
static int cancelled_writer_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    RV_REQUIRE_EQ(rove_rwlock_rdlock(&s.lock), 0);
    rove_task *writer = rove_create_task(write_it, &s);
    RV_YIELD_UNTIL(s.arrived == 1);
    RV_EXPECT_EQ(rove_rwlock_tryrdlock(&s.lock), -EAGAIN);
    rove_task *reader = rove_create_task(read_it, &s);
    RV_YIELD_UNTIL(s.arrived == 2);
    RV_EXPECT_EQ(s.count, 0);
    RV_EXPECT(rove_cancel(writer));
    RV_EXPECT_EQ(rove_join(writer, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_join(reader, NULL), 0);
    RV_EXPECT_STR(s.order, "r");
    rove_rwlock_unlock(&s.lock);
    RV_EXPECT_EQ(rove_rwlock_trywrlock(&s.lock), 0);
    rove_rwlock_unlock(&s.lock);
    return 0;
}

static void test_rwlock_cancelled_writer_lets_readers_in(void **state)
{
    (void)state;
    rv_test_run_on(1, cancelled_writer_body, NULL);
}

struct stress {
    rove_rwlock lock;
    unsigned rounds;
    unsigned long counter; /* written by writers only */
    RV_ATOMIC(unsigned) readers, writers;
};

static int stress_lock(struct rv_member *m, struct stress *s, bool is_writer, unsigned dice)
{
    if (m->is_task) {
        return is_writer ? rove_rwlock_wrlock(&s->lock) : rove_rwlock_rdlock(&s->lock);
    }
    rove_duration timeout = dice < 4 ? ROVE_US(dice) : ROVE_FOREVER;
    return is_writer ? rove_rwlock_wrlock_blocking(&s->lock, timeout)
                     : rove_rwlock_rdlock_blocking(&s->lock, timeout);
}

static bool stress_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    unsigned dice = rv_rand_below(&m->rand, 16);
    bool is_writer = rv_rand_below(&m->rand, 4) == 0;
    RV_ATOMIC(unsigned) *mine = is_writer ? &s->writers : &s->readers;
    int rc = stress_lock(m, s, is_writer, dice);
    if (rc != 0) {
        RV_EXPECT_EQ(rc, m->is_task ? -ECANCELED : -ETIMEDOUT);
        return true;
    }
    unsigned others = rv_fetch_add_relaxed(mine, 1u);
    RV_EXPECT(rv_load_relaxed(&s->writers) == is_writer && (!is_writer || others == 0));
    unsigned long seen = s->counter;
    if (m->is_task && dice < 4) {
        (void)rove_yield();
    }
    RV_EXPECT_EQ(s->counter, seen);
    if (is_writer) {
        s->counter = seen + 1;
        m->done++;
    }
    (void)rv_fetch_sub_relaxed(mine, 1u);
    rove_rwlock_unlock(&s->lock);
    return m->done < s->rounds;
}

/* Goal: writers exclude everybody, nothing is lost, the lock ends up free. */
static int stress_body(void *arg, RV_UNUSED void **result)
{
    struct stress s = {.rounds = *(unsigned *)arg * rv_crowd_factor()};
    struct rv_crowd crowd;
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&crowd, 16, 2, stress_step, &s);
    unsigned long sum = rv_crowd_finish(&crowd, &rand);
    RV_EXPECT_EQ(sum, s.counter);
    RV_EXPECT_EQ(s.counter, 18ul * s.rounds);
    RV_EXPECT_EQ(rove_rwlock_trywrlock(&s.lock), 0);
    rove_rwlock_unlock(&s.lock);
    return 0;
}

static void test_rwlock_stress_excludes_and_loses_nothing(void **state)
{
    (void)state;
    unsigned rounds = 400;
    rv_test_run(stress_body, &rounds);
    rv_test_run_on(64, stress_body, &rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rwlock_readers_share_and_a_writer_excludes),
        cmocka_unit_test(test_rwlock_waiting_writers_go_first),
        cmocka_unit_test(test_rwlock_cancelled_writer_lets_readers_in),
        cmocka_unit_test(test_rwlock_stress_excludes_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
