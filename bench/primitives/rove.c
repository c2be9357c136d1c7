// SPDX-License-Identifier: MIT
/*
 * Purpose: what each primitive costs: taken and given back by a task that meets nobody, and handed
 *          over between two tasks that wait for each other.
 * Idea:    KIND=n is an entry of `kinds`, ROUNDS=n how often. bench/primitives/run counts the
 *          instructions of a round as the slope between two numbers of rounds.
 */
#include "harness/rove_main.h"

enum { ROUNDS = 1000000 };

static rove_mutex mutex;
static rove_rwlock rwlock;
static rove_semaphore units, turn[2];
static rove_event is_set, at[2];
static rove_cond changed;
static rove_barrier barrier;
static rove_once once;
static rove_local local;
static rove_queue *queue, *queues[2];
static rove_chan *chan, *chans[2];
static rove_broadcast *broadcast;
static rove_subscriber *subscriber;
static rove_watch *watch;
static long whose;

static int nothing(void *ctx)
{
    (void)ctx;
    return 0;
}

/* alone */

static void mutex_alone(void)
{
    (void)rove_mutex_lock(&mutex);
    rove_mutex_unlock(&mutex);
}

static void read_alone(void)
{
    (void)rove_rwlock_rdlock(&rwlock);
    rove_rwlock_unlock(&rwlock);
}

static void write_alone(void)
{
    (void)rove_rwlock_wrlock(&rwlock);
    rove_rwlock_unlock(&rwlock);
}

static void semaphore_alone(void)
{
    (void)rove_semaphore_acquire(&units);
    (void)rove_semaphore_release(&units);
}

static void event_alone(void)
{
    (void)rove_event_wait(&is_set);
}

static void once_alone(void)
{
    (void)rove_once_call(&once, nothing, NULL);
}

static void local_alone(void)
{
    (void)rove_local_get(&local);
}

static void queue_alone(void)
{
    void *item = NULL;
    (void)rove_queue_put(queue, item);
    (void)rove_queue_get(queue, &item);
}

static void chan_alone(void)
{
    long n = 0;
    (void)rove_chan_send(chan, &n);
    (void)rove_chan_recv(chan, &n);
}

static void select_alone(void)
{
    long n = 0;
    rove_select_case cases[] = {{.op = ROVE_RECV, .chan = chans[0], .element = &n},
                                {.op = ROVE_RECV, .chan = chan, .element = &n}};
    (void)rove_chan_send(chan, &n);
    (void)rove_select(2, cases, ROVE_FOREVER);
}

static void oneshot_alone(void)
{
    rove_oneshot o = {0};
    void *value;
    (void)rove_oneshot_send(&o, NULL);
    (void)rove_oneshot_recv(&o, &value);
}

static void broadcast_alone(void)
{
    long n = 0;
    uint64_t missed;
    (void)rove_broadcast_send(broadcast, &n);
    (void)rove_subscriber_recv(subscriber, &n, &missed);
}

static void watch_alone(void)
{
    long n = 0;
    (void)rove_watch_send(watch, &n);
    (void)rove_watch_read(watch, &n);
}

/* a pair: one turn of the task `me` */

static void semaphore_turn(long me)
{
    (void)rove_semaphore_acquire(&turn[me]);
    (void)rove_semaphore_release(&turn[1 - me]);
}

static void mutex_turn(long me)
{
    (void)me;
    (void)rove_mutex_lock(&mutex);
    (void)rove_yield(); /* the other comes, and waits */
    rove_mutex_unlock(&mutex);
}

static void event_turn(long me)
{
    (void)rove_event_wait(&at[me]);
    rove_event_clear(&at[me]);
    rove_event_set(&at[1 - me]);
}

static void cond_turn(long me)
{
    (void)rove_mutex_lock(&mutex);
    while (whose != me)
        (void)rove_cond_wait(&changed, &mutex);
    whose = 1 - me;
    rove_cond_notify(&changed, 1);
    rove_mutex_unlock(&mutex);
}

static void barrier_turn(long me)
{
    (void)me;
    (void)rove_barrier_wait(&barrier);
}

static void queue_turn(long me)
{
    void *item = NULL;
    if (me == 0)
        (void)rove_queue_put(queues[0], item);
    (void)rove_queue_get(queues[1 - me], &item);
    if (me != 0)
        (void)rove_queue_put(queues[1], item);
}

static void chan_turn(long me)
{
    long n = 0;
    if (me == 0)
        (void)rove_chan_send(chans[0], &n);
    (void)rove_chan_recv(chans[1 - me], &n);
    if (me != 0)
        (void)rove_chan_send(chans[1], &n);
}

static void yield_turn(long me)
{
    (void)me;
    (void)rove_yield();
}

static const struct kind {
    const char *name;
    void (*alone)(void);
    void (*turn)(long me); /* a round is a turn of each */
} kinds[] = {
    {"mutex_lock_unlock", mutex_alone, NULL},
    {"rwlock_rdlock_unlock", read_alone, NULL},
    {"rwlock_wrlock_unlock", write_alone, NULL},
    {"semaphore_acquire_release", semaphore_alone, NULL},
    {"event_wait_set", event_alone, NULL},
    {"once_call_done", once_alone, NULL},
    {"local_get", local_alone, NULL},
    {"queue_put_get", queue_alone, NULL},
    {"chan_send_recv_buffered", chan_alone, NULL},
    {"chan_send_select_of_2", select_alone, NULL},
    {"oneshot_send_recv", oneshot_alone, NULL},
    {"broadcast_send_recv", broadcast_alone, NULL},
    {"watch_send_read", watch_alone, NULL},
    {"pair_yield", NULL, yield_turn},
    {"pair_semaphore", NULL, semaphore_turn},
    {"pair_mutex_and_yield", NULL, mutex_turn},
    {"pair_event", NULL, event_turn},
    {"pair_cond", NULL, cond_turn},
    {"pair_barrier", NULL, barrier_turn},
    {"pair_queue", NULL, queue_turn},
    {"pair_chan", NULL, chan_turn},
};

struct member {
    const struct kind *kind;
    long me, rounds;
};

static int take_turns(void *arg, void **result)
{
    const struct member *m = arg;
    (void)result;
    for (long i = 0; i < m->rounds; i++)
        m->kind->turn(m->me);
    return 0;
}

static void pass(const struct kind *k, long rounds)
{
    if (k->alone != NULL) {
        for (long i = 0; i < rounds; i++)
            k->alone();
        return;
    }
    struct member members[2] = {{k, 0, rounds}, {k, 1, rounds}};
    rove_call calls[2] = {{take_turns, &members[0]}, {take_turns, &members[1]}};
    bench_check(rove_gather_calls(2, calls, NULL) == 0, "two tasks took turns");
}

static void begin(void)
{
    long n = 0;
    rove_semaphore_init(&units, 1, 1);
    rove_semaphore_init(&turn[0], 1, 1);
    rove_semaphore_init(&turn[1], 0, 1);
    rove_barrier_init(&barrier, 2);
    rove_event_set(&is_set);
    rove_event_set(&at[0]);
    queue = rove_queue_create(4);
    chan = rove_chan_create(sizeof(long), 4);
    broadcast = rove_broadcast_create(sizeof(long), 4);
    subscriber = rove_broadcast_subscribe(broadcast);
    watch = rove_watch_create(sizeof(long), &n);
    for (int i = 0; i < 2; i++) {
        queues[i] = rove_queue_create(1);
        chans[i] = rove_chan_create(sizeof(long), 0);
    }
}

static void end(void)
{
    rove_queue_destroy(queue);
    rove_chan_release(chan);
    rove_subscriber_release(subscriber);
    rove_broadcast_release(broadcast);
    rove_watch_release(watch);
    for (int i = 0; i < 2; i++) {
        rove_queue_destroy(queues[i]);
        rove_chan_release(chans[i]);
    }
}

static int measure(void *arg, void **result)
{
    const long count = sizeof kinds / sizeof *kinds;
    long which = bench_param("KIND", -1), rounds = bench_param("ROUNDS", ROUNDS);
    (void)arg, (void)result;
    bench_check(which < count, "KIND is the number of a primitive");
    begin();
    for (long i = which < 0 ? 0 : which; i < (which < 0 ? count : which + 1); i++) {
        pass(&kinds[i], rounds / 10 + 1);
        int64_t from = bench_now_ns();
        pass(&kinds[i], rounds);
        bench_report_each(kinds[i].name, "ns/round", bench_now_ns() - from, rounds);
    }
    end();
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
