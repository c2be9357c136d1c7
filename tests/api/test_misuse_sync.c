// SPDX-License-Identifier: MIT
/*
 * Purpose: the calls of rove/sync.h, chan.h and broadcast.h with no object at all: an error where
 *          there is one to return, else nothing happens.
 */
#include "support/fixture.h"

#include <errno.h>

static void call_what_returns_nothing(void)
{
    rove_event_set(NULL);
    rove_event_clear(NULL);
    rove_cond_notify(NULL, 1);
    rove_cond_notify_all(NULL);
    rove_semaphore_init(NULL, 1, 1);
    rove_barrier_init(NULL, 1);
    rove_barrier_reset(NULL);
    rove_barrier_abort(NULL);
    rove_rwlock_unlock(NULL);
    rove_queue_destroy(NULL);
    rove_chan_release(NULL);
    rove_broadcast_release(NULL);
    rove_subscriber_release(NULL);
    rove_watch_release(NULL);
}

static void call_what_any_thread_may(void)
{
    RV_EXPECT(!rove_event_is_set(NULL));
    RV_EXPECT_EQ(rove_semaphore_release(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_queue_try_put(NULL, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_queue_shutdown(NULL, true), -EINVAL);
    RV_EXPECT_EQ(rove_queue_size(NULL), 0);
    RV_EXPECT_EQ(rove_chan_close(NULL), -EINVAL);
    RV_EXPECT_PTR(rove_chan_retain(NULL), NULL);
    RV_EXPECT_PTR(rove_broadcast_subscribe(NULL), NULL);
    RV_EXPECT_EQ(rove_broadcast_send(NULL, NULL), -EINVAL);
    RV_EXPECT_PTR(rove_watch_retain(NULL), NULL);
    RV_EXPECT_EQ(rove_watch_read(NULL, NULL), 0);
    RV_EXPECT_EQ(rove_watch_send(NULL, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_oneshot_send(NULL, NULL), -EINVAL);
}

static int expect_of_each(int rc)
{
    void *item = NULL;
    RV_EXPECT_EQ(rove_mutex_lock(NULL), rc);
    RV_EXPECT_EQ(rove_mutex_trylock(NULL), rc);
    RV_EXPECT_EQ(rove_rwlock_rdlock(NULL), rc);
    RV_EXPECT_EQ(rove_rwlock_wrlock(NULL), rc);
    RV_EXPECT_EQ(rove_event_wait(NULL), rc);
    RV_EXPECT_EQ(rove_cond_wait(NULL, NULL), rc);
    RV_EXPECT_EQ(rove_semaphore_acquire(NULL), rc);
    RV_EXPECT_EQ(rove_barrier_wait(NULL), rc);
    RV_EXPECT_EQ(rove_queue_put(NULL, NULL), rc);
    RV_EXPECT_EQ(rove_queue_get(NULL, &item), rc);
    RV_EXPECT_EQ(rove_queue_join(NULL), rc);
    RV_EXPECT_EQ(rove_chan_send(NULL, NULL), rc);
    RV_EXPECT_EQ(rove_chan_recv(NULL, NULL), rc);
    RV_EXPECT_EQ(rove_subscriber_recv(NULL, NULL, NULL), rc);
    RV_EXPECT_EQ(rove_watch_wait(NULL, NULL, NULL), rc);
    RV_EXPECT_EQ(rove_local_set(NULL, NULL), rc);
    RV_EXPECT_PTR(rove_local_get(NULL), NULL);
    return 0;
}

RV_TASK_TEST(test_misuse_no_object_in_a_task)
{
    call_what_returns_nothing();
    call_what_any_thread_may();
    return expect_of_each(-EINVAL);
}

static void test_misuse_no_object_on_a_thread(void **state)
{
    (void)state;
    call_what_returns_nothing();
    call_what_any_thread_may();
    (void)expect_of_each(-EPERM);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misuse_no_object_in_a_task),
        cmocka_unit_test(test_misuse_no_object_on_a_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
