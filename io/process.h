// SPDX-License-Identifier: MIT
/*
 * Purpose: starting a program, apart from the life of the handle.
 */
#ifndef RV_IO_PROCESS_H
#define RV_IO_PROCESS_H

#include <rove/process.h>

struct rv_spawn {
    const rove_process_options *options;
    int child_ends[3]; /* what the child's 0, 1, 2 are made of when that is a pipe; else -1 */
    pid_t pid;         /* out */
    int pidfd;         /* out; -1: it has run, and the program has reaped it already */
};

/* 0 or -EINVAL. */
int rv_spawn_check(const rove_process_options *options);
/* Blocks until the exec has happened: 0 with pid and pidfd, or a negative errno and no child. */
int rv_spawn_run(void *spawn, void **result);

#endif
