// SPDX-License-Identifier: MIT
/*
 * Purpose: the parts of `rove doctor`: what this machine and container allow, what is missing and
 *          what that costs.
 *
 * Idea: a line a thing, each found out by use and not by the version of the kernel:
 *
 *     ok       membarrier            thieves pay for fences, owners do not
 *     missing  guards in place       madvise: Invalid argument; costs a mapping a stack
 *
 * Threads: one; but the runtime of the last part starts its own.
 */
#ifndef RV_TOOLS_ROVE_DOCTOR_H
#define RV_TOOLS_ROVE_DOCTOR_H

#include "core/base.h"

#include <stdbool.h>
#include <stddef.h>

enum rv_doctor_mark {
    RV_DOCTOR_OK,      /* there, and used */
    RV_DOCTOR_MISSING, /* rove works without it, at a price that the line names */
    RV_DOCTOR_NOTE     /* neither good nor bad: a fact to know */
};

void rv_doctor_part(const char *title);
RV_PRINTF(3, 4) void rv_doctor_line(enum rv_doctor_mark mark, const char *what, const char *format,
                                    ...);
/* rc >= 0: `gain`. Else: the error and `cost`. Returns whether it is there. */
bool rv_doctor_tried(int rc, const char *what, const char *gain, const char *cost);

/* The value of a "Name:\tvalue" line of /proc/self/status, or of a file of one line: true if it
 * could be read. */
bool rv_doctor_status(const char *name, char *value, size_t n);
bool rv_doctor_file(const char *path, char *value, size_t n);

/* The parts. */
void rv_doctor_processors(void);
void rv_doctor_memory(void);
void rv_doctor_kernel(void);
void rv_doctor_limits(void);
void rv_doctor_uring(void);

/* `rove doctor`: 0, or 1 where no runtime can start. */
int rv_doctor_main(void);

#endif
