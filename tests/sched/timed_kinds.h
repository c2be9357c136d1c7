// SPDX-License-Identifier: MIT
/*
 * Purpose: every way to wait for one's turn, for the race of test_grant_timeouts.c.
 * Idea:    a table: how there comes to be nothing to be had, how a task or a plain thread waits for
 *          it, how a turn is given, and what is left when two have been there.
 * Threads: begin and end in the test's task; take and give by the parties, too.
 */
#ifndef RV_TESTS_TIMED_KINDS_H
#define RV_TESTS_TIMED_KINDS_H

#include "sched/failing_once.h"
#include "support/crowd.h"
#include "support/fixture.h"

struct party;

/* As much of an object as one kind needs. */
struct entry {
    rove_mutex mutex;
    rove_rwlock rwlock;
    rove_semaphore semaphore;
    rove_cond cond;
    rove_event event;
    rove_barrier barrier;
    struct rv_failing_once once;
    rove_oneshot oneshot;
    rove_queue *queue;
    rove_chan *chan;
    rove_watch *watch;
    rove_broadcast *broadcast;
    rove_subscriber *subscribers[2];
    int units;  /* what the condition tells of, under the mutex */
    int rcs[2]; /* what the parties came to */
};

struct kind {
    const char *name;
    void (*begin)(struct entry *e); /* by the granter; afterwards there is nothing to be had */
    int (*take)(struct party *p, struct entry *e);
    void (*give)(struct party *p, struct entry *e); /* a turn; p NULL: the granter */
    void (*end)(struct entry *e);                   /* the second has had its turn: what is left? */
    bool is_for_all;                                /* a turn is not used up */
    bool is_for_one;                                /* one turn, and the other is told so: -EPIPE */
};

struct party {
    void *batch;
    unsigned idx; /* 0: for a moment, 1: for ever */
    bool is_task;
    rove_duration timeout; /* of a plain thread, in this round */
    struct rv_rand rand;
    rove_task *task;
    pthread_t thread;
    rove_event is_over; /* set by the thread: tasks may be what it waits for */
};

extern const struct kind rv_timed_kinds[];
extern const size_t rv_timed_kind_count;

#endif
