// SPDX-License-Identifier: MIT
/*
 * Purpose: see grant_kinds.h.
 */
#include "sched/grant_kinds.h"

#include <errno.h>

/* mutex */

static void mutex_begin(struct entry *e)
{
    RV_EXPECT_EQ(rove_mutex_lock(&e->mutex), 0);
}

static int mutex_take(struct taker *t)
{
    return rove_mutex_lock(&t->e->mutex);
}

static void mutex_grant(struct entry *e)
{
    rove_mutex_unlock(&e->mutex);
}

/* rwlock */

static void rwlock_begin(struct entry *e)
{
    RV_EXPECT_EQ(rove_rwlock_wrlock(&e->rwlock), 0);
}

static void rwlock_begin_reading(struct entry *e)
{
    RV_EXPECT_EQ(rove_rwlock_rdlock(&e->rwlock), 0);
}

static int rwlock_write(struct taker *t)
{
    return rove_rwlock_wrlock(&t->e->rwlock);
}

static int rwlock_read(struct taker *t)
{
    return rove_rwlock_rdlock(&t->e->rwlock);
}

/* A reader behind a waiting writer, which goes on when the writer has gone. */
static int rwlock_write_then_read(struct taker *t)
{
    return t->number == RV_GRANT_FIRST ? rwlock_write(t) : rwlock_read(t);
}

static void rwlock_grant(struct entry *e)
{
    rove_rwlock_unlock(&e->rwlock);
}

/* semaphore */

static void nothing(RV_UNUSED struct entry *e)
{
}

static void semaphore_begin_bounded(struct entry *e)
{
    rove_semaphore_init(&e->semaphore, 0, 1);
}

static int semaphore_take(struct taker *t)
{
    return rove_semaphore_acquire(&t->e->semaphore);
}

static void semaphore_grant(struct entry *e)
{
    RV_EXPECT_EQ(rove_semaphore_release(&e->semaphore), 0);
}

/* condition */

static int cond_take(struct taker *t)
{
    struct entry *e = t->e;
    int rc = rove_mutex_lock(&e->mutex);
    if (rc != 0)
        return rc;
    rc = rove_cond_wait(&e->cond, &e->mutex);
    rove_mutex_unlock(&e->mutex);
    return rc;
}

static void cond_grant(struct entry *e)
{
    RV_EXPECT_EQ(rove_mutex_lock(&e->mutex), 0);
    rove_cond_notify(&e->cond, 1);
    rove_mutex_unlock(&e->mutex);
}

/* event, oneshot, watch */

static int event_take(struct taker *t)
{
    return rove_event_wait(&t->e->event);
}

static void event_grant(struct entry *e)
{
    rove_event_set(&e->event);
}

static int oneshot_take(struct taker *t)
{
    void *value = NULL;
    int rc = rove_oneshot_recv(&t->e->oneshot, &value);
    t->value = (long)(intptr_t)value;
    return rc;
}

static void oneshot_grant(struct entry *e)
{
    RV_EXPECT_EQ(rove_oneshot_send(&e->oneshot, (void *)(intptr_t)RV_GRANT_SENT), 0);
}

static void watch_begin(struct entry *e)
{
    e->watch = rove_watch_create(sizeof(long), &(long){RV_GRANT_FILLER});
}

static int watch_take(struct taker *t)
{
    uint64_t seen = 1; /* the initial value's version */
    return rove_watch_wait(t->e->watch, &seen, &t->value);
}

static void watch_grant(struct entry *e)
{
    RV_EXPECT_EQ(rove_watch_send(e->watch, &(long){RV_GRANT_SENT}), 0);
}

static void watch_end(struct entry *e)
{
    rove_watch_release(e->watch);
}

/* queue */

static void queue_begin(struct entry *e)
{
    e->queue = rove_queue_create(1);
}

static void queue_begin_full(struct entry *e)
{
    e->queue = rove_queue_create(1);
    RV_EXPECT_EQ(rove_queue_try_put(e->queue, (void *)(intptr_t)RV_GRANT_FILLER), 0);
}

static int queue_get(struct taker *t)
{
    void *item = NULL;
    int rc = rove_queue_get(t->e->queue, &item);
    t->value = (long)(intptr_t)item;
    return rc;
}

static int queue_put(struct taker *t)
{
    return rove_queue_put(t->e->queue, (void *)(intptr_t)t->number);
}

static void queue_give_item(struct entry *e)
{
    RV_EXPECT_EQ(rove_queue_try_put(e->queue, (void *)(intptr_t)RV_GRANT_SENT), 0);
}

static void queue_give_room(struct entry *e)
{
    void *item = NULL;
    RV_EXPECT_EQ(rove_queue_try_get(e->queue, &item), 0);
    RV_EXPECT_EQ((long)(intptr_t)item, RV_GRANT_FILLER);
}

static long queue_landed(struct entry *e)
{
    void *item = NULL;
    RV_EXPECT_EQ(rove_queue_try_get(e->queue, &item), 0);
    return (long)(intptr_t)item;
}

static void queue_end(struct entry *e)
{
    RV_EXPECT_EQ(rove_queue_size(e->queue), 0);
    rove_queue_destroy(e->queue);
}

/* a barrier of three: the third comes by the grant, a fourth if the first has left */

static void barrier_begin(struct entry *e)
{
    rove_barrier_init(&e->barrier, 3);
}

static int meet(struct entry *e, long *place)
{
    int rc = rove_barrier_wait(&e->barrier);
    *place = rc;
    return rc < 0 ? rc : 0;
}

static int barrier_take(struct taker *t)
{
    return meet(t->e, &t->e->places[t->number]);
}

static int come_third(void *arg, RV_UNUSED void **result)
{
    struct entry *e = arg;
    return meet(e, &e->places[0]);
}

static void barrier_grant(struct entry *e)
{
    e->third = rove_create_task_with(&(rove_task_options){.eager = true}, come_third, e);
}

/* Three have gone on, each with a number of its own. */
static void barrier_settled(struct entry *e, bool is_first)
{
    if (!is_first)
        RV_EXPECT_EQ(meet(e, &e->places[RV_GRANT_FIRST]), 0);
    RV_EXPECT_EQ(rove_join(e->third, NULL), 0);
}

static void barrier_end(struct entry *e)
{
    long sum = 0;
    for (size_t i = 0; i < RV_ARRAY_LEN(e->places); i++)
        sum |= 1L << e->places[i];
    RV_EXPECT_EQ(sum, 7);
}

/* the break of a barrier goes to all */

static int barrier_take_break(struct taker *t)
{
    int rc = rove_barrier_wait(&t->e->barrier);
    return rc == -EPIPE ? 0 : rc;
}

static void barrier_break(struct entry *e)
{
    rove_barrier_abort(&e->barrier);
}

/* once: somebody is at it and fails; the first that can goes on, and the other finds it done */

static void once_begin(struct entry *e)
{
    rv_failing_once_begin(&e->once);
}

static int succeed(void *ctx)
{
    struct rv_failing_once *o = ctx;
    int rc = rove_yield(); /* -ECANCELED: and the next is to try */
    o->calls += rc == 0;
    return rc;
}

static int once_take(struct taker *t)
{
    return rove_once_call(&t->e->once.once, succeed, &t->e->once);
}

static void once_grant(struct entry *e)
{
    rove_event_set(&e->once.may_end);
}

static void once_end(struct entry *e)
{
    rv_failing_once_end(&e->once);
}

/* broadcast */

static void broadcast_begin(struct entry *e)
{
    e->broadcast = rove_broadcast_create(sizeof(long), 1);
    for (size_t i = 0; i < RV_ARRAY_LEN(e->subscribers); i++)
        e->subscribers[i] = rove_broadcast_subscribe(e->broadcast);
}

static int broadcast_take(struct taker *t)
{
    return rove_subscriber_recv(t->e->subscribers[t->number - 1], &t->value, NULL);
}

static void broadcast_grant(struct entry *e)
{
    RV_EXPECT_EQ(rove_broadcast_send(e->broadcast, &(long){RV_GRANT_SENT}), 0);
}

/* Who was cancelled has missed nothing. */
static void broadcast_settled(struct entry *e, bool is_first)
{
    long value = 0;
    RV_EXPECT_EQ(rove_subscriber_try_recv(e->subscribers[0], &value, NULL),
                 is_first ? -EAGAIN : 0);
    RV_EXPECT_EQ(value, is_first ? 0 : RV_GRANT_SENT);
}

static void broadcast_end(struct entry *e)
{
    for (size_t i = 0; i < RV_ARRAY_LEN(e->subscribers); i++)
        rove_subscriber_release(e->subscribers[i]);
    rove_broadcast_release(e->broadcast);
}

/* the end of a queue's work */

static void join_begin(struct entry *e)
{
    void *item = NULL;
    e->queue = rove_queue_create(0);
    RV_EXPECT_EQ(rove_queue_try_put(e->queue, NULL), 0);
    RV_EXPECT_EQ(rove_queue_try_get(e->queue, &item), 0);
}

static int join_take(struct taker *t)
{
    return rove_queue_join(t->e->queue);
}

static void join_grant(struct entry *e)
{
    RV_EXPECT_EQ(rove_queue_task_done(e->queue), 0);
}

/* channel and select */

static void chan_begin(struct entry *e)
{
    e->chan = rove_chan_create(sizeof(long), 0);
}

static void chan_begin_full(struct entry *e)
{
    e->chan = rove_chan_create(sizeof(long), 1);
    RV_EXPECT_EQ(rove_chan_send(e->chan, &(long){RV_GRANT_FILLER}), 0);
}

static int chan_receive(struct taker *t)
{
    return rove_chan_recv(t->e->chan, &t->value);
}

static int chan_send(struct taker *t)
{
    return rove_chan_send(t->e->chan, &t->number);
}

static int select_one(struct taker *t, rove_select_op op, void *element)
{
    rove_select_case cases[] = {{.op = op, .chan = t->e->chan, .element = element},
                                {.op = ROVE_RECV}};
    int index = rove_select(2, cases, ROVE_FOREVER);
    return index == 0 ? cases[0].error : index;
}

static int select_receive(struct taker *t)
{
    return select_one(t, ROVE_RECV, &t->value);
}

static int select_send(struct taker *t)
{
    return select_one(t, ROVE_SEND, &t->number);
}

static void chan_give_element(struct entry *e)
{
    RV_EXPECT_EQ(rove_chan_try_send(e->chan, &(long){RV_GRANT_SENT}), 0);
}

static void chan_accept(struct entry *e)
{
    RV_EXPECT_EQ(rove_chan_try_recv(e->chan, &e->passed), 0);
}

static long chan_passed(struct entry *e)
{
    return e->passed;
}

static long chan_landed(struct entry *e)
{
    long number = 0;
    RV_EXPECT_EQ(e->passed, RV_GRANT_FILLER);
    RV_EXPECT_EQ(rove_chan_try_recv(e->chan, &number), 0);
    return number;
}

static void chan_end(struct entry *e)
{
    RV_EXPECT_EQ(rove_chan_try_recv(e->chan, &e->passed), -EAGAIN);
    rove_chan_release(e->chan);
}

#define WITH(b, t, g) .begin = (b), .take = (t), .grant = (g)
#define NAMED(x)      WITH(x##_begin, x##_take, x##_grant)

const struct kind rv_grant_kinds[] = {
    {"mutex", NAMED(mutex)},
    {"writers", WITH(rwlock_begin, rwlock_write, rwlock_grant)},
    {"writers after a reader", WITH(rwlock_begin_reading, rwlock_write, rwlock_grant)},
    {"a writer, then a reader", WITH(rwlock_begin, rwlock_write_then_read, rwlock_grant)},
    {"the same after a reader", WITH(rwlock_begin_reading, rwlock_write_then_read, rwlock_grant)},
    {"readers", WITH(rwlock_begin, rwlock_read, rwlock_grant), .is_for_all = true},
    {"semaphore", WITH(nothing, semaphore_take, semaphore_grant)},
    {"bounded semaphore", WITH(semaphore_begin_bounded, semaphore_take, semaphore_grant)},
    {"condition", WITH(nothing, cond_take, cond_grant)},
    {"event", WITH(nothing, event_take, event_grant), .is_for_all = true},
    {"barrier", NAMED(barrier), .settled = barrier_settled, .end = barrier_end, .is_for_all = true},
    {"barrier, broken", WITH(barrier_begin, barrier_take_break, barrier_break), .is_for_all = true},
    {"once", NAMED(once), .end = once_end, .is_for_all = true},
    {"oneshot", WITH(nothing, oneshot_take, oneshot_grant)},
    {"broadcast", NAMED(broadcast), .settled = broadcast_settled, .end = broadcast_end,
     .is_for_all = true},
    {"watch", NAMED(watch), .end = watch_end, .is_for_all = true},
    {"queue get", WITH(queue_begin, queue_get, queue_give_item), .end = queue_end},
    {"queue put", WITH(queue_begin_full, queue_put, queue_give_room), .landed = queue_landed,
     .end = queue_end},
    {"queue join", NAMED(join), .end = queue_end, .is_for_all = true},
    {"receive", WITH(chan_begin, chan_receive, chan_give_element), .end = chan_end},
    {"send", WITH(chan_begin, chan_send, chan_accept), .landed = chan_passed, .end = chan_end},
    {"buffered send", WITH(chan_begin_full, chan_send, chan_accept), .landed = chan_landed,
     .end = chan_end},
    {"select receives", WITH(chan_begin, select_receive, chan_give_element), .end = chan_end},
    {"select sends", WITH(chan_begin, select_send, chan_accept), .landed = chan_passed,
     .end = chan_end},
    {"select sends, buffered", WITH(chan_begin_full, select_send, chan_accept),
     .landed = chan_landed,
     .end = chan_end},
};

const size_t rv_grant_kind_count = RV_ARRAY_LEN(rv_grant_kinds);
