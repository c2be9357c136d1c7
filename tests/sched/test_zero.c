// SPDX-License-Identifier: MIT
/*
 * Purpose: every primitive that lies in place is ready when its bytes are zero: nobody has called
 *          an init, and its first user may be a task or a plain thread, the first who waits too.
 * Idea:    one set of all of them, in three kinds of storage: static, never written by anyone;
 *          dirty, then zeroed; zeroed by an initialiser. Each is used by all calls it has.
 * Threads: as each test says.
 */
#include "support/fixture.h"

#include "core/atomic.h"

#include <errno.h>
#include <pthread.h>

struct zeros {
    rove_mutex mutex;
    rove_rwlock rwlock;
    rove_event event;
    rove_cond cond;
    rove_semaphore semaphore;
    rove_once once;
    rove_oneshot oneshot;
    rove_mutex guard; /* of told, with cond */
    int told;
    int calls; /* of once */
};

enum { SETS = 64 }; /* more than the tests use */

/* Each is used once, so that it is as the program began. */
static struct zeros statics[SETS];
static RV_ATOMIC(unsigned) statics_used;
static rove_local key;

static struct zeros *next_static(void)
{
    unsigned i = rv_fetch_add_relaxed(&statics_used, 1u);
    return i < SETS ? &statics[i] : NULL;
}

/* The same call for who is a task, and who is not. */
#define TAKE(is_task, call, ...) \
    ((is_task) ? call(__VA_ARGS__) : call##_blocking(__VA_ARGS__, ROVE_FOREVER))

static int count_call(void *ctx)
{
    ++*(int *)ctx;
    return 0;
}

static void use_locks(struct zeros *z, bool is_task)
{
    RV_EXPECT_EQ(TAKE(is_task, rove_mutex_lock, &z->mutex), 0);
    RV_EXPECT_EQ(TAKE(is_task, rove_mutex_lock, &z->mutex), -EDEADLK);
    rove_mutex_unlock(&z->mutex);
    RV_EXPECT_EQ(TAKE(is_task, rove_rwlock_rdlock, &z->rwlock), 0);
    rove_rwlock_unlock(&z->rwlock);
    RV_EXPECT_EQ(TAKE(is_task, rove_rwlock_wrlock, &z->rwlock), 0);
    rove_rwlock_unlock(&z->rwlock);
    if (is_task) {
        RV_EXPECT_EQ(rove_mutex_trylock(&z->mutex), 0);
        rove_mutex_unlock(&z->mutex);
        RV_EXPECT_EQ(rove_rwlock_trywrlock(&z->rwlock), 0);
        RV_EXPECT_EQ(rove_rwlock_tryrdlock(&z->rwlock), -EAGAIN);
        rove_rwlock_unlock(&z->rwlock);
    }
}

static void use_signals(struct zeros *z, bool is_task)
{
    void *value = NULL;
    RV_EXPECT(!rove_event_is_set(&z->event));
    rove_event_clear(&z->event);
    rove_event_set(&z->event);
    RV_EXPECT_EQ(TAKE(is_task, rove_event_wait, &z->event), 0);
    rove_event_clear(&z->event);
    RV_EXPECT(!rove_event_is_set(&z->event));
    RV_EXPECT_EQ(is_task ? rove_semaphore_tryacquire(&z->semaphore) : -EAGAIN, -EAGAIN);
    for (int i = 0; i < 3; i++) { /* no bound */
        RV_EXPECT_EQ(rove_semaphore_release(&z->semaphore), 0);
    }
    for (int i = 0; i < 3; i++) {
        RV_EXPECT_EQ(TAKE(is_task, rove_semaphore_acquire, &z->semaphore), 0);
    }
    rove_cond_notify(&z->cond, 1); /* nobody waits: nothing is kept */
    rove_cond_notify_all(&z->cond);
    for (int i = 0; i < 2; i++) {
        RV_EXPECT_EQ(TAKE(is_task, rove_once_call, &z->once, count_call, &z->calls), 0);
    }
    RV_EXPECT_EQ(z->calls, 1);
    RV_EXPECT_EQ(rove_oneshot_send(&z->oneshot, z), 0);
    RV_EXPECT_EQ(TAKE(is_task, rove_oneshot_recv, &z->oneshot, &value), 0);
    RV_EXPECT_PTR(value, z);
}

static void use_alone(struct zeros *z, bool is_task)
{
    use_locks(z, is_task);
    use_signals(z, is_task);
}

/* Waits for each in turn, as the first who ever touches it. */
static void wait_first(struct zeros *z, bool is_task)
{
    void *value = NULL;
    RV_EXPECT_EQ(TAKE(is_task, rove_event_wait, &z->event), 0);
    RV_EXPECT_EQ(TAKE(is_task, rove_semaphore_acquire, &z->semaphore), 0);
    RV_EXPECT_EQ(TAKE(is_task, rove_oneshot_recv, &z->oneshot, &value), 0);
    RV_EXPECT_PTR(value, z);
    RV_EXPECT_EQ(TAKE(is_task, rove_mutex_lock, &z->guard), 0);
    while (z->told == 0) {
        RV_EXPECT_EQ(TAKE(is_task, rove_cond_wait, &z->cond, &z->guard), 0);
    }
    rove_mutex_unlock(&z->guard);
}

static void tell(struct zeros *z, bool is_task)
{
    rove_event_set(&z->event);
    RV_EXPECT_EQ(rove_semaphore_release(&z->semaphore), 0);
    RV_EXPECT_EQ(rove_oneshot_send(&z->oneshot, z), 0);
    RV_EXPECT_EQ(TAKE(is_task, rove_mutex_lock, &z->guard), 0);
    z->told = 1;
    rove_cond_notify(&z->cond, 1);
    rove_mutex_unlock(&z->guard);
}

static void *thread_waits(void *arg)
{
    wait_first(arg, false);
    return NULL;
}

static void *thread_tells(void *arg)
{
    tell(arg, false);
    return NULL;
}

static void *thread_uses(void *arg)
{
    use_alone(arg, false);
    return NULL;
}

static int task_waits(void *arg, RV_UNUSED void **result)
{
    wait_first(arg, true);
    return 0;
}

/* Goal: a task is served by static storage that nobody has touched. */
RV_TASK_TEST(test_zero_static_serves_a_task)
{
    struct zeros *z = next_static();
    RV_REQUIRE(z != NULL);
    use_alone(z, true);
    return 0;
}

/* Goal: the same by memory that was something else before, and by an initialiser. */
RV_TASK_TEST(test_zero_bytes_serve_a_task)
{
    struct zeros z;
    memset(&z, 0xa5, sizeof z);
    memset(&z, 0, sizeof z);
    use_alone(&z, true);
    struct zeros other = {0};
    use_alone(&other, true);
    return 0;
}

/* Goal: who comes first may be one that has to wait, for a task or a thread; either may tell. */
RV_TASK_TEST(test_zero_serves_who_waits_first)
{
    for (int i = 0; i < 3; i++) {
        struct zeros *z = next_static();
        RV_REQUIRE(z != NULL);
        rove_task *waiter = NULL;
        pthread_t thread;
        if (i != 0) {
            waiter = rove_create_task(task_waits, z);
            RV_REQUIRE(waiter != NULL);
        } else {
            RV_REQUIRE_EQ(pthread_create(&thread, NULL, thread_waits, z), 0);
        }
        if (i == 2) {
            RV_REQUIRE_EQ(pthread_create(&thread, NULL, thread_tells, z), 0);
        } else {
            tell(z, true);
        }
        if (waiter != NULL) {
            RV_EXPECT_EQ(rove_join(waiter, NULL), 0);
        }
        if (i != 1) {
            RV_EXPECT_EQ(pthread_join(thread, NULL), 0);
        }
    }
    return 0;
}

/* Goal: a local is a key from its zero bytes on: NULL until set, and then the task's own. */
RV_TASK_TEST(test_zero_local_is_a_key)
{
    int value;
    RV_EXPECT_PTR(rove_local_get(&key), NULL);
    RV_EXPECT_EQ(rove_local_set(&key, &value), 0);
    RV_EXPECT_PTR(rove_local_get(&key), &value);
    RV_EXPECT_EQ(rove_local_set(&key, NULL), 0);
    return 0;
}

/* Goal: without any runtime, by plain threads: one alone, and two of which one waits. */
static void test_zero_serves_plain_threads(void **state)
{
    (void)state;
    pthread_t thread, other;
    struct zeros *z = next_static();
    assert_non_null(z);
    assert_int_equal(pthread_create(&thread, NULL, thread_uses, z), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    z = next_static();
    assert_non_null(z);
    assert_int_equal(pthread_create(&thread, NULL, thread_waits, z), 0);
    assert_int_equal(pthread_create(&other, NULL, thread_tells, z), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pthread_join(other, NULL), 0);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_serves_plain_threads),
        cmocka_unit_test(test_zero_static_serves_a_task),
        cmocka_unit_test(test_zero_bytes_serve_a_task),
        cmocka_unit_test(test_zero_serves_who_waits_first),
        cmocka_unit_test(test_zero_local_is_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
