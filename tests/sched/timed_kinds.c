// SPDX-License-Identifier: MIT
/*
 * Purpose: see timed_kinds.h.
 */
#include "sched/timed_kinds.h"

#include <errno.h>

static void nothing(RV_UNUSED struct entry *e)
{
}

/* mutex and rwlock */

static void mutex_begin(struct entry *e)
{
    RV_EXPECT_EQ(rove_mutex_lock(&e->mutex), 0);
}

static int mutex_take(struct party *p, struct entry *e)
{
    return p->is_task ? rove_mutex_lock(&e->mutex)
                      : rove_mutex_lock_blocking(&e->mutex, p->timeout);
}

static void mutex_give(RV_UNUSED struct party *p, struct entry *e)
{
    rove_mutex_unlock(&e->mutex);
}

static void mutex_end(struct entry *e)
{
    RV_EXPECT_EQ(rove_mutex_trylock(&e->mutex), -EAGAIN);
    rove_mutex_unlock(&e->mutex);
    RV_EXPECT_EQ(rove_mutex_trylock(&e->mutex), 0);
}

static void rwlock_begin(struct entry *e)
{
    RV_EXPECT_EQ(rove_rwlock_wrlock(&e->rwlock), 0);
}

static void rwlock_begin_reading(struct entry *e)
{
    RV_EXPECT_EQ(rove_rwlock_rdlock(&e->rwlock), 0);
}

static int rwlock_write(struct party *p, struct entry *e)
{
    return p->is_task ? rove_rwlock_wrlock(&e->rwlock)
                      : rove_rwlock_wrlock_blocking(&e->rwlock, p->timeout);
}

static int rwlock_read(struct party *p, struct entry *e)
{
    return p->is_task ? rove_rwlock_rdlock(&e->rwlock)
                      : rove_rwlock_rdlock_blocking(&e->rwlock, p->timeout);
}

/* The reader's turn comes when the writer has gone, too. */
static int rwlock_write_then_read(struct party *p, struct entry *e)
{
    return p->idx == 0 ? rwlock_write(p, e) : rwlock_read(p, e);
}

static void rwlock_give(RV_UNUSED struct party *p, struct entry *e)
{
    rove_rwlock_unlock(&e->rwlock);
}

static void rwlock_end(struct entry *e)
{
    RV_EXPECT_EQ(rove_rwlock_trywrlock(&e->rwlock), -EAGAIN);
    rove_rwlock_unlock(&e->rwlock);
    RV_EXPECT_EQ(rove_rwlock_trywrlock(&e->rwlock), 0);
}

/* semaphore, condition, event */

static void semaphore_begin_bounded(struct entry *e)
{
    rove_semaphore_init(&e->semaphore, 0, 1);
}

static int semaphore_take(struct party *p, struct entry *e)
{
    return p->is_task ? rove_semaphore_acquire(&e->semaphore)
                      : rove_semaphore_acquire_blocking(&e->semaphore, p->timeout);
}

static void semaphore_give(RV_UNUSED struct party *p, struct entry *e)
{
    RV_EXPECT_EQ(rove_semaphore_release(&e->semaphore), 0);
}

static void semaphore_end(struct entry *e)
{
    RV_EXPECT_EQ(rove_semaphore_tryacquire(&e->semaphore), -EAGAIN);
}

static int lock_untimed(struct party *p, struct entry *e)
{
    return p == NULL || p->is_task ? rove_mutex_lock(&e->mutex)
                                   : rove_mutex_lock_blocking(&e->mutex, ROVE_FOREVER);
}

/* Nobody notifies twice: who leaves by his deadline must not have used up a notification. */
static int cond_take(struct party *p, struct entry *e)
{
    int rc = lock_untimed(p, e);
    if (rc != 0)
        return rc;
    while (rc == 0 && e->units == 0)
        rc = p->is_task ? rove_cond_wait(&e->cond, &e->mutex)
                        : rove_cond_wait_blocking(&e->cond, &e->mutex, p->timeout);
    if (rc == 0)
        e->units--;
    rove_mutex_unlock(&e->mutex);
    return rc;
}

static void cond_give(struct party *p, struct entry *e)
{
    RV_EXPECT_EQ(lock_untimed(p, e), 0);
    e->units++;
    rove_cond_notify(&e->cond, 1);
    rove_mutex_unlock(&e->mutex);
}

static void cond_end(struct entry *e)
{
    RV_EXPECT_EQ(e->units, 0);
}

static int event_take(struct party *p, struct entry *e)
{
    return p->is_task ? rove_event_wait(&e->event)
                      : rove_event_wait_blocking(&e->event, p->timeout);
}

static void event_give(struct party *p, struct entry *e)
{
    if (p == NULL)
        rove_event_set(&e->event);
}

/* barrier: its break is for all; once: somebody is at it and fails */

static void barrier_begin(struct entry *e)
{
    rove_barrier_init(&e->barrier, 3);
}

static int barrier_take(struct party *p, struct entry *e)
{
    int rc = p->is_task ? rove_barrier_wait(&e->barrier)
                        : rove_barrier_wait_blocking(&e->barrier, p->timeout);
    return rc == -EPIPE ? 0 : rc;
}

static void barrier_give(struct party *p, struct entry *e)
{
    if (p == NULL)
        rove_barrier_abort(&e->barrier);
}

static int succeed(void *ctx)
{
    ((struct rv_failing_once *)ctx)->calls++;
    return 0;
}

static void once_begin(struct entry *e)
{
    rv_failing_once_begin(&e->once);
}

static int once_take(struct party *p, struct entry *e)
{
    return p->is_task ? rove_once_call(&e->once.once, succeed, &e->once)
                      : rove_once_call_blocking(&e->once.once, succeed, &e->once, p->timeout);
}

static void once_give(struct party *p, struct entry *e)
{
    if (p == NULL)
        rove_event_set(&e->once.may_end);
}

static void once_end(struct entry *e)
{
    rv_failing_once_end(&e->once);
}

/* oneshot, broadcast, watch */

static int oneshot_take(struct party *p, struct entry *e)
{
    void *value = NULL;
    int rc = p->is_task ? rove_oneshot_recv(&e->oneshot, &value)
                        : rove_oneshot_recv_blocking(&e->oneshot, &value, p->timeout);
    if (rc == 0)
        RV_EXPECT_PTR(value, e);
    return rc;
}

static void oneshot_give(struct party *p, struct entry *e)
{
    if (p == NULL)
        RV_EXPECT_EQ(rove_oneshot_send(&e->oneshot, e), 0);
}

static void broadcast_begin(struct entry *e)
{
    e->broadcast = rove_broadcast_create(sizeof(long), 1);
    for (size_t i = 0; i < RV_ARRAY_LEN(e->subscribers); i++)
        e->subscribers[i] = rove_broadcast_subscribe(e->broadcast);
}

static int broadcast_take(struct party *p, struct entry *e)
{
    long value = 0;
    rove_subscriber *s = e->subscribers[p->idx];
    int rc = p->is_task ? rove_subscriber_recv(s, &value, NULL)
                        : rove_subscriber_recv_blocking(s, &value, NULL, p->timeout);
    RV_EXPECT_EQ(value, rc == 0);
    return rc;
}

static void broadcast_give(struct party *p, struct entry *e)
{
    if (p == NULL)
        RV_EXPECT_EQ(rove_broadcast_send(e->broadcast, &(long){1}), 0);
}

/* Whose time was over has missed nothing. */
static void broadcast_end(struct entry *e)
{
    long value;
    RV_EXPECT_EQ(rove_subscriber_try_recv(e->subscribers[0], &value, NULL),
                 e->rcs[0] == 0 ? -EAGAIN : 0);
    for (size_t i = 0; i < RV_ARRAY_LEN(e->subscribers); i++)
        rove_subscriber_release(e->subscribers[i]);
    rove_broadcast_release(e->broadcast);
}

static void watch_begin(struct entry *e)
{
    e->watch = rove_watch_create(sizeof(long), NULL);
}

static int watch_take(struct party *p, struct entry *e)
{
    uint64_t seen = 1;
    long value = 0;
    int rc = p->is_task ? rove_watch_wait(e->watch, &seen, &value)
                        : rove_watch_wait_blocking(e->watch, &seen, &value, p->timeout);
    RV_EXPECT_EQ(value, rc == 0);
    return rc;
}

static void watch_give(struct party *p, struct entry *e)
{
    if (p == NULL)
        RV_EXPECT_EQ(rove_watch_send(e->watch, &(long){1}), 0);
}

static void watch_end(struct entry *e)
{
    rove_watch_release(e->watch);
}

/* queue: the item, or the room for one, is the turn */

static void queue_begin(struct entry *e)
{
    e->queue = rove_queue_create(1);
}

static void queue_begin_full(struct entry *e)
{
    queue_begin(e);
    RV_EXPECT_EQ(rove_queue_try_put(e->queue, NULL), 0);
}

static int queue_get(struct party *p, struct entry *e)
{
    void *item;
    return p->is_task ? rove_queue_get(e->queue, &item)
                      : rove_queue_get_blocking(e->queue, &item, p->timeout);
}

static void queue_give_item(RV_UNUSED struct party *p, struct entry *e)
{
    RV_EXPECT_EQ(rove_queue_try_put(e->queue, NULL), 0);
}

static int queue_put(struct party *p, struct entry *e)
{
    return p->is_task ? rove_queue_put(e->queue, NULL)
                      : rove_queue_put_blocking(e->queue, NULL, p->timeout);
}

static void queue_give_room(struct party *p, struct entry *e)
{
    void *item;
    int rc = p == NULL || p->is_task ? rove_queue_try_get(e->queue, &item)
                                     : rove_queue_get_blocking(e->queue, &item, 0);
    RV_EXPECT_EQ(rc, 0);
}

static void queue_end(struct entry *e)
{
    RV_EXPECT_EQ(rove_queue_size(e->queue), 0);
    rove_queue_destroy(e->queue);
}

static void queue_end_full(struct entry *e)
{
    queue_give_room(NULL, e);
    queue_end(e);
}

/* channel: the other side of the transfer is the turn */

static void chan_begin(struct entry *e)
{
    e->chan = rove_chan_create(sizeof(long), 0);
}

static void chan_begin_full(struct entry *e)
{
    e->chan = rove_chan_create(sizeof(long), 1);
    RV_EXPECT_EQ(rove_chan_send(e->chan, &(long){0}), 0);
}

static int chan_receive(struct party *p, struct entry *e)
{
    long value;
    return p == NULL || p->is_task ? rove_chan_recv(e->chan, &value)
                                   : rove_chan_recv_blocking(e->chan, &value, p->timeout);
}

static int chan_send(struct party *p, struct entry *e)
{
    return p == NULL || p->is_task ? rove_chan_send(e->chan, &(long){1})
                                   : rove_chan_send_blocking(e->chan, &(long){1}, p->timeout);
}

/* Only tasks can; a task that waits for a moment does so by the select's own deadline. */
static int chan_select(struct party *p, struct entry *e, rove_select_op op)
{
    long value = 1;
    rove_select_case cases[] = {{.op = op, .chan = e->chan, .element = &value}, {.op = ROVE_RECV}};
    int rc = rove_select(2, cases, p->idx == 0 ? p->timeout : ROVE_FOREVER);
    return rc == 0 ? cases[0].error : rc;
}

static int select_receive(struct party *p, struct entry *e)
{
    return p->is_task ? chan_select(p, e, ROVE_RECV) : chan_receive(p, e);
}

static int select_send(struct party *p, struct entry *e)
{
    return p->is_task ? chan_select(p, e, ROVE_SEND) : chan_send(p, e);
}

/* Who gives a turn waits until the other takes it. */
static void chan_give_element(struct party *p, struct entry *e)
{
    RV_EXPECT_EQ(chan_send(p, e), 0);
}

static void chan_accept(struct party *p, struct entry *e)
{
    RV_EXPECT_EQ(chan_receive(p, e), 0);
}

static void chan_end(struct entry *e)
{
    long value;
    RV_EXPECT_EQ(rove_chan_try_recv(e->chan, &value), -EAGAIN);
    rove_chan_release(e->chan);
}

static void chan_end_full(struct entry *e)
{
    long value;
    RV_EXPECT_EQ(rove_chan_try_recv(e->chan, &value), 0);
    chan_end(e);
}

#define WITH(b, t, g) .begin = (b), .take = (t), .give = (g)
#define NAMED(x)      WITH(x##_begin, x##_take, x##_give)

const struct kind rv_timed_kinds[] = {
    {"mutex", NAMED(mutex), .end = mutex_end},
    {"writers", WITH(rwlock_begin, rwlock_write, rwlock_give), .end = rwlock_end},
    {"writers after a reader", WITH(rwlock_begin_reading, rwlock_write, rwlock_give),
     .end = rwlock_end},
    {"a writer, then a reader", WITH(rwlock_begin, rwlock_write_then_read, rwlock_give),
     .end = rwlock_end},
    {"the same after a reader", WITH(rwlock_begin_reading, rwlock_write_then_read, rwlock_give),
     .end = rwlock_end},
    {"readers", WITH(rwlock_begin, rwlock_read, rwlock_give), .end = rwlock_end},
    {"semaphore", WITH(nothing, semaphore_take, semaphore_give), .end = semaphore_end},
    {"bounded semaphore", WITH(semaphore_begin_bounded, semaphore_take, semaphore_give),
     .end = semaphore_end},
    {"condition", WITH(nothing, cond_take, cond_give), .end = cond_end},
    {"event", WITH(nothing, event_take, event_give), .end = nothing, .is_for_all = true},
    {"barrier, broken", NAMED(barrier), .end = nothing, .is_for_all = true},
    {"once", NAMED(once), .end = once_end, .is_for_all = true},
    {"oneshot", WITH(nothing, oneshot_take, oneshot_give), .end = nothing, .is_for_one = true},
    {"broadcast", NAMED(broadcast), .end = broadcast_end, .is_for_all = true},
    {"watch", NAMED(watch), .end = watch_end, .is_for_all = true},
    {"queue get", WITH(queue_begin, queue_get, queue_give_item), .end = queue_end},
    {"queue put", WITH(queue_begin_full, queue_put, queue_give_room), .end = queue_end_full},
    {"receive", WITH(chan_begin, chan_receive, chan_give_element), .end = chan_end},
    {"send", WITH(chan_begin, chan_send, chan_accept), .end = chan_end},
    {"buffered send", WITH(chan_begin_full, chan_send, chan_accept), .end = chan_end_full},
    {"select receives", WITH(chan_begin, select_receive, chan_give_element), .end = chan_end},
    {"select sends", WITH(chan_begin, select_send, chan_accept), .end = chan_end},
    {"select sends, buffered", WITH(chan_begin_full, select_send, chan_accept),
     .end = chan_end_full},
};

const size_t rv_timed_kind_count = RV_ARRAY_LEN(rv_timed_kinds);
