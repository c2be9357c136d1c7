// SPDX-License-Identifier: MIT
/*
 * Purpose: fuzz sequences of calls: tasks that create, cancel and await each other, and meet at
 *          locks, queues, channels, groups.
 *
 * Idea: every task takes its next order from the same row of bytes, so the row decides who does
 * what, and with one worker also when. With more (in a simulation, where nobody is interrupted
 * outside of the library) a slot may have changed hands after every call. At the end everything is
 * cancelled and awaited. Then: as many tasks ended as began, nobody was in the locked section with
 * another, no permit and no item was lost or doubled.
 */
#include "fuzz/target.h"

#include <stdbool.h>

enum { SLOTS = 8, TASKS_MAX = 64, PERMITS = 2 };

struct world {
    struct rv_input *in;
    rove_task *slots[SLOTS];
    rove_mutex mutex;
    rove_semaphore permits;
    rove_event event;
    rove_queue *queue;
    rove_chan *chan;
    unsigned made, begun, ended;      /* tasks; those cancelled before they begin never do */
    uint64_t ids[TASKS_MAX];          /* of those that began, in order */
    unsigned inside, holders;         /* the section under the mutex; permits in use */
    unsigned long put, got, sent, received; /* sums of items */
};

typedef void order_fn(struct world *w, unsigned arg);

static int obey(void *arg, void **result);

static rove_task *make(struct world *w)
{
    if (w->made == TASKS_MAX) {
        return NULL;
    }
    w->made++;
    rove_task *t = rove_create_task(obey, w);
    rv_require(t != NULL, "memory");
    return t;
}

static rove_task *take_slot(struct world *w, unsigned slot)
{
    rove_task *t = w->slots[slot];
    w->slots[slot] = NULL;
    return t;
}

static void create(struct world *w, unsigned slot)
{
    rove_task *t = make(w);
    rove_task *old = take_slot(w, slot);
    w->slots[slot] = t;
    rove_release(old); /* detached, if it still runs */
}

static void let_others_run(struct world *w, unsigned arg)
{
    (void)w;
    (void)(arg % 2 == 0 ? rove_yield() : rove_sleep(ROVE_US(1)));
}

static void cancel(struct world *w, unsigned slot)
{
    rove_task *t = take_slot(w, slot); /* who else took it meanwhile might release it */
    if (t != NULL) {
        (void)rove_cancel(t);
        rove_task *newer = take_slot(w, slot);
        w->slots[slot] = newer == NULL ? t : newer;
        rove_release(newer == NULL ? NULL : t);
    }
}

/* How many began before it; of one that has not begun, all. */
static unsigned age(const struct world *w, uint64_t id)
{
    unsigned i = 0;
    while (i < w->begun && w->ids[i] != id) {
        i++;
    }
    return i;
}

/* Only of a younger one: two that wait for each other would do so for ever, as they asked for. Ids
 * of several workers do not say who is younger: a child may have a lower one than its parent. */
static rove_task *take_younger(struct world *w, unsigned slot)
{
    rove_task *t = w->slots[slot];
    bool may_wait = t != NULL &&
                    age(w, rove_task_id(t)) > age(w, rove_task_id(rove_current_task()));
    return may_wait ? take_slot(w, slot) : NULL;
}

static void await(struct world *w, unsigned slot)
{
    rove_task *t = take_younger(w, slot);
    if (t != NULL) {
        (void)rove_wait_for(t, ROVE_US(20), NULL);
        rove_release(t);
    }
}

static void await_shielded(struct world *w, unsigned slot)
{
    rove_task *t = take_younger(w, slot);
    rove_future *shield = t == NULL ? NULL : rove_shield(t);
    if (shield != NULL) {
        (void)rove_wait_for(shield, ROVE_US(5), NULL);
    }
    rove_release(shield);
    rove_release(t);
}

static void lock(struct world *w, unsigned arg)
{
    if (rove_mutex_lock(&w->mutex) == 0) {
        rv_require(w->inside++ == 0, "one task in the section");
        if (arg % 2 == 0) {
            (void)rove_yield();
        }
        w->inside--;
        rove_mutex_unlock(&w->mutex);
    }
}

static void hold_permit(struct world *w, unsigned arg)
{
    if (rove_semaphore_acquire(&w->permits) == 0) {
        rv_require(++w->holders <= PERMITS, "as many as there are permits");
        if (arg % 2 == 0) {
            (void)rove_yield();
        }
        w->holders--;
        rv_require(rove_semaphore_release(&w->permits) == 0, "a permit comes back");
    }
}

static void put(struct world *w, unsigned arg)
{
    void *item = (void *)(uintptr_t)(arg + 1);
    int rc = arg % 2 == 0 ? rove_queue_try_put(w->queue, item) : rove_queue_put(w->queue, item);
    w->put += rc == 0 ? arg + 1 : 0;
}

static void get(struct world *w, unsigned arg)
{
    void *item = NULL;
    int rc = arg % 2 == 0 ? rove_queue_try_get(w->queue, &item) : rove_queue_get(w->queue, &item);
    w->got += rc == 0 ? (unsigned long)(uintptr_t)item : 0;
}

static void send_one(struct world *w, unsigned arg)
{
    int element = (int)arg + 1;
    rove_select_case one = {.op = ROVE_SEND, .chan = w->chan, .element = &element};
    int rc = arg % 2 == 0 ? rove_chan_send(w->chan, &element) : rove_select(1, &one, ROVE_US(5));
    w->sent += rc == 0 ? arg + 1 : 0;
}

static void receive_one(struct world *w, unsigned arg)
{
    int element = 0;
    rove_select_case one = {.op = ROVE_RECV, .chan = w->chan, .element = &element};
    int rc = arg % 2 == 0 ? rove_chan_recv(w->chan, &element) : rove_select(1, &one, ROVE_US(5));
    w->received += rc == 0 ? (unsigned long)element : 0;
}

static void use_event(struct world *w, unsigned arg)
{
    if (arg % 4 == 0) {
        rove_event_clear(&w->event);
    } else if (arg % 4 == 1) {
        (void)rove_event_wait(&w->event);
    } else {
        rove_event_set(&w->event);
    }
}

static void run_group(struct world *w, unsigned arg)
{
    rove_task_group group;
    rove_timeout limit;
    int rc = 0;
    rove_timeout_enter(&limit, ROVE_US(30));
    rove_task_group_enter(&group);
    for (unsigned i = 0; i < 1 + arg % 3 && w->made < TASKS_MAX; i++) {
        w->made++;
        rv_require(rove_task_group_create_task(&group, obey, w) != NULL, "an open group takes all");
    }
    if (arg % 2 == 0) {
        rc = rove_task_group_cancel(&group);
    }
    (void)rove_timeout_exit(&limit, rove_task_group_exit(&group, rc));
}

static void gather(struct world *w, unsigned arg)
{
    rove_call calls[2] = {{obey, w}, {obey, w}};
    rove_timeout limit;
    if (w->made + 2 > TASKS_MAX) {
        return;
    }
    w->made += 2;
    rove_timeout_enter(&limit, ROVE_US(10 + arg));
    (void)rove_timeout_exit(&limit, rove_gather_calls(2, calls, NULL));
}

static void cancel_self(struct world *w, unsigned arg)
{
    (void)w;
    (void)arg;
    (void)rove_cancel(rove_current_task());
}

static int obey(void *arg, void **result)
{
    static order_fn *const orders[16] = {
        create,      create,      let_others_run, cancel,    await,     await_shielded,
        lock,        hold_permit, put,            get,       send_one,  receive_one,
        use_event,   run_group,   gather,         cancel_self,
    };
    struct world *w = arg;
    (void)result;
    w->ids[w->begun++] = rove_task_id(rove_current_task());
    /* Who was cancelled obeys no more: one that goes on and waits again may be awaited for ever. */
    while (w->in->at < w->in->size && rove_cancelling(rove_current_task()) == 0) {
        uint8_t order = rv_input_take(w->in);
        orders[order % 16](w, (order >> 4) % SLOTS);
    }
    w->ended++;
    return 0;
}

/* Nobody waits for ever: what is left is cancelled again and again until no task is. */
static void end_all(struct world *w)
{
    rove_task *left[TASKS_MAX + 8];
    size_t n;
    while ((n = rove_all_tasks(rove_current_runtime(), left, TASKS_MAX + 8)) > 1) {
        for (size_t i = 0; i < n; i++) {
            if (left[i] != rove_current_task()) {
                (void)rove_cancel(left[i]);
            }
            rove_release(left[i]);
        }
        (void)rove_sleep(ROVE_US(5)); /* a look at all is dear: first let them have a turn */
    }
    rove_release(left[0]);
    for (unsigned i = 0; i < SLOTS; i++) {
        rove_release(w->slots[i]);
    }
}

static int run(void *arg, void **result)
{
    struct world w = {.in = arg};
    int element;
    void *item;
    (void)result;
    rove_semaphore_init(&w.permits, PERMITS, PERMITS);
    w.queue = rove_queue_create(2);
    w.chan = rove_chan_create(sizeof(int), 1);
    rv_require(w.queue != NULL && w.chan != NULL, "memory");
    while (w.in->at < w.in->size && w.made < TASKS_MAX) {
        rove_task *t = make(&w);
        (void)rove_wait_for(t, ROVE_US(100), NULL);
        rove_release(t);
    }
    end_all(&w);
    rv_require(w.begun == w.ended && w.begun <= w.made, "who began has ended");
    rv_require(w.inside == 0 && rove_mutex_trylock(&w.mutex) == 0, "the mutex is free");
    rove_mutex_unlock(&w.mutex);
    rv_require(w.holders == 0, "no permit is held");
    for (unsigned i = 0; i < PERMITS; i++) {
        rv_require(rove_semaphore_tryacquire(&w.permits) == 0, "every permit is there");
    }
    while (rove_queue_try_get(w.queue, &item) == 0) {
        w.got += (unsigned long)(uintptr_t)item;
    }
    while (rove_chan_try_recv(w.chan, &element) == 0) {
        w.received += (unsigned long)element;
    }
    rv_require(w.put == w.got && w.sent == w.received, "no item is lost or doubled");
    rove_queue_destroy(w.queue);
    rove_chan_release(w.chan);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rv_input in = {data, size, 0};
    rv_target_run(run, &in);
    return 0;
}
