// SPDX-License-Identifier: MIT
/*
 * Purpose: the calls of rove/sync.h, chan.h, broadcast.h and blocking.h with no object at all: an
 *          error where there is one to return, else nothing happens.
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
    rove_mutex_unlock(NULL);
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
    RV_EXPECT_EQ(rove_watch_close(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_oneshot_send(NULL, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_oneshot_close(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_queue_task_done(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_broadcast_close(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_subscriber_try_recv(NULL, NULL, NULL), -EINVAL);
    RV_EXPECT_PTR(rove_queue_create_priority(0, NULL), NULL);
}

static int not_called(RV_UNUSED void *ctx)
{
    RV_EXPECT(false);
    return 0;
}

/* Each object is there, and what goes with it is not. */
static void call_with_half(bool is_task)
{
    rove_queue *q = rove_queue_create(1), *lifo = rove_queue_create_lifo(1);
    rove_chan *c = rove_chan_create(1, 1);
    rove_broadcast *b = rove_broadcast_create(1, 1);
    rove_subscriber *s = rove_broadcast_subscribe(b);
    rove_watch *w = rove_watch_create(1, NULL);
    rove_once once = {0};
    rove_cond cond = {0};
    int rc = is_task ? -EINVAL : -EPERM;
    RV_EXPECT_EQ(rove_queue_get(q, NULL), rc);
    RV_EXPECT_EQ(rove_queue_try_get(lifo, NULL), rc);
    RV_EXPECT_EQ(rove_chan_send(c, NULL), rc);
    RV_EXPECT_EQ(rove_chan_recv(c, NULL), rc);
    RV_EXPECT_EQ(rove_chan_try_send(c, NULL), rc);
    RV_EXPECT_EQ(rove_chan_try_recv(c, NULL), rc);
    RV_EXPECT_EQ(rove_select(1, NULL, 0), rc);
    RV_EXPECT_EQ(rove_broadcast_send(b, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_subscriber_recv(s, NULL, NULL), rc);
    RV_EXPECT_EQ(rove_watch_send(w, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_watch_wait(w, NULL, NULL), rc);
    RV_EXPECT_EQ(rove_once_call(&once, NULL, NULL), rc);
    RV_EXPECT_EQ(rove_cond_wait(&cond, NULL), rc);
    rove_queue_destroy(q);
    rove_queue_destroy(lifo);
    rove_chan_release(c);
    rove_subscriber_release(s);
    rove_broadcast_release(b);
    rove_watch_release(w);
}

/* The twins for plain threads; in a task they are refused. */
static void expect_of_each_twin(int rc)
{
    void *item = NULL;
    uint64_t seen = 0;
    RV_EXPECT_EQ(rove_mutex_lock_blocking(NULL, 0), rc);
    RV_EXPECT_EQ(rove_rwlock_rdlock_blocking(NULL, 0), rc);
    RV_EXPECT_EQ(rove_rwlock_wrlock_blocking(NULL, 0), rc);
    RV_EXPECT_EQ(rove_event_wait_blocking(NULL, 0), rc);
    RV_EXPECT_EQ(rove_cond_wait_blocking(NULL, NULL, 0), rc);
    RV_EXPECT_EQ(rove_semaphore_acquire_blocking(NULL, 0), rc);
    RV_EXPECT_EQ(rove_barrier_wait_blocking(NULL, 0), rc);
    RV_EXPECT_EQ(rove_once_call_blocking(NULL, not_called, NULL, 0), rc);
    RV_EXPECT_EQ(rove_queue_put_blocking(NULL, NULL, 0), rc);
    RV_EXPECT_EQ(rove_queue_get_blocking(NULL, &item, 0), rc);
    RV_EXPECT_EQ(rove_chan_send_blocking(NULL, &item, 0), rc);
    RV_EXPECT_EQ(rove_chan_recv_blocking(NULL, &item, 0), rc);
    RV_EXPECT_EQ(rove_oneshot_recv_blocking(NULL, &item, 0), rc);
    RV_EXPECT_EQ(rove_subscriber_recv_blocking(NULL, &item, NULL, 0), rc);
    RV_EXPECT_EQ(rove_watch_wait_blocking(NULL, &seen, NULL, 0), rc);
}

static int expect_of_each(int rc)
{
    void *item = NULL;
    RV_EXPECT_EQ(rove_mutex_lock(NULL), rc);
    RV_EXPECT_EQ(rove_mutex_trylock(NULL), rc);
    RV_EXPECT_EQ(rove_rwlock_rdlock(NULL), rc);
    RV_EXPECT_EQ(rove_rwlock_wrlock(NULL), rc);
    RV_EXPECT_EQ(rove_rwlock_tryrdlock(NULL), rc);
    RV_EXPECT_EQ(rove_rwlock_trywrlock(NULL), rc);
    RV_EXPECT_EQ(rove_event_wait(NULL), rc);
    RV_EXPECT_EQ(rove_cond_wait(NULL, NULL), rc);
    RV_EXPECT_EQ(rove_semaphore_acquire(NULL), rc);
    RV_EXPECT_EQ(rove_semaphore_tryacquire(NULL), rc);
    RV_EXPECT_EQ(rove_barrier_wait(NULL), rc);
    RV_EXPECT_EQ(rove_once_call(NULL, not_called, NULL), rc);
    RV_EXPECT_EQ(rove_oneshot_recv(NULL, &item), rc);
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
    call_with_half(true);
    expect_of_each_twin(-EPERM);
    return expect_of_each(-EINVAL);
}

static void test_misuse_no_object_on_a_thread(void **state)
{
    (void)state;
    call_what_returns_nothing();
    call_what_any_thread_may();
    call_with_half(false);
    expect_of_each_twin(-EINVAL);
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
