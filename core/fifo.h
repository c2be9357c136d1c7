// SPDX-License-Identifier: MIT
/*
 * Purpose: intrusive singly linked first-in first-out queue: one word a node.
 * Idea:    head -> node -> ... -> tail -> NULL; tail is meaningful only when head is not NULL.
 * Threads: none of its own: the caller's lock or owner rule covers queue and nodes.
 */
#ifndef RV_CORE_FIFO_H
#define RV_CORE_FIFO_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base.h"
#include "core/check.h"

struct rv_fifo_node {
    struct rv_fifo_node *next;
};

/* All-zero is an empty queue. */
struct rv_fifo {
    struct rv_fifo_node *head;
    struct rv_fifo_node *tail;
};

static inline void rv_fifo_init(struct rv_fifo *q)
{
    q->head = NULL;
    q->tail = NULL;
}

static inline bool rv_fifo_is_empty(const struct rv_fifo *q)
{
    return q->head == NULL;
}

static inline void rv_fifo_push(struct rv_fifo *q, struct rv_fifo_node *node)
{
    node->next = NULL;
    if (q->head == NULL)
        q->head = node;
    else
        q->tail->next = node;
    q->tail = node;
}

static inline void rv_fifo_push_front(struct rv_fifo *q, struct rv_fifo_node *node)
{
    node->next = q->head;
    if (q->head == NULL)
        q->tail = node;
    q->head = node;
}

static inline struct rv_fifo_node *rv_fifo_pop(struct rv_fifo *q)
{
    struct rv_fifo_node *node = q->head;

    if (node != NULL) {
        q->head = node->next;
        node->next = NULL;
    }
    return node;
}

/* Appends all of `from` to `to`; `from` ends empty. */
static inline void rv_fifo_splice(struct rv_fifo *to, struct rv_fifo *from)
{
    if (from->head == NULL)
        return;
    if (to->head == NULL)
        to->head = from->head;
    else
        to->tail->next = from->head;
    to->tail = from->tail;
    rv_fifo_init(from);
}

static inline void rv_fifo_check(const struct rv_fifo *q)
{
    const struct rv_fifo_node *node = q->head;

    while (node != NULL && node->next != NULL)
        node = node->next;
    if (node != NULL)
        RV_CHECK(node == q->tail, "the last node of a fifo is its tail");
}

#endif
