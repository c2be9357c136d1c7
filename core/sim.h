// SPDX-License-Identifier: MIT
/*
 * Purpose: a simulated machine: virtual threads on one operating-system thread, a virtual clock,
 *          one stream of random draws. What happens follows from the seed alone.
 *
 * Idea:    a virtual thread is a context. At a point (core/sim_point.h) or where it sleeps, a
 *          draw decides who runs next. A thread that is taken off a processor may stay off for
 *          milliseconds, as happens to real ones. The clock moves a little with every switch and
 *          jumps when nobody can run. Devices (the simulated kernel of io/) have a turn in between.
 *
 *              READY ---- chosen ----> runs ---- point ------> READY, or STALLED for a while
 *                ^                      |
 *                +- time, wake, signal -+ BLOCKED (futex, ring), WORKING (a long step of a task)
 *
 *          Every address the library sees comes from core/sim_memory.c and is the same each time.
 * Threads: one simulation a process at a time, all on the calling thread.
 * Rejected: real threads one at a time under a baton (100 times slower, and their stacks and
 *           thread-locals lie elsewhere each time).
 */
#ifndef RV_CORE_SIM_H
#define RV_CORE_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"
#include "core/sim_point.h"

#ifndef RV_SIM_THREADS
#define RV_SIM_THREADS 64 /* arbitrary */
#endif
#define RV_SIM_TEXT 512

/* Something beside the threads that acts by itself: the simulated kernel. */
struct rv_sim_device {
    int64_t (*next_ns)(void);   /* when it wants its next turn; INT64_MAX: not by itself */
    bool (*is_quiet)(void);     /* what comes next, if anything, is a matter of the clock alone */
    void (*step)(void);         /* one turn; its time has come */
};

/* Nobody can run. is_working: some thread is in the middle of rv_sim_work, else all are blocked. */
typedef void (*rv_sim_look)(bool is_working);

/* The run is about to be cut short, everything stands where it is. */
typedef void (*rv_sim_mourn)(void);

struct rv_sim_config {
    uint64_t seed;
    uint64_t max_switches;      /* 0: the default; then the run ends with -ELOOP */
    rv_sim_look look;           /* may be NULL */
    rv_sim_mourn mourn;         /* may be NULL */
};

struct rv_sim_outcome {
    int error;                  /* 0, or why the run was cut short: -EDEADLK, -ELOOP, -EPROTO */
    uint64_t hash;              /* of every decision, in order */
    uint64_t switches;
    int64_t ended_ns;
    char text[RV_SIM_TEXT];     /* of the error, else empty */
};

/* Runs body as the first thread until it returns; then no other thread may be left. -EBUSY: a
 * simulation is running already. */
int rv_sim_run(const struct rv_sim_config *config, void (*body)(void *ctx), void *ctx,
               struct rv_sim_outcome *outcome);
bool rv_sim_is_running(void);
/* The run is over here and now, all threads are forgotten. */
RV_NORETURN RV_PRINTF(2, 3) void rv_sim_fail(int error, const char *format, ...);

/* The time; each look at it takes some. */
int64_t rv_sim_now(void);
/* How long the kernel takes for what is up to it: drawn, mostly short. */
int64_t rv_sim_delay(void);
/* In [0, n); n > 0. */
uint32_t rv_sim_draw(uint32_t n);
/* True once in n. */
bool rv_sim_chance(uint32_t n);
/* Makes a fact part of the hash. */
void rv_sim_note(uint64_t fact);

/* The calling thread's only thread-local; a common one outside a run. */
void **rv_sim_thread_word(void);
/* All words of threads that live: *thread counts up from 0; NULL at the end. */
void **rv_sim_next_word(unsigned *thread);
unsigned rv_sim_thread_id(void);
/* 0 or -EAGAIN; the id is what rv_sim_join takes. */
int rv_sim_thread_create(uint64_t *id, void *(*main)(void *arg), void *arg);
void rv_sim_join(uint64_t id);

/* Sleeps until somebody unblocks `on`, or deadline_ns: 0, -ETIMEDOUT or -EINTR. */
int rv_sim_block(const void *on, int64_t deadline_ns);
/* At most n sleepers on it go on; how many did. */
int rv_sim_unblock(const void *on, int n);
/* The calling thread computes for so long; others run meanwhile. */
void rv_sim_work(int64_t duration_ns);

/* membarrier, while no thread runs but the caller. */
void rv_sim_barrier(void);
bool rv_sim_has_barrier(void);

/* Thread `id` runs handler as soon as it runs and lets it in. */
void rv_sim_interrupt(unsigned id, void (*handler)(void));
void rv_sim_allow_interrupts(bool is_allowed);

/* In between the calling thread is in the simulated kernel: no points. Nests. */
void rv_sim_kernel_enter(void);
void rv_sim_kernel_leave(void);

void rv_sim_set_device(const struct rv_sim_device *device);

#endif
