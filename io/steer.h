// SPDX-License-Identifier: MIT
/*
 * Purpose: flow steering: a receive waits on the worker on whose CPU the packets arrive.
 *
 * Idea: the kernel knows on which CPU a socket's packets are dealt with (SO_INCOMING_CPU): for a
 * network card the CPU of its queue, on loopback the sender's. A worker elsewhere is woken across
 * CPUs for each packet, and both CPUs pull at the socket's cache lines. So a socket is asked once
 * in RV_STEER_TURNS receives, and the worker that runs on that CPU becomes its home: its receives
 * are handed to the ring of that worker (post.c), whose completions make the task ready there. As
 * long as the answer stays the same, the next question comes after twice as many, up to 2^PATIENCE.
 *
 *     workers note the CPU they run on       cpu -> worker, last writer wins
 *     a receive, when it is time             slot->home = the worker of SO_INCOMING_CPU, or none
 *     a receive that waits                   on the home's ring, if that worker is awake
 *
 * It is a preference and never a duty: a thief takes the task as any other and runs it for a step;
 * nobody waits for a worker that sleeps or computes. On epoll, one set serves all: no homes there.
 *
 * Threads: notes by each worker of itself; the rest by the task that receives. All relaxed: stale
 * answers cost time only.
 * Cost: a load and a store a receive; one getsockopt in 32 receives, in 256 when nothing moves.
 * Rejected: moving the task itself (one switch more, and a thief brings it back for good).
 * Source: docs/decisions/0006, measured.
 */
#ifndef RV_IO_STEER_H
#define RV_IO_STEER_H

#include "core/atomic.h"

#include <stddef.h>
#include <stdint.h>

struct rv_fd_slot;
struct rove_runtime;
struct rv_worker;

#define RV_STEER_TURNS 32u
#define RV_STEER_PATIENCE 3 /* doublings: 0.031 system calls a request become 0.004 */

struct rv_steer {
    RV_ATOMIC(uint32_t) *worker_on; /* by CPU: 1 + index of the worker that was there last; 0 */
    size_t cpus;                    /* constant; 0: never steers */
};

int rv_steer_init(struct rv_steer *steer, unsigned workers);
void rv_steer_fini(struct rv_steer *steer);

/* The owner, when it looks for completions: here is where it runs. */
void rv_steer_note(struct rv_steer *steer, struct rv_worker *w);

/* The task that is about to receive from a socket; the same where steering is on. */
void rv_steer_count(struct rv_steer *steer, struct rv_fd_slot *slot, int fd,
                    const struct rove_runtime *runtime);
static inline void rv_steer_turn(struct rv_steer *steer, struct rv_fd_slot *slot, int fd,
                                 const struct rove_runtime *runtime)
{
    if (steer->cpus != 0) {
        rv_steer_count(steer, slot, fd, runtime);
    }
}

#endif
