// SPDX-License-Identifier: MIT
/*
 * Purpose: O_NONBLOCK for the length of a system call that has no flag of its own for it.
 *
 * Idea: the mode belongs to an open file, which several numbers may mean: 1 and 2 of a program in a
 * terminal. Whoever finds O_NONBLOCK there cannot tell whether the user has set it or another loan,
 * which is about to take it away; then its own call would block. No cheap and allowed call says
 * which numbers share a file. So of all that have one inode, one is lent at a time, and who comes
 * meanwhile is told to try again: the calls are short, and a terminal serves one after the other in
 * any case. Others, outside of the process, see the mode too for that moment.
 *
 * Threads: any. A loan begins and ends on one thread, with nothing between that suspends.
 * Rejected: a count for each number: says nothing of the others. One count for all, and every mode
 * given back after the last: some numbers are closed by then. To wait for the other: a whole
 * worker would.
 */
#ifndef RV_IO_LOAN_H
#define RV_IO_LOAN_H

#include <sys/types.h>

struct rv_loan {
    int fd;
    int flags; /* to give back; -1: none, it is the user's own mode */
    dev_t dev; /* of the file */
    ino_t ino;
    int access; /* of a pipe, whose ends have one inode and are two files; else 0 */
    struct rv_loan *next, **at; /* all that are lent now */
};

/* 0; -EAGAIN: the file is lent, try again; or a negative errno. With no 0, no end. */
int rv_loan_begin(struct rv_loan *loan, int fd);
void rv_loan_end(struct rv_loan *loan);

/* For good. The flags that were there before, or a negative errno. */
int rv_loan_set_nonblocking(int fd);

/* Before a runtime starts: in a child of fork nothing is lent, whatever its parent was doing. */
void rv_loan_forget_parent(void);

#endif
