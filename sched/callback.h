// SPDX-License-Identifier: MIT
/*
 * Purpose: done callbacks of futures.
 */
#ifndef RV_SCHED_CALLBACK_H
#define RV_SCHED_CALLBACK_H

#include <stdbool.h>

struct rove_future;

/* The completer, after DONE, holding a reference: a hidden task runs them, then wakes the
 * waiters. True: the caller is to do that, now. */
bool rv_callback_run_all(struct rove_future *f);
/* Frees what never ran; nobody else holds f. */
void rv_callback_drop_all(struct rove_future *f);

#endif
