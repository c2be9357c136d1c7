// SPDX-License-Identifier: MIT
/*
 * Purpose: the load of the simulation: random programs that check themselves.
 *
 * Idea: a tree of nodes. Each node draws one of the actions below, most of which start more nodes or
 * a few tasks of their own, and returns when all of them have ended. Strangers cancel nodes at any
 * time. Everything moved is counted on both sides; load_fail ends the run.
 *
 * Threads: tasks of the simulated runtime. Plain variables are shared freely: between two calls of
 * rove nobody else runs.
 */
#ifndef RV_TOOLS_SIM_LOAD_H
#define RV_TOOLS_SIM_LOAD_H

#include "core/sim.h"

#include <rove.h>
#include <rove/sim.h>

#define LOAD_NODES 400      /* of one run at most */
#define LOAD_SWARM 3        /* so few kinds of actions in a run that is choosy, at most */
#define LOAD_ERROR (-5001)  /* some nodes fail, with this */

#define load_check(cond, ...)                     \
    do {                                          \
        if (!(cond))                              \
            rv_sim_fail(-EPROTO, __VA_ARGS__);    \
    } while (0)

struct load_node {
    unsigned depth;
    unsigned begun, ended; /* how often its coroutine did */
    unsigned told;         /* how often its callbacks were called */
    bool is_withdrawn;     /* its callback was cancelled in time */
};

/* Nothing has happened yet. Before each run. */
void load_reset(void);
/* The first task. */
int load_main(void *arg, void **result);
/* After the run: NULL, or what is wrong with the books. */
const char *load_audit(void);

/* A node for a task that is no load_spawn's: load_node_main runs it. */
struct load_node *load_take_node(unsigned depth);
int load_node_main(void *node, void **result);
/* A new task of the tree, in some way of starting one. The caller's reference. */
rove_task *load_spawn(unsigned depth, struct load_node **node);
/* Waits for it, releases it and checks what it came to: 0, LOAD_ERROR or -ECANCELED. */
int load_join(rove_task *task, const struct load_node *node);
/* The same for a participant of an action, cancelled or not; never stops early. */
void load_join_all(size_t n, rove_task *tasks[]);
/* Nanoseconds to milliseconds, each magnitude as likely. */
rove_duration load_some_time(void);
/* Some time passes, in some way: nothing, a yield, a sleep, a long step. 0 or -ECANCELED. */
int load_pause(void);
/* Cancels a few of them, at some time. */
void load_disturb(size_t n, rove_task *tasks[]);

typedef int load_action(unsigned depth);

/* load_others.c */
load_action load_group, load_hand_set, load_to_thread, load_callbacks, load_herd,
    load_duet, load_tug, load_aside;
/* load_sync.c */
load_action load_queue, load_chan, load_select, load_mutex, load_semaphore, load_rwlock, load_cond,
    load_event, load_oneshot, load_broadcast;
/* load_io.c */
/* Are numbers of descriptors to come back? Not where they are closed under those who use them. */
void load_draw_numbers(void);
load_action load_pipe, load_pair, load_accept, load_close, load_stream;

#endif
