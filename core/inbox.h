// SPDX-License-Identifier: MIT
/*
 * Purpose: intrusive queue of many producers and one consumer: wake-ups from other threads.
 * Idea:    producers push on a lock-free stack; the consumer takes the whole stack with one
 *          exchange and reverses it, so nodes come out in the order their pushes took effect.
 *          Nobody ever pops a single node, hence no ABA problem.
 * Threads: push, is_empty any; take_all by one thread at a time.
 * Rejected: a linked queue with a stub (a producer stopped between its exchange and its link hides
 *          later nodes from the consumer).
 */
#ifndef RV_CORE_INBOX_H
#define RV_CORE_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "core/atomic.h"
#include "core/base.h"

/* The pusher owns the node until push; then the queue; after take_all the consumer. */
struct rv_inbox_node {
    struct rv_inbox_node *next;
};

/* All-zero is empty. */
struct rv_inbox {
    RV_ATOMIC(struct rv_inbox_node *) head; /* newest first */
};

void rv_inbox_init(struct rv_inbox *q);

/* Returns true when the queue was empty: this push is the one that should wake the consumer. */
bool rv_inbox_push(struct rv_inbox *q, struct rv_inbox_node *node);
/* All nodes, oldest first, linked by next; NULL when there are none. */
struct rv_inbox_node *rv_inbox_take_all(struct rv_inbox *q);
/* The consumer, with no push in flight: the chain ends. */
void rv_inbox_check(struct rv_inbox *q);

/* A hint to others; exact for the consumer only in the sense "something was there". */
static inline bool rv_inbox_is_empty(struct rv_inbox *q)
{
    return rv_load_relaxed(&q->head) == NULL;
}

#endif
