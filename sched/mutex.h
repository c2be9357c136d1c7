// SPDX-License-Identifier: MIT
/*
 * Purpose: what the condition variable and the reports need of a mutex.
 */
#ifndef RV_SCHED_MUTEX_H
#define RV_SCHED_MUTEX_H

#include <rove/sync.h>

#include <stdbool.h>
#include <stdint.h>

struct rv_task;

/* Who holds it (rv_sync_identity), or NULL. Stale at once unless the caller holds it. */
void *rv_mutex_owner(const rove_mutex *m);
/* Loop time at which its owner got it; for reports. */
int64_t rv_mutex_since(const rove_mutex *m);
/* Locks it for the calling task, whatever else: true if a cancellation was taken meanwhile. */
bool rv_mutex_lock_uncancelled(rove_mutex *m, struct rv_task *self);
/* The same for a plain thread. */
void rv_mutex_lock_thread(rove_mutex *m);

#endif
