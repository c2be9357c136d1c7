// SPDX-License-Identifier: MIT
/*
 * Purpose: which parts of the runtime the cache lines are that move between cores.
 */
#ifndef ROVE_TOOLS_CORES_LINES_H
#define ROVE_TOOLS_CORES_LINES_H

#include <stdint.h>
#include <stdio.h>

#define LINES_NAME 80

struct lines_sum {
    char name[LINES_NAME]; /* all lines of that name, those of all workers together */
    char site[LINES_NAME]; /* the function that fetched the busiest of them most often */
    uint32_t site_transfers;
    uint64_t transfers;
    int64_t queued_ps;
};

/* In a run, at the end of what rv_cores_begin began: sorts all that moved. */
void lines_look(void);
/* The i-th by transfers, or NULL. */
const struct lines_sum *lines_get(unsigned i);

#endif
