// SPDX-License-Identifier: MIT
/*
 * Purpose: queues, channels, select, locks and the rest, each with a few tasks that are disturbed.
 * Idea:    what goes in comes out once: every item has a number, and the books say how often it came.
 *          A participant that was cancelled has moved nothing in that call. The action then closes
 *          what they share, so that nobody is left waiting, and drains the rest itself.
 */
#include "tools/sim/load.h"

#include <string.h>

#define ITEMS 24
#define TASKS 4
#define MAX_TASKS (2 * TASKS)

/* Shared by the tasks of one action; lives in its frame. */
struct shared {
    rove_queue *queue;
    rove_chan *chan, *other;
    rove_broadcast *broadcast;
    rove_mutex mutex;
    rove_rwlock rwlock;
    rove_semaphore semaphore;
    rove_cond cond;
    rove_event event;
    rove_oneshot oneshot;
    unsigned limit;                /* of the semaphore */
    unsigned inside, readers;
    unsigned next;                 /* the next item to be put */
    unsigned put[ITEMS], got[ITEMS];
    uintptr_t last;                /* of a broadcast's sender */
    bool is_set;
};

static unsigned draw(unsigned n)
{
    return rove_sim_random(n);
}

static unsigned start(struct shared *s, rove_coro *fn, unsigned n, rove_task *tasks[])
{
    for (unsigned i = 0; i < n; i++) {
        const rove_task_options options = {.eager = draw(4) == 0, .pinned = draw(8) == 0};
        tasks[i] = rove_create_task_with(&options, fn, s);
        load_check(tasks[i] != NULL, "no task");
    }
    return n;
}

/* A task that was told to stop: 0 for the others, so that a loop ends in one way only. */
static int take_item(struct shared *s, uintptr_t *item)
{
    if (s->next == ITEMS) {
        return -EPIPE;
    }
    *item = s->next++;
    return 0;
}

static void note_put(struct shared *s, uintptr_t item, int rc)
{
    load_check(rc == 0 || rc == -EPIPE || rc == -ECANCELED || rc == -EAGAIN, "a put: %d", rc);
    s->put[item] += rc == 0;
}

static void note_got(struct shared *s, uintptr_t item, int rc)
{
    load_check(rc == 0 || rc == -EPIPE || rc == -ECANCELED || rc == -EAGAIN, "a get: %d", rc);
    if (rc == 0) {
        load_check(item < ITEMS && s->got[item]++ == 0, "item %zu came twice", (size_t)item);
    }
}

static void settle(const struct shared *s, const char *what)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        load_check(s->put[i] == s->got[i], "%s: item %u was put %u times and got %u times", what, i,
                   s->put[i], s->got[i]);
    }
}

static int put_items(void *arg, void **result)
{
    struct shared *s = arg;
    uintptr_t item;
    int rc = 0;
    (void)result;
    while (rc == 0 && (rc = load_pause()) == 0 && take_item(s, &item) == 0) {
        rc = draw(4) == 0 ? rove_queue_try_put(s->queue, (void *)item)
                          : rove_queue_put(s->queue, (void *)item);
        note_put(s, item, rc);
        rc = rc == -EAGAIN ? 0 : rc;
    }
    return rc;
}

static int get_items(void *arg, void **result)
{
    struct shared *s = arg;
    int rc = 0;
    (void)result;
    while (rc == 0 && (rc = load_pause()) == 0) {
        void *item = NULL;
        rc = rove_queue_get(s->queue, &item);
        note_got(s, (uintptr_t)item, rc);
        if (rc == 0) {
            load_check(rove_queue_task_done(s->queue) == 0, "task_done is refused");
        }
    }
    return rc == -EPIPE ? 0 : rc;
}

int load_queue(unsigned depth)
{
    struct shared s = {.queue = draw(2) == 0 ? rove_queue_create(draw(4))
                                             : rove_queue_create_lifo(draw(4))};
    rove_task *tasks[MAX_TASKS];
    void *item;
    (void)depth;
    load_check(s.queue != NULL, "no queue");
    unsigned n = start(&s, put_items, 1 + draw(TASKS), tasks);
    n += start(&s, get_items, 1 + draw(TASKS), tasks + n);
    load_disturb(n, tasks);
    int rc = load_pause();
    (void)rove_queue_shutdown(s.queue, false);
    load_join_all(n, tasks);
    while (rove_queue_try_get(s.queue, &item) == 0) {
        note_got(&s, (uintptr_t)item, 0);
    }
    settle(&s, "queue");
    rove_queue_destroy(s.queue);
    return rc;
}

static int send_items(void *arg, void **result)
{
    struct shared *s = arg;
    uintptr_t item;
    int rc = 0;
    (void)result;
    while (rc == 0 && (rc = load_pause()) == 0 && take_item(s, &item) == 0) {
        rc = draw(4) == 0 ? rove_chan_try_send(s->chan, &item) : rove_chan_send(s->chan, &item);
        note_put(s, item, rc);
        rc = rc == -EAGAIN ? 0 : rc;
    }
    return rc;
}

static int recv_items(void *arg, void **result)
{
    struct shared *s = arg;
    int rc = 0;
    (void)result;
    while (rc == 0 && (rc = load_pause()) == 0) {
        uintptr_t item = 0;
        rc = rove_chan_recv(s->chan, &item);
        note_got(s, item, rc);
    }
    return rc;
}

static void drain(struct shared *s, rove_chan *c)
{
    uintptr_t item;
    while (rove_chan_try_recv(c, &item) == 0) {
        note_got(s, item, 0);
    }
    rove_chan_release(c);
}

int load_chan(unsigned depth)
{
    struct shared s = {.chan = rove_chan_create(sizeof(uintptr_t), draw(4))};
    rove_task *tasks[MAX_TASKS];
    (void)depth;
    load_check(s.chan != NULL, "no channel");
    unsigned n = start(&s, send_items, 1 + draw(TASKS), tasks);
    n += start(&s, recv_items, 1 + draw(TASKS), tasks + n);
    load_disturb(n, tasks);
    int rc = load_pause();
    (void)rove_chan_close(s.chan);
    load_join_all(n, tasks);
    drain(&s, s.chan);
    settle(&s, "channel");
    return rc;
}

/* Sends on one and receives from either, whatever goes through first. */
static int select_items(void *arg, void **result)
{
    struct shared *s = arg;
    int rc = 0;
    (void)result;
    while (rc >= 0 && (rc = load_pause()) == 0) {
        uintptr_t out = ITEMS, in[2] = {ITEMS, ITEMS};
        bool has_item = draw(2) == 0 && take_item(s, &out) == 0;
        rove_select_case cases[3] = {
            {.op = ROVE_RECV, .chan = s->chan, .element = &in[0]},
            {.op = ROVE_RECV, .chan = s->other, .element = &in[1]},
            {.op = ROVE_SEND, .chan = draw(2) == 0 ? s->chan : s->other, .element = &out}};
        rove_duration timeout = draw(4) == 0 ? ROVE_NS(1) << draw(20) : ROVE_FOREVER;
        rc = rove_select(has_item ? 3 : 2, cases, timeout);
        load_check(rc >= 0 || rc == -ETIMEDOUT || rc == -ECANCELED || rc == -EAGAIN, "select: %d",
                   rc);
        if (rc >= 0 && cases[rc].error == 0) {
            rc == 2 ? note_put(s, out, 0) : note_got(s, in[rc], 0);
        }
        rc = rc >= 0 ? cases[rc].error : rc == -ECANCELED ? rc : 0;
    }
    return rc;
}

int load_select(unsigned depth)
{
    struct shared s = {.chan = rove_chan_create(sizeof(uintptr_t), draw(3)),
                       .other = rove_chan_create(sizeof(uintptr_t), draw(3))};
    rove_task *tasks[MAX_TASKS];
    (void)depth;
    unsigned n = start(&s, select_items, 1 + draw(TASKS), tasks);
    n += start(&s, draw(2) == 0 ? send_items : recv_items, 1 + draw(TASKS), tasks + n);
    load_disturb(n, tasks);
    int rc = load_pause();
    (void)rove_chan_close(s.chan);
    (void)rove_chan_close(s.other);
    load_join_all(n, tasks);
    drain(&s, s.chan);
    drain(&s, s.other);
    settle(&s, "select");
    return rc;
}

static int use_mutex(void *arg, void **result)
{
    struct shared *s = arg;
    int rc = 0;
    (void)result;
    for (unsigned i = 0; i < 4 && rc == 0; i++) {
        rc = draw(4) == 0 ? rove_mutex_trylock(&s->mutex) : rove_mutex_lock(&s->mutex);
        if (rc == 0) {
            load_check(s->inside++ == 0, "two tasks hold a mutex");
            rc = load_pause();
            load_check(--s->inside == 0, "two tasks held a mutex");
            rove_mutex_unlock(&s->mutex);
        }
        rc = rc == -EBUSY || rc == -EAGAIN ? 0 : rc;
    }
    return rc;
}

int load_mutex(unsigned depth)
{
    struct shared s = {.limit = 0};
    rove_task *tasks[MAX_TASKS];
    (void)depth;
    unsigned n = start(&s, use_mutex, 2 + draw(TASKS), tasks);
    load_disturb(n, tasks);
    load_join_all(n, tasks);
    load_check(rove_mutex_trylock(&s.mutex) == 0, "a mutex is left locked");
    rove_mutex_unlock(&s.mutex);
    return 0;
}

static int use_semaphore(void *arg, void **result)
{
    struct shared *s = arg;
    int rc = 0;
    (void)result;
    for (unsigned i = 0; i < 4 && rc == 0; i++) {
        rc = rove_semaphore_acquire(&s->semaphore);
        if (rc == 0) {
            load_check(s->inside++ < s->limit, "too many hold a semaphore");
            rc = load_pause();
            s->inside--;
            load_check(rove_semaphore_release(&s->semaphore) == 0, "a release is refused");
        }
    }
    return rc;
}

int load_semaphore(unsigned depth)
{
    struct shared s = {.limit = 1 + draw(3)};
    rove_task *tasks[MAX_TASKS];
    (void)depth;
    rove_semaphore_init(&s.semaphore, s.limit, s.limit);
    unsigned n = start(&s, use_semaphore, 2 + draw(TASKS), tasks);
    load_disturb(n, tasks);
    load_join_all(n, tasks);
    for (unsigned i = 0; i < s.limit; i++) {
        load_check(rove_semaphore_tryacquire(&s.semaphore) == 0, "a semaphore lost a permit");
    }
    load_check(rove_semaphore_tryacquire(&s.semaphore) != 0, "a semaphore won a permit");
    return 0;
}

static int use_rwlock(void *arg, void **result)
{
    struct shared *s = arg;
    int rc = 0;
    (void)result;
    for (unsigned i = 0; i < 4 && rc == 0; i++) {
        bool is_writer = draw(3) == 0;
        rc = is_writer ? rove_rwlock_wrlock(&s->rwlock) : rove_rwlock_rdlock(&s->rwlock);
        if (rc == 0) {
            s->inside += is_writer;
            s->readers += !is_writer;
            load_check(s->inside == 0 || (s->inside == 1 && s->readers == 0), "not exclusive");
            rc = load_pause();
            s->inside -= is_writer;
            s->readers -= !is_writer;
            rove_rwlock_unlock(&s->rwlock);
        }
    }
    return rc;
}

int load_rwlock(unsigned depth)
{
    struct shared s = {.limit = 0};
    rove_task *tasks[MAX_TASKS];
    (void)depth;
    unsigned n = start(&s, use_rwlock, 2 + draw(TASKS), tasks);
    load_disturb(n, tasks);
    load_join_all(n, tasks);
    load_check(rove_rwlock_trywrlock(&s.rwlock) == 0, "a rwlock is left locked");
    rove_rwlock_unlock(&s.rwlock);
    return 0;
}

static int wait_cond(void *arg, void **result)
{
    struct shared *s = arg;
    (void)result;
    int rc = rove_mutex_lock(&s->mutex);
    if (rc != 0) {
        return rc;
    }
    while (!s->is_set && rc == 0) {
        rc = rove_cond_wait(&s->cond, &s->mutex); /* cancelled or not, it holds the mutex again */
        load_check(s->inside == 0, "a condition comes back without its mutex");
    }
    s->inside++;
    (void)load_pause();
    s->inside--;
    rove_mutex_unlock(&s->mutex);
    return rc;
}

int load_cond(unsigned depth)
{
    struct shared s = {.limit = 0};
    rove_task *tasks[MAX_TASKS];
    (void)depth;
    unsigned n = start(&s, wait_cond, 1 + draw(TASKS), tasks);
    load_disturb(n, tasks);
    int rc = rove_mutex_lock(&s.mutex);
    s.is_set = true; /* without the mutex when cancelled: then all are cancelled below */
    if (rc == 0) {
        draw(2) == 0 ? rove_cond_notify_all(&s.cond) : rove_cond_notify(&s.cond, n);
        rove_mutex_unlock(&s.mutex);
    }
    for (unsigned i = 0; i < n && rc != 0; i++) {
        rove_cancel(tasks[i]);
    }
    load_join_all(n, tasks);
    return rc;
}

static int wait_event(void *arg, void **result)
{
    struct shared *s = arg;
    (void)result;
    int rc = rove_event_wait(&s->event);
    load_check(rc != 0 || s->is_set, "an event is waited for and not set");
    return rc;
}

int load_event(unsigned depth)
{
    struct shared s = {.limit = 0};
    rove_task *tasks[MAX_TASKS];
    (void)depth;
    unsigned n = start(&s, wait_event, 1 + draw(TASKS), tasks);
    load_disturb(n, tasks);
    int rc = load_pause();
    s.is_set = true;
    rove_event_set(&s.event);
    load_join_all(n, tasks);
    return rc;
}

static int recv_oneshot(void *arg, void **result)
{
    struct shared *s = arg;
    void *value = NULL;
    (void)result;
    int rc = rove_oneshot_recv(&s->oneshot, &value);
    load_check(rc != 0 || value == s, "a oneshot gave somebody else's value");
    s->readers += rc == 0;
    return rc;
}

int load_oneshot(unsigned depth)
{
    struct shared s = {.limit = 0};
    rove_task *tasks[MAX_TASKS];
    (void)depth;
    unsigned n = start(&s, recv_oneshot, 1, tasks);
    load_disturb(n, tasks);
    int rc = load_pause();
    int sent = draw(4) == 0 ? rove_oneshot_close(&s.oneshot) : rove_oneshot_send(&s.oneshot, &s);
    load_check(sent == 0 || sent == -EPIPE || sent == -EALREADY, "a oneshot: %d", sent);
    load_join_all(n, tasks);
    load_check(s.readers <= 1, "a oneshot came twice");
    return rc;
}

static int recv_broadcast(void *arg, void **result)
{
    struct shared *s = arg;
    rove_subscriber *me = rove_broadcast_subscribe(s->broadcast);
    uintptr_t last = 0, value = 0;
    uint64_t missed = 0;
    int rc;
    (void)result;
    load_check(me != NULL, "no subscriber");
    while ((rc = load_pause()) == 0 && (rc = rove_subscriber_recv(me, &value, &missed)) == 0) {
        load_check(value > last && value <= s->last, "a broadcast went backwards");
        load_check(last == 0 || value == last + 1 + missed, "a broadcast lost %zu after %zu",
                   (size_t)value, (size_t)last);
        last = value;
    }
    load_check(rc == -EPIPE || rc == -ECANCELED, "a subscriber: %d", rc);
    rove_subscriber_release(me);
    return rc;
}

int load_broadcast(unsigned depth)
{
    struct shared s = {.broadcast = rove_broadcast_create(sizeof(uintptr_t), 1 + draw(4))};
    rove_task *tasks[MAX_TASKS];
    int rc = 0;
    (void)depth;
    load_check(s.broadcast != NULL, "no broadcast");
    unsigned n = start(&s, recv_broadcast, 1 + draw(TASKS), tasks);
    for (unsigned i = draw(8); i > 0 && rc == 0; i--) {
        s.last++;
        load_check(rove_broadcast_send(s.broadcast, &s.last) == 0, "a send is refused");
        rc = load_pause();
    }
    load_disturb(n, tasks);
    (void)rove_broadcast_close(s.broadcast);
    load_join_all(n, tasks);
    rove_broadcast_release(s.broadcast);
    return rc;
}
