// SPDX-License-Identifier: MIT
/*
 * Purpose: what many simulated cores are given to do, and what comes out: tools/cores.
 */
#ifndef ROVE_TOOLS_CORES_LOAD_H
#define ROVE_TOOLS_CORES_LOAD_H

#include <rove.h>
#include <rove/sim.h>

#include "core/cores.h"

#define LOAD_CORES_MAX 128

struct load {
    const char *name;
    const char *operation;                       /* what is counted */
    uint64_t (*measure)(unsigned cores, unsigned size); /* a task; how many operations it was */
    unsigned size;                               /* the usual one */
    bool is_per_core;                            /* more cores get more to do */
    int64_t pause_ps;                            /* for each of size, all sleep that long */
};

struct load_result {
    uint64_t operations;
    int64_t paused_ps;            /* part of the time in which there was nothing to do */
    struct rv_cores_count count;
    uint64_t steals, parks, wakeups, switches;
    uint64_t hash;
    rove_sim_report report;
};

/* Ends with a NULL name. */
extern const struct load loads[];

const struct load *load_find(const char *name);

/* look: called at the end of the measured part, in the run, if not NULL. 0 or what went wrong. */
int load_run(const struct load *load, unsigned cores, unsigned size, uint64_t seed,
             void (*look)(void), struct load_result *result);

#endif
