// SPDX-License-Identifier: MIT
/*
 * Purpose: a grant and a cancellation meet, for every way to wait for one's turn: whoever wins, the
 *          grant is used exactly once. It is the first waiter's, or it goes on to the second.
 * Idea:    each entry of a list has an object that is taken, and two tasks that wait for it, in
 *          this order. A plain thread cancels the first of each entry while a task grants. Dice say
 *          for each entry whether one of the two leads or both meet there. A grant that is lost
 *          leaves the second waiting for ever; one that is used twice lets both through.
 *          RV_TEST_FACTOR=1000 makes it a million rounds of most kinds.
 * Threads: the canceller's own thread; it is told of a list by `go`, and tells by `through`.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "core/os.h"
#include "sched/future.h"

#include <semaphore.h>

enum {
    BATCH = RV_TSAN || RV_ASAN ? 100 : 250,
    LEASH = 4,
    SKEW = 200, /* rounds of rv_cpu_relax, at most; arbitrary */
    SPINS = 64, /* before the processor is offered to others; arbitrary */
    FIRST = 1,  /* the takers' numbers */
    SECOND = 2,
    FILLER = 3,
    SENT = 4
};

struct entry;

struct taker {
    struct entry *e;
    long number;
    long value; /* what it got, or SENT where there is nothing to get */
    int rc;
    rove_task *task;
};

/* What is waited for, and how. */
struct kind {
    const char *name;
    void (*begin)(struct entry *e);     /* afterwards there is nothing to be had */
    int (*take)(struct taker *t);       /* waits for its turn */
    void (*grant)(struct entry *e);     /* there is one to be had; never waits for a taker */
    long (*landed)(struct entry *e);    /* whose value went through; NULL: no values */
    void (*end)(struct entry *e);       /* NULL: nothing to free */
    bool is_for_all;                    /* one grant lets everybody through */
};

struct entry {
    rove_mutex mutex;
    rove_rwlock rwlock;
    rove_semaphore semaphore;
    rove_cond cond;
    rove_event event;
    rove_oneshot oneshot;
    rove_queue *queue;
    rove_chan *chan;
    rove_watch *watch;
    long passed; /* what the granter took */
    struct taker takers[2];
};

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
    return t->number == FIRST ? rwlock_write(t) : rwlock_read(t);
}

static void rwlock_grant(struct entry *e)
{
    rove_rwlock_unlock(&e->rwlock);
}

/* semaphore */

static void semaphore_begin(struct entry *e)
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

static void nothing(RV_UNUSED struct entry *e)
{
}

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
    RV_EXPECT_EQ(rove_oneshot_send(&e->oneshot, (void *)(intptr_t)SENT), 0);
}

static void watch_begin(struct entry *e)
{
    e->watch = rove_watch_create(sizeof(long), &(long){FILLER});
}

static int watch_take(struct taker *t)
{
    uint64_t seen = 1; /* the initial value's version */
    return rove_watch_wait(t->e->watch, &seen, &t->value);
}

static void watch_grant(struct entry *e)
{
    RV_EXPECT_EQ(rove_watch_send(e->watch, &(long){SENT}), 0);
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
    RV_EXPECT_EQ(rove_queue_try_put(e->queue, (void *)(intptr_t)FILLER), 0);
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
    RV_EXPECT_EQ(rove_queue_try_put(e->queue, (void *)(intptr_t)SENT), 0);
}

static void queue_give_room(struct entry *e)
{
    void *item = NULL;
    RV_EXPECT_EQ(rove_queue_try_get(e->queue, &item), 0);
    RV_EXPECT_EQ((long)(intptr_t)item, FILLER);
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

/* channel and select */

static void chan_begin(struct entry *e)
{
    e->chan = rove_chan_create(sizeof(long), 0);
}

static void chan_begin_full(struct entry *e)
{
    e->chan = rove_chan_create(sizeof(long), 1);
    RV_EXPECT_EQ(rove_chan_send(e->chan, &(long){FILLER}), 0);
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
    RV_EXPECT_EQ(rove_chan_try_send(e->chan, &(long){SENT}), 0);
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
    RV_EXPECT_EQ(e->passed, FILLER);
    RV_EXPECT_EQ(rove_chan_try_recv(e->chan, &number), 0);
    return number;
}

static void chan_end(struct entry *e)
{
    RV_EXPECT_EQ(rove_chan_try_recv(e->chan, &e->passed), -EAGAIN);
    rove_chan_release(e->chan);
}

static const struct kind kinds[] = {
    {"mutex", mutex_begin, mutex_take, mutex_grant, NULL, NULL, false},
    {"writers", rwlock_begin, rwlock_write, rwlock_grant, NULL, NULL, false},
    {"writers after a reader", rwlock_begin_reading, rwlock_write, rwlock_grant, NULL, NULL, false},
    {"a writer, then a reader", rwlock_begin, rwlock_write_then_read, rwlock_grant, NULL, NULL,
     false},
    {"the same after a reader", rwlock_begin_reading, rwlock_write_then_read, rwlock_grant, NULL,
     NULL, false},
    {"readers", rwlock_begin, rwlock_read, rwlock_grant, NULL, NULL, true},
    {"semaphore", semaphore_begin, semaphore_take, semaphore_grant, NULL, NULL, false},
    {"condition", nothing, cond_take, cond_grant, NULL, NULL, false},
    {"event", nothing, event_take, event_grant, NULL, NULL, true},
    {"oneshot", nothing, oneshot_take, oneshot_grant, NULL, NULL, false},
    {"watch", watch_begin, watch_take, watch_grant, NULL, watch_end, true},
    {"queue get", queue_begin, queue_get, queue_give_item, NULL, queue_end, false},
    {"queue put", queue_begin_full, queue_put, queue_give_room, queue_landed, queue_end, false},
    {"receive", chan_begin, chan_receive, chan_give_element, NULL, chan_end, false},
    {"send", chan_begin, chan_send, chan_accept, chan_passed, chan_end, false},
    {"buffered send", chan_begin_full, chan_send, chan_accept, chan_landed, chan_end, false},
    {"select receives", chan_begin, select_receive, chan_give_element, NULL, chan_end, false},
    {"select sends", chan_begin, select_send, chan_accept, chan_passed, chan_end, false},
    {"select sends, buffered", chan_begin_full, select_send, chan_accept, chan_landed, chan_end,
     false},
};

struct race {
    struct entry entries[BATCH];
    enum { NOBODY, GRANTER, CANCELLER, SIDES } leader[BATCH];
    RV_ATOMIC(size_t) granter_at, canceller_at;
    struct rv_rand rand, canceller_rand;
    sem_t go;
    rove_event through;
    RV_ATOMIC(bool) is_over;
    pthread_t thread;
    unsigned long first_won, second_won; /* how the meetings went */
};

static const struct kind *current; /* of the batch; set before its tasks are created */

static int run_taker(void *arg, RV_UNUSED void **result)
{
    struct taker *t = arg;
    t->value = SENT;
    t->rc = current->take(t);
    return 0;
}

/* Until the other side is there too, or close if this one leads; then a little more, or not. */
static void come_close(RV_ATOMIC(size_t) *other, size_t i, bool leads, struct rv_rand *rand)
{
    for (unsigned spins = 0; rv_load_relaxed(other) + (leads ? LEASH : 0) < i; spins++) {
        if (spins % SPINS == SPINS - 1)
            rv_os_sched_yield();
        else
            rv_cpu_relax();
    }
    for (unsigned n = rv_rand_below(rand, SKEW); n > 0; n--)
        rv_cpu_relax();
}

static void *cancel_all(void *arg)
{
    struct race *r = arg;
    for (;;) {
        while (sem_wait(&r->go) != 0) {
        }
        if (rv_load_relaxed(&r->is_over))
            return NULL;
        for (size_t i = 0; i < BATCH; i++) {
            come_close(&r->granter_at, i, r->leader[i] == CANCELLER, &r->canceller_rand);
            (void)rove_cancel(r->entries[i].takers[0].task);
            rv_store_relaxed(&r->canceller_at, i + 1);
        }
        rove_event_set(&r->through);
    }
}

static bool is_parked(rove_task *t)
{
    return rv_state_phase(rv_load_relaxed(&t->state)) == RV_PHASE_PARKED;
}

/* All the first, or all the second, and until they wait. */
static void line_up(struct race *r, unsigned which)
{
    for (size_t i = 0; i < BATCH; i++) {
        struct taker *t = &r->entries[i].takers[which];
        *t = (struct taker){.e = &r->entries[i], .number = which + 1};
        t->task = rove_create_task(run_taker, t);
    }
    for (size_t i = 0; i < BATCH; i++) {
        while (!is_parked(r->entries[i].takers[which].task))
            (void)rove_yield();
    }
}

/* The race is over: who went through? */
static void settle(struct race *r, struct entry *e)
{
    struct taker *first = &e->takers[0], *second = &e->takers[1];
    (void)rove_join(first->task, NULL);
    bool is_first = first->rc == 0;
    RV_EXPECT(is_first || first->rc == -ECANCELED);
    if (is_first && !current->is_for_all)
        (void)rove_cancel(second->task); /* it had no turn and would wait for ever */
    (void)rove_join(second->task, NULL);
    bool is_second = second->rc == 0;
    if (current->is_for_all)
        RV_EXPECT(is_second);
    else
        RV_EXPECT(is_first != is_second);
    RV_EXPECT(!is_first || first->value == SENT);
    RV_EXPECT(!is_second || second->value == SENT);
    if (current->landed != NULL)
        RV_EXPECT_EQ(current->landed(e), is_first ? FIRST : SECOND);
    if (current->end != NULL)
        current->end(e);
    *(is_first ? &r->first_won : &r->second_won) += 1;
}

static void run_batch(struct race *r)
{
    for (size_t i = 0; i < BATCH; i++) {
        r->entries[i] = (struct entry){0};
        current->begin(&r->entries[i]);
        r->leader[i] = rv_rand_below(&r->rand, SIDES);
    }
    line_up(r, 0);
    line_up(r, 1);
    rv_store_relaxed(&r->granter_at, 0);
    rv_store_relaxed(&r->canceller_at, 0);
    sem_post(&r->go);
    for (size_t i = 0; i < BATCH; i++) {
        come_close(&r->canceller_at, i, r->leader[i] == GRANTER, &r->rand);
        current->grant(&r->entries[i]);
        rv_store_relaxed(&r->granter_at, i + 1);
    }
    RV_EXPECT_EQ(rove_event_wait(&r->through), 0);
    rove_event_clear(&r->through);
    for (size_t i = 0; i < BATCH; i++)
        settle(r, &r->entries[i]);
}

/* Goal: for each kind, no grant is lost and none is used twice, whatever meets it. */
RV_TASK_TEST(test_grant_that_meets_a_cancellation_is_used_once)
{
    static struct race r;
    r = (struct race){0};
    rv_rand_seed(&r.rand, rv_crowd_seed());
    rv_rand_seed(&r.canceller_rand, rv_crowd_seed() + 1);
    sem_init(&r.go, 0, 0);
    RV_REQUIRE_EQ(pthread_create(&r.thread, NULL, cancel_all, &r), 0);
    for (size_t k = 0; k < RV_ARRAY_LEN(kinds); k++) {
        current = &kinds[k];
        r.first_won = r.second_won = 0;
        for (unsigned n = rv_crowd_factor(); n > 0; n--)
            run_batch(&r);
        if (rv_crowd_factor() > 1)
            print_message("%-24s first %lu, second %lu\n", current->name, r.first_won,
                          r.second_won);
    }
    rv_store_relaxed(&r.is_over, true);
    sem_post(&r.go);
    pthread_join(r.thread, NULL);
    sem_destroy(&r.go);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grant_that_meets_a_cancellation_is_used_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
