// SPDX-License-Identifier: MIT
/*
 * Purpose: push and take of the many-to-one queue.
 * Idea:    B3: each push is a releasing read-modify-write, so the chain of them is one release
 *          sequence and the taker's acquiring exchange sees every node it takes, not only the last.
 * Threads: see the header.
 */
#include "core/inbox.h"

#include <stdint.h>

#include "core/check.h"

void rv_inbox_init(struct rv_inbox *q)
{
    rv_store_relaxed(&q->head, NULL);
}

bool rv_inbox_push(struct rv_inbox *q, struct rv_inbox_node *node)
{
    struct rv_inbox_node *head = rv_load_relaxed(&q->head);

    do {
        node->next = head;
        /* order: release B3. The node and what hangs on it; pairs with rv_inbox_take_all. */
    } while (!rv_cas_weak_release(&q->head, &head, node));
    return head == NULL;
}

struct rv_inbox_node *rv_inbox_take_all(struct rv_inbox *q)
{
    struct rv_inbox_node *newest;
    struct rv_inbox_node *oldest = NULL;

    /* An empty look must not cost the cache line. */
    if (rv_inbox_is_empty(q))
        return NULL;
    /* order: acquire B3. All nodes pushed so far; pairs with rv_inbox_push. */
    newest = rv_exchange_acquire(&q->head, NULL);
    while (newest != NULL) {
        struct rv_inbox_node *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

void rv_inbox_check(struct rv_inbox *q)
{
    /* order: acquire B3. As in rv_inbox_take_all. */
    const struct rv_inbox_node *slow = rv_load_acquire(&q->head);
    const struct rv_inbox_node *fast = slow;

    while (fast != NULL && fast->next != NULL) {
        slow = slow->next;
        fast = fast->next->next;
        if (fast != NULL)
            RV_CHECK(fast != slow, "a node is in the inbox once");
    }
}
