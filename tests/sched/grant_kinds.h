// SPDX-License-Identifier: MIT
/*
 * Purpose: every way to wait for one's turn, for the race of test_grant.c.
 * Idea:    a table: how there comes to be nothing to be had, how one waits for it, how it is given.
 * Threads: begin, grant and end in the test's task, take in the takers'.
 */
#ifndef RV_TESTS_GRANT_KINDS_H
#define RV_TESTS_GRANT_KINDS_H

#include "sched/failing_once.h"
#include "support/fixture.h"

enum {
    RV_GRANT_FIRST = 1, /* the takers' numbers */
    RV_GRANT_SECOND = 2,
    RV_GRANT_FILLER = 3,
    RV_GRANT_SENT = 4
};

struct entry;

struct taker {
    struct entry *e;
    long number;
    long value; /* what it got, or RV_GRANT_SENT where there is nothing to get */
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
    void (*settled)(struct entry *e, bool is_first); /* the first is back; NULL: that was all */
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
    rove_barrier barrier;
    struct rv_failing_once once;
    rove_broadcast *broadcast;
    rove_subscriber *subscribers[2];
    rove_task *third; /* the barrier's third party */
    long places[3];   /* of who met at the barrier: third, first, second */
    long passed; /* what the granter took */
    struct taker takers[2];
};

extern const struct kind rv_grant_kinds[];
extern const size_t rv_grant_kind_count;

#endif
