// SPDX-License-Identifier: MIT
/*
 * Purpose: the connections of a listening socket, one after the other.
 *
 * Idea: on io_uring one request accepts them all (io/multi.h). Descriptors that have come and that
 * nobody has taken yet are linked through their slots of the descriptor table, so there is room for
 * as many as the kernel likes to hand over at once. Elsewhere, and where the caller must be able to
 * leave connections in the queue, each is a call of rove_accept.
 *
 * Owner: embedded; rv_accepts_fini before the socket is closed.
 * Threads: one task.
 */
#ifndef RV_IO_ACCEPT_H
#define RV_IO_ACCEPT_H

#include "io/multi.h"

struct rv_fdtab;

struct rv_accepts {
    struct rv_multi multi;  /* its lock guards what follows, but for `is_multi` */
    struct rv_fdtab *fds;   /* constant */
    int first_fd, last_fd;  /* accepted, not taken; -1: none */
    int error;              /* 0, or what ended the request; comes after those */
    bool is_multi;          /* the task's: that request is used */
};

/* May accept ahead of the calls below: only if `may_be_ahead`. */
void rv_accepts_init(struct rv_accepts *a, struct rv_task *self, int fd, bool may_be_ahead);
/* A descriptor that is the caller's, or a negative errno as of accept4(2), -ECANCELED. Suspends. */
int rv_accepts_next(struct rv_accepts *a, struct rv_task *self);
/* Ends the request and closes what nobody has taken. Suspends, whatever is cancelled. */
void rv_accepts_fini(struct rv_accepts *a, struct rv_task *self);

#endif
