// SPDX-License-Identifier: MIT
/*
 * Purpose: locks and channels, rove's side. bench/sync/run builds it next to go.go and compares.
 *
 *     rove <workload> <workers>      prints: workload,implementation,workers,n,ns_per_operation
 *
 *     mutex_free      1 task locks and unlocks
 *     mutex_64        64 tasks lock, add one, unlock
 *     mutex_64_work   the same with about 100 ns of work outside the lock
 *     ping_pong       2 tasks, an unbuffered channel each way; one operation is a hop
 *     chan_1_1        one sender, one receiver, buffer of 64
 *     chan_4_4        four and four, the same channel
 *     fan_in          64 senders, one receiver, unbuffered
 *
 * Threads: one runtime of so many workers.
 */
#include <rove.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

struct shared {
    rove_mutex mutex;
    unsigned long counter;
    rove_chan *there, *back;
    long each;
    bool has_work;
};

static volatile unsigned sink;

static void work(void)
{
    for (unsigned i = 0; i < WORK_TURNS; i++) {
        sink = i;
    }
}

static int locker(void *arg, void **result)
{
    struct shared *s = arg;
    (void)result;
    for (long i = 0; i < s->each; i++) {
        rove_mutex_lock(&s->mutex);
        s->counter++;
        rove_mutex_unlock(&s->mutex);
        if (s->has_work) {
            work();
        }
    }
    return 0;
}

static int sender(void *arg, void **result)
{
    struct shared *s = arg;
    (void)result;
    for (long i = 0; i < s->each; i++) {
        rove_chan_send(s->there, &i);
    }
    return 0;
}

static int receiver(void *arg, void **result)
{
    struct shared *s = arg;
    long n;
    (void)result;
    while (rove_chan_recv(s->there, &n) == 0) {
    }
    return 0;
}

static int echo(void *arg, void **result)
{
    struct shared *s = arg;
    long n;
    (void)result;
    while (rove_chan_recv(s->there, &n) == 0) {
        rove_chan_send(s->back, &n);
    }
    return 0;
}

static void run_all(rove_coro *fn, struct shared *s, int tasks)
{
    rove_task *started[64];
    for (int i = 0; i < tasks; i++) {
        started[i] = rove_create_task(fn, s);
    }
    for (int i = 0; i < tasks; i++) {
        rove_join(started[i], NULL);
    }
}

static void transfer(struct shared *s, int senders, int receivers)
{
    rove_task *ends[4];
    for (int i = 0; i < receivers; i++) {
        ends[i] = rove_create_task(receiver, s);
    }
    run_all(sender, s, senders);
    rove_chan_close(s->there);
    for (int i = 0; i < receivers; i++) {
        rove_join(ends[i], NULL);
    }
}

static long ping_pong(struct shared *s)
{
    rove_task *other = rove_create_task(echo, s);
    long n = 0;
    for (long i = 0; i < HOPS / 2; i++) {
        rove_chan_send(s->there, &i);
        rove_chan_recv(s->back, &n);
    }
    rove_chan_close(s->there);
    rove_join(other, NULL);
    return HOPS;
}

/* How many operations were done. */
static long workload(const char *name, struct shared *s)
{
    if (strncmp(name, "mutex", 5) == 0) {
        int tasks = strcmp(name, "mutex_free") == 0 ? 1 : 64;
        s->each = LOCKS / tasks;
        s->has_work = strcmp(name, "mutex_64_work") == 0;
        run_all(locker, s, tasks);
        return s->counter == (unsigned long)(s->each * tasks) ? s->each * tasks : -1;
    }
    bool is_unbuffered = strcmp(name, "ping_pong") == 0 || strcmp(name, "fan_in") == 0;
    s->there = rove_chan_create(sizeof(long), is_unbuffered ? 0 : BUFFER);
    s->back = rove_chan_create(sizeof(long), 0);
    int senders = strcmp(name, "chan_4_4") == 0 ? 4 : strcmp(name, "fan_in") == 0 ? 64 : 1;
    s->each = TRANSFERS / senders;
    if (strcmp(name, "ping_pong") == 0) {
        return ping_pong(s);
    }
    transfer(s, senders, senders == 4 ? 4 : 1);
    return s->each * senders;
}

static int measure(void *arg, void **result)
{
    char **argv = arg;
    struct shared s = {0};
    (void)result;
    rove_time begin = rove_now();
    long n = workload(argv[1], &s);
    double ns = (double)(rove_now() - begin) / (double)n;
    printf("%s,rove,%s,%ld,%.1f\n", argv[1], argv[2], n, ns);
    rove_chan_release(s.there);
    rove_chan_release(s.back);
    return n > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    rove_options options = {.workers = (unsigned)atoi(argv[2])};
    return rove_run_with(&options, measure, argv, NULL) == 0 ? 0 : 1;
}
