// SPDX-License-Identifier: MIT
/*
 * Purpose: tasks and plain threads stand in one line, for every way to wait for one's turn: they
 *          are served in the order they came, whatever they are.
 * Idea:    tasks and threads line up by turns, each when the one before it sleeps: a task is
 *          parked, a thread is what the kernel calls sleeping, and nothing but its wait makes it
 *          sleep. Then there is one turn after the other, each with its number.
 * Threads: half of the members.
 */
#include "support/fixture.h"

#include "core/atomic.h"
#include "core/os.h"
#include "sched/future.h"

#include <pthread.h>
#include <stdio.h>

enum { MEMBERS = 8 };

struct line;

struct member {
    struct line *line;
    long number; /* 1 .. MEMBERS, in the order of arrival */
    long turn;   /* its own, once it came */
    int rc;
    bool is_task;
    rove_task *task;
    pthread_t thread;
    RV_ATOMIC(int) tid; /* 0: not yet running */
};

/* A task's turn, and a plain thread's; `give` makes it the turn of the first in line. */
struct kind {
    const char *name;
    void (*begin)(struct line *l); /* afterwards everybody waits */
    int (*take)(struct member *m);
    int (*take_blocking)(struct member *m, rove_duration timeout);
    void (*give)(struct line *l);
    void (*end)(struct line *l);
};

struct line {
    const struct kind *kind;
    rove_mutex mutex;
    rove_rwlock rwlock;
    rove_semaphore semaphore;
    rove_cond cond;
    rove_queue *queue;
    rove_chan *chan;
    long given;  /* turns so far, where somebody gives them */
    long served; /* the same, where each ends his own: guarded by the lock in question */
    struct member members[MEMBERS];
};

/* mutex and rwlock: whoever has had his turn gives it on */

static void mutex_begin(struct line *l)
{
    RV_EXPECT_EQ(rove_mutex_lock(&l->mutex), 0);
}

static int mutex_served(struct member *m, int rc)
{
    if (rc == 0) {
        m->turn = ++m->line->served;
        rove_mutex_unlock(&m->line->mutex);
    }
    return rc;
}

static int mutex_take(struct member *m)
{
    return mutex_served(m, rove_mutex_lock(&m->line->mutex));
}

static int mutex_take_blocking(struct member *m, rove_duration timeout)
{
    return mutex_served(m, rove_mutex_lock_blocking(&m->line->mutex, timeout));
}

static void mutex_give(struct line *l)
{
    if (l->given == 1)
        rove_mutex_unlock(&l->mutex);
}

static void rwlock_begin(struct line *l)
{
    RV_EXPECT_EQ(rove_rwlock_rdlock(&l->rwlock), 0);
}

static int rwlock_served(struct member *m, int rc)
{
    if (rc == 0) {
        m->turn = ++m->line->served;
        rove_rwlock_unlock(&m->line->rwlock);
    }
    return rc;
}

static int rwlock_take(struct member *m)
{
    return rwlock_served(m, rove_rwlock_wrlock(&m->line->rwlock));
}

static int rwlock_take_blocking(struct member *m, rove_duration timeout)
{
    return rwlock_served(m, rove_rwlock_wrlock_blocking(&m->line->rwlock, timeout));
}

static void rwlock_give(struct line *l)
{
    if (l->given == 1)
        rove_rwlock_unlock(&l->rwlock);
}

static void nothing(RV_UNUSED struct line *l)
{
}

/* semaphore and condition: the one who has just come through is the one whose turn it is */

static int semaphore_take(struct member *m)
{
    int rc = rove_semaphore_acquire(&m->line->semaphore);
    m->turn = m->line->given;
    return rc;
}

static int semaphore_take_blocking(struct member *m, rove_duration timeout)
{
    int rc = rove_semaphore_acquire_blocking(&m->line->semaphore, timeout);
    m->turn = rc == 0 ? m->line->given : 0;
    return rc;
}

static void semaphore_give(struct line *l)
{
    RV_EXPECT_EQ(rove_semaphore_release(&l->semaphore), 0);
}

static int cond_take(struct member *m)
{
    int rc = rove_mutex_lock(&m->line->mutex);
    if (rc == 0) {
        rc = rove_cond_wait(&m->line->cond, &m->line->mutex);
        m->turn = m->line->given;
        rove_mutex_unlock(&m->line->mutex);
    }
    return rc;
}

static int cond_take_blocking(struct member *m, rove_duration timeout)
{
    int rc = rove_mutex_lock_blocking(&m->line->mutex, ROVE_FOREVER);
    if (rc == 0) {
        rc = rove_cond_wait_blocking(&m->line->cond, &m->line->mutex, timeout);
        m->turn = rc == 0 ? m->line->given : 0;
        rove_mutex_unlock(&m->line->mutex);
    }
    return rc;
}

static void cond_give(struct line *l)
{
    RV_EXPECT_EQ(rove_mutex_lock(&l->mutex), 0);
    rove_cond_notify(&l->cond, 1);
    rove_mutex_unlock(&l->mutex);
}

/* queue and channel: what comes says whose turn it is */

static void queue_begin(struct line *l)
{
    l->queue = rove_queue_create(1);
}

static void queue_begin_full(struct line *l)
{
    queue_begin(l);
    RV_EXPECT_EQ(rove_queue_try_put(l->queue, NULL), 0);
}

static int queue_get(struct member *m)
{
    void *item = NULL;
    int rc = rove_queue_get(m->line->queue, &item);
    m->turn = (long)(intptr_t)item;
    return rc;
}

static int queue_get_blocking(struct member *m, rove_duration timeout)
{
    void *item = NULL;
    int rc = rove_queue_get_blocking(m->line->queue, &item, timeout);
    m->turn = (long)(intptr_t)item;
    return rc;
}

static void queue_put_turn(struct line *l)
{
    RV_EXPECT_EQ(rove_queue_put(l->queue, (void *)(intptr_t)l->given), 0);
}

static int queue_put(struct member *m)
{
    return rove_queue_put(m->line->queue, m);
}

static int queue_put_blocking(struct member *m, rove_duration timeout)
{
    return rove_queue_put_blocking(m->line->queue, m, timeout);
}

/* The first item is the one that filled the queue; each get lets the next member's in. */
static void queue_get_turn(struct line *l)
{
    void *item = NULL;
    RV_EXPECT_EQ(rove_queue_try_get(l->queue, &item), 0);
    if (l->given > 1)
        ((struct member *)item)->turn = l->given - 1;
    if (l->given == MEMBERS) {
        RV_EXPECT_EQ(rove_queue_get(l->queue, &item), 0);
        ((struct member *)item)->turn = MEMBERS;
    }
}

static void queue_end(struct line *l)
{
    rove_queue_destroy(l->queue);
}

static void chan_begin(struct line *l)
{
    l->chan = rove_chan_create(sizeof(long), 0);
}

static int chan_receive(struct member *m)
{
    return rove_chan_recv(m->line->chan, &m->turn);
}

static int chan_receive_blocking(struct member *m, rove_duration timeout)
{
    return rove_chan_recv_blocking(m->line->chan, &m->turn, timeout);
}

static void chan_send_turn(struct line *l)
{
    RV_EXPECT_EQ(rove_chan_send(l->chan, &l->given), 0);
}

static int chan_send(struct member *m)
{
    return rove_chan_send(m->line->chan, &m->number);
}

static int chan_send_blocking(struct member *m, rove_duration timeout)
{
    return rove_chan_send_blocking(m->line->chan, &m->number, timeout);
}

static void chan_receive_turn(struct line *l)
{
    long number = 0;
    RV_EXPECT_EQ(rove_chan_recv(l->chan, &number), 0);
    if (RV_EXPECT(number >= 1 && number <= MEMBERS))
        l->members[number - 1].turn = l->given;
}

static void chan_end(struct line *l)
{
    rove_chan_release(l->chan);
}

static const struct kind kinds[] = {
    {"mutex", mutex_begin, mutex_take, mutex_take_blocking, mutex_give, nothing},
    {"rwlock", rwlock_begin, rwlock_take, rwlock_take_blocking, rwlock_give, nothing},
    {"semaphore", nothing, semaphore_take, semaphore_take_blocking, semaphore_give, nothing},
    {"condition", nothing, cond_take, cond_take_blocking, cond_give, nothing},
    {"get", queue_begin, queue_get, queue_get_blocking, queue_put_turn, queue_end},
    {"put", queue_begin_full, queue_put, queue_put_blocking, queue_get_turn, queue_end},
    {"receive", chan_begin, chan_receive, chan_receive_blocking, chan_send_turn, chan_end},
    {"send", chan_begin, chan_send, chan_send_blocking, chan_receive_turn, chan_end},
};

static int member_task(void *arg, RV_UNUSED void **result)
{
    struct member *m = arg;
    m->rc = m->line->kind->take(m);
    return 0;
}

static void *member_thread(void *arg)
{
    struct member *m = arg;
    rv_store_relaxed(&m->tid, (int)rv_os_gettid());
    m->rc = m->line->kind->take_blocking(m, ROVE_FOREVER);
    return NULL;
}

/* Does the kernel say S, for sleeping, of this thread? */
static bool is_asleep(int tid)
{
    char path[64], text[256];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *f = tid == 0 ? NULL : fopen(path, "r");
    bool has_line = f != NULL && fgets(text, sizeof text, f) != NULL;
    if (f != NULL)
        (void)fclose(f);
    const char *end = has_line ? strrchr(text, ')') : NULL;
    return end != NULL && end[1] == ' ' && end[2] == 'S';
}

static bool waits(struct member *m)
{
    if (m->is_task)
        return rv_state_phase(rv_load_relaxed(&m->task->state)) == RV_PHASE_PARKED;
    return is_asleep(rv_load_relaxed(&m->tid));
}

static int line_up(struct line *l)
{
    for (long i = 0; i < MEMBERS; i++) {
        struct member *m = &l->members[i];
        *m = (struct member){.line = l, .number = i + 1, .rc = 1, .is_task = i % 2 == 0};
        if (m->is_task)
            RV_REQUIRE((m->task = rove_create_task(member_task, m)) != NULL);
        else
            RV_REQUIRE_EQ(pthread_create(&m->thread, NULL, member_thread, m), 0);
        while (!waits(m))
            (void)rove_yield();
    }
    return 0;
}

static void join(struct member *m)
{
    if (m->is_task)
        (void)rove_join(m->task, NULL);
    else
        (void)pthread_join(m->thread, NULL);
}

static int serve(const struct kind *kind)
{
    struct line l = {.kind = kind};
    kind->begin(&l);
    RV_REQUIRE_EQ(line_up(&l), 0);
    for (l.given = 1; l.given <= MEMBERS; l.given++) {
        kind->give(&l);
        join(&l.members[l.given - 1]); /* hangs unless it was this one's turn */
    }
    for (long i = 0; i < MEMBERS; i++) {
        RV_EXPECT_EQ(l.members[i].rc, 0);
        if (!RV_EXPECT_EQ(l.members[i].turn, i + 1))
            print_message("in the line of: %s\n", kind->name);
    }
    kind->end(&l);
    return 0;
}

/* Goal: for each kind, tasks and threads are served first come, first served. */
RV_TASK_TEST(test_line_of_tasks_and_threads_is_served_in_order)
{
    for (size_t k = 0; k < RV_ARRAY_LEN(kinds); k++)
        RV_REQUIRE_EQ(serve(&kinds[k]), 0);
    return 0;
}

static void *time_out(void *arg)
{
    struct line *l = arg;
    struct member m = {.line = l};
    m.rc = l->kind->take_blocking(&m, ROVE_US(50));
    return (void *)(intptr_t)m.rc;
}

/* Goal: a thread whose time is over leaves the line with nothing; the next turn is another's. */
RV_TASK_TEST(test_line_is_left_by_a_thread_whose_time_is_over)
{
    for (size_t k = 0; k < RV_ARRAY_LEN(kinds); k++) {
        struct line l = {.kind = &kinds[k]};
        struct member *m = &l.members[0];
        pthread_t thread;
        void *rc = NULL;
        l.kind->begin(&l);
        RV_REQUIRE_EQ(pthread_create(&thread, NULL, time_out, &l), 0);
        RV_REQUIRE_EQ(pthread_join(thread, &rc), 0);
        RV_EXPECT_EQ((intptr_t)rc, -ETIMEDOUT);
        *m = (struct member){.line = &l, .number = 1, .is_task = true};
        m->task = rove_create_task(member_task, m);
        while (!waits(m))
            (void)rove_yield();
        l.given = 1;
        l.kind->give(&l);
        RV_EXPECT_EQ(rove_join(m->task, NULL), 0);
        RV_EXPECT_EQ(m->rc, 0);
        l.kind->end(&l);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_of_tasks_and_threads_is_served_in_order),
        cmocka_unit_test(test_line_is_left_by_a_thread_whose_time_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
