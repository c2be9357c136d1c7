// SPDX-License-Identifier: MIT
/*
 * Purpose: a simulated machine of many cores, on which time is what the caches and the kernel cost.
 *
 * Idea: core/cores.c stands in for core/sim.c: each virtual thread is a core with a clock of its
 * own, and the one whose clock is behind always runs. The library is compiled with the compiler's
 * hooks for memory accesses (those of the thread sanitizer, without its runtime), so that every
 * access, plain ones included, passes by core/cores_lines.c, which knows for each cache line who
 * has it:
 *
 *     the reader or writer has it                  hit_ps
 *     nobody ever touched it                       cold_ps
 *     others have it                               line_ps, when the line is free: what hands a
 *                                                  line over keeps it from others meanwhile
 *     a store goes to the store buffer             the core goes on; it waits at the next fence or
 *                                                  read-modify-write, or when the buffer is full
 *
 *          Steps of the kernel have a price each. Prices are those of a real machine, measured by
 *          tools/cores/probe.c. Not modelled: capacity, prefetches, several loads in flight,
 *          sockets, instructions that do not touch memory (hit_ps stands for them).
 * Threads: the simulation's.
 */
#ifndef RV_CORE_CORES_H
#define RV_CORE_CORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rv_cores_costs { /* picoseconds */
    int64_t hit_ps;       /* an access, and the instructions around it */
    int64_t rmw_ps;       /* more, for an atomic read-modify-write */
    int64_t fence_ps;     /* a full fence */
    int64_t line_ps;      /* a line comes from another core */
    int64_t cold_ps;      /* or from memory */
    int64_t spin_ps;      /* a pause in a spin loop */
    int64_t clock_ps;     /* the clock is read */
    int64_t call_ps;      /* a system call that does little */
    int64_t wake_call_ps; /* more, for one that wakes somebody */
    int64_t wake_ps;      /* from there until the sleeper is back from the kernel */
    int64_t barrier_ps;   /* membarrier, for the caller; negative: there is none */
    int64_t interrupt_ps; /* and for each other core that is awake */
};

enum rv_cores_kind { RV_CORES_READ, RV_CORES_WRITE, RV_CORES_UPDATE };

struct rv_cores_count {
    int64_t elapsed_ps;
    uint64_t accesses, transfers, cold, calls, wakes, barriers;
    int64_t queued_ps;   /* all waits for a line that was on its way to somebody else */
};

struct rv_cores_line {
    uintptr_t at;        /* its first byte */
    uint32_t transfers;
    int64_t queued_ps;
    const void *site;    /* whose access most of them were, if anyone's */
};

/* Before a run. */
void rv_cores_set_costs(const struct rv_cores_costs *costs);

/* In a run: counts from here; what came up since. */
void rv_cores_begin(void);
void rv_cores_end(struct rv_cores_count *count);
/* Every line that moved since rv_cores_begin, in no order. */
void rv_cores_each_line(void (*visit)(const struct rv_cores_line *line, void *ctx), void *ctx);

/* What the compiler's hooks call, core/cores_hooks.c. */
void rv_cores_access(const volatile void *at, enum rv_cores_kind kind, const void *site);
/* The same, when nobody has anything left to do at an earlier time. */
void rv_cores_atomic(const volatile void *at, enum rv_cores_kind kind, const void *site);
void rv_cores_fence(void);

/* Between core/cores.c and core/cores_lines.c. */
struct rv_cores_clock {
    int64_t now_ps;      /* of the core that runs */
    int64_t drained_ps;  /* when its store buffer is empty */
    int64_t limit_ps;    /* another core is at this time: no shared step after it */
    unsigned core;
    bool is_charged;     /* false: in the simulated kernel, or no run */
};
extern struct rv_cores_clock rv_cores_clock;
extern struct rv_cores_costs rv_cores_costs;
/* Others go first, up to the time of the caller. */
void rv_cores_yield(void);
void rv_cores_reset_lines(void);
/* Steps of the kernel since the run began. */
void rv_cores_take_calls(struct rv_cores_count *count);

#endif
