// SPDX-License-Identifier: MIT
/*
 * Purpose: real rings for a runtime that stands still: the test is every worker, on one thread.
 * Threads: the test's, which owns all the rings.
 */
#ifndef RV_TESTS_STILL_URING_H
#define RV_TESTS_STILL_URING_H

#include "io/op.h"
#include "io/uring.h"
#include "support/still.h"

#include <errno.h>

/* 0; -ENOTSUP where rings are refused: nothing to look at then. */
static inline int rv_still_uring_open(struct rv_still *s, unsigned workers)
{
    struct rv_uring_io *all = NULL;
    if (rv_ring_probe() < 0)
        return -ENOTSUP;
    int rc = rv_still_init(s, workers);
    if (rc == 0)
        rc = rv_uring_create(&s->runtime, &all);
    s->runtime.poll_data = all;
    s->runtime.poller = &rv_uring_reactor.poller;
    for (unsigned i = 0; i < workers && rc == 0; i++)
        rc = rv_ring_enable(&all->rings[i].ring);
    return rc;
}

static inline void rv_still_uring_close(struct rv_still *s)
{
    rv_uring_destroy(s->runtime.poll_data);
    rv_still_fini(s);
}

static inline struct rv_uring *rv_still_ring(struct rv_still *s, unsigned i)
{
    return &rv_uring_io_of(&s->runtime)->rings[i];
}

/* An operation of a task that cannot run: it is woken into a bit of its word. */
static inline void rv_still_op(struct rv_op *op, struct rv_task *t, enum rv_op_kind kind, int fd)
{
    *op = (struct rv_op){.kind = kind, .fd = fd, .task = t, .deadline_ns = INT64_MAX};
    rv_heap_node_init(&op->timer.node);
}

#endif
