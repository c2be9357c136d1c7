// SPDX-License-Identifier: MIT
/*
 * Purpose: how many workers run where others want the processors too.
 *
 * Idea: the kernel takes a processor away for some milliseconds at a time, and with it goes what
 * only that worker reaches: the completions of its ring, the tasks it had begun to run. Where
 * workers wait for processors, fewer of them get the same time and none waits. So the last ones
 * stand aside for a while:
 *
 *     all run        they want more processors than they get, and wait for a fifth of that time and
 *                    more: as many as the processors they got are tried for a window
 *     fewer run      the wait is gone, as much gets done: they go on so. From time to time, and
 *                    less and less often, more are tried
 *     little to do   all run
 *
 * A worker that stands aside hands over what becomes ready on it, but for tasks that are bound to
 * it, and sleeps; nobody wakes it for work. Once a millisecond it looks whether one of those who
 * run computes in one step for that long, or is in it for twenty times that, blocked in a call;
 * then it helps (watch.c), until that step is over. Who sleeps when it is to stand aside sleeps on,
 * as before, and does so when it is woken.
 *
 *     phase    STEADY -- too many --> FEWER -- as good, or back --> STEADY
 *              STEADY -- some aside, time to ask --> MORE -- better, or back --> STEADY
 *
 * Threads: whoever looks around at the end of a window judges, under the try-lock. `aside` is read
 * by all, relaxed: who sees it late runs a little longer.
 * Cost: for a worker that is awake two system calls in WINDOW / 2, 1 us in 5 ms; one descriptor.
 * A lone worker, and one in debug mode, has none of this; nor where the kernel does not say how
 * long a thread waited.
 * Rejected: rates alone: where processors are shared they change by half from window to window.
 * Processor time against wall time: who was woken and has no processor yet seems to sleep.
 * Source: Tucker and Gupta, Process control and scheduling issues for multiprogrammed shared-memory
 * multiprocessors, SOSP 1989; docs/decisions/0013, measured.
 */
#ifndef RV_SCHED_ACTIVE_H
#define RV_SCHED_ACTIVE_H

#include "core/atomic.h"
#include "core/base.h"
#include "core/lock.h"
#include "core/os.h"

#include <stdbool.h>
#include <stdint.h>

struct rove_runtime;
struct rv_task;
struct rv_worker;

enum rv_active_phase { RV_ACTIVE_STEADY, RV_ACTIVE_FEWER, RV_ACTIVE_MORE };

struct rv_active {
    RV_ALIGNED_LINE RV_ATOMIC(uint32_t) aside; /* how many, the last ones; under the lock */
    RV_ATOMIC(uint32_t) is_off;                /* nobody is to stand aside, or it cannot be told */
    struct rv_lock lock;                       /* guards what follows */
    enum rv_active_phase phase;                /* the last two: a trial */
    bool is_settling;                          /* this window does not count: it just changed */
    int64_t due_ns, began_ns;                  /* the window, */
    uint64_t began_ops;                        /* and the operations until then */
    int64_t rate;                              /* of operations a second: lately, no trial's */
    uint32_t told;                             /* how many the log says */
    uint32_t waited;                           /* before the trial, */
    uint32_t aside_before;                     /* and how many stood aside */
    uint32_t calm;                             /* windows in succession with little to do */
    int64_t next_trial_ns;
    int64_t pause_ns, hold_ns;                 /* until the next, after one that failed */
};

/* What a window was like. */
struct rv_active_sight {
    int64_t now_ns;
    int64_t rate;          /* operations a second, of all workers */
    uint32_t used, waited; /* thousandths of a processor that those who run had, or waited for */
    uint32_t workers;      /* of the runtime */
};

/* A worker's own; others read the shares. */
struct rv_pace {
    int fd;                      /* of the kernel's file, or negative */
    bool is_helping;             /* though aside: it takes what others cannot come to */
    uint32_t still;              /* aside: how often in succession nothing went on, */
    uint64_t ops;                /* and what all had done at the last of them */
    int64_t look_ns;             /* aside: the next look */
    unsigned seen;               /* aside: whom it looked at last, */
    uint32_t seen_looks;         /* how often since, in the same step, */
    uint64_t seen_step;          /* in which step that one was, */
    int64_t seen_used_ns;        /* and how long it had had a processor */
    int64_t due_ns;
    int64_t at_ns;               /* the last look, */
    struct rv_os_turns turns;    /* and what it had then */
    RV_ATOMIC(int64_t) shared_ns;      /* when the shares were taken */
    RV_ATOMIC(uint32_t) used, waited;  /* thousandths of the time until then */
    RV_ATOMIC(uint32_t) is_aside;      /* it sleeps aside, or is about to */
};

/* The judgement, of nothing but its arguments: how many are to stand aside. */
uint32_t rv_active_decide(struct rv_active *a, const struct rv_active_sight *sight);

/* Any thread, for tests: so many stand aside until there is nothing to do. Nobody judges now. */
void rv_active_force(struct rove_runtime *runtime, uint32_t aside);

/* Owner, on its own thread: when it starts, and when it ends. */
void rv_active_start(struct rv_worker *w);
void rv_active_stop(struct rv_worker *w);

/* Any thread: how many workers run, or sleep and would. */
unsigned rv_active_count(const struct rove_runtime *runtime);
/* Any thread: does this worker stand aside? Owner: then it hands over and sleeps. */
bool rv_active_is_aside(const struct rv_worker *w);
/* Owner, who looks around. */
void rv_active_look(struct rv_worker *w, int64_t now_ns);
/* Owner, aside: its next task, one that is bound to it or that others left lying; NULL: it may
 * sleep. */
struct rv_task *rv_active_pick(struct rv_worker *w);
/* Owner, aside: about to sleep: until when. And awake again. */
int64_t rv_active_begin_sleep(struct rv_worker *w);
void rv_active_end_sleep(struct rv_worker *w);

#endif
