// SPDX-License-Identifier: MIT
/*
 * Purpose: the sleeping half of the event count.
 * Idea:    P1 is argued in the header. P2: the epoch is raised with release and read with acquire,
 *          so what the notifier wrote before is visible to a sleeper that returns 0. The epoch may
 *          wrap: a thread would have to stand still between prepare and commit for exactly 2^32
 *          notifications to miss one.
 *          Timeouts are kernel time even under a virtual clock, which no sleeping thread hears.
 * Threads: any.
 */
#include "core/park.h"

#include <errno.h>

#include "core/check.h"
#include "core/clock.h"
#include "core/os.h"

void rv_park_init(struct rv_park *p)
{
    rv_store_relaxed(&p->epoch, 0u);
    rv_store_relaxed(&p->waiters, 0u);
}

uint32_t rv_park_prepare(struct rv_park *p)
{
    uint32_t key;

    (void)rv_fetch_add_relaxed(&p->waiters, 1u);
    /* order: acquire P2. A sleeper that finds the epoch already raised; pairs with notify. */
    key = rv_load_acquire(&p->epoch);
    /* order: full P1. waiters and key before the caller's look at its condition; with notify. */
    rv_fence_full();
    return key;
}

void rv_park_cancel(struct rv_park *p)
{
    uint32_t before = rv_fetch_sub_relaxed(&p->waiters, 1u);

    RV_ASSERT(before > 0, "each prepare ends once");
    (void)before;
}

/* 0 to sleep on, -ETIMEDOUT to stop: one trip into the futex. */
static int sleep_once(struct rv_park *p, uint32_t key, int64_t deadline_ns)
{
    int64_t left = -1;
    int rc;

    if (deadline_ns != RV_CLOCK_NEVER) {
        left = deadline_ns - rv_os_clock_ns();
        if (left <= 0)
            return -ETIMEDOUT;
    }
    rc = rv_os_futex_wait(&p->epoch, key, left);
    RV_CHECK(rc == 0 || rc == -EAGAIN || rc == -ETIMEDOUT || rc == -EINTR,
             "a futex wait fails in known ways only (%d)", rc);
    return 0;
}

int rv_park_commit(struct rv_park *p, uint32_t key, int64_t timeout_ns)
{
    int64_t deadline = rv_clock_add(rv_os_clock_ns(), timeout_ns);
    int rc = 0;

    for (;;) {
        /* Also after the deadline: a notification that came with it may have been ours alone. */
        /* order: acquire P2. What the notifier wrote before it raised the epoch; with notify. */
        if (rv_load_acquire(&p->epoch) != key) {
            rc = 0;
            break;
        }
        if (rc != 0)
            break;
        rc = sleep_once(p, key, deadline);
    }
    rv_park_cancel(p);
    return rc;
}

void rv_park_notify_slow(struct rv_park *p, int count)
{
    /* order: release P2. The caller's condition before the new epoch; pairs with commit. */
    (void)rv_fetch_add_release(&p->epoch, 1u);
    (void)rv_os_futex_wake(&p->epoch, count);
}
