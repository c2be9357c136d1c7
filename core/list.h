// SPDX-License-Identifier: MIT
/*
 * Purpose: intrusive doubly linked list, circular, with a head of the node's own type.
 * Idea:    head <-> first <-> ... <-> last <-> head. A node outside any list points at itself, so
 *          "am I linked?" is one comparison and removing twice is harmless.
 * Threads: none of its own: the caller's lock or owner rule covers list and nodes.
 */
#ifndef RV_CORE_LIST_H
#define RV_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base.h"
#include "core/check.h"

struct rv_list {
    struct rv_list *next;
    struct rv_list *prev;
};

#define RV_LIST_INIT(l) {&(l), &(l)}

/* For heads and for nodes alike. */
static inline void rv_list_init(struct rv_list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool rv_list_is_empty(const struct rv_list *head)
{
    return head->next == head;
}

static inline bool rv_list_is_linked(const struct rv_list *node)
{
    return node->next != node;
}

static inline void rv_list_insert_between(struct rv_list *node, struct rv_list *prev,
                                          struct rv_list *next)
{
    RV_ASSERT(!rv_list_is_linked(node), "a node is in one list at a time");
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

/* The node must have been initialised and be in no list. */
static inline void rv_list_push_back(struct rv_list *head, struct rv_list *node)
{
    rv_list_insert_between(node, head->prev, head);
}

static inline void rv_list_push_front(struct rv_list *head, struct rv_list *node)
{
    rv_list_insert_between(node, head, head->next);
}

/* Leaves the node linked to itself. */
static inline void rv_list_remove(struct rv_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    rv_list_init(node);
}

static inline struct rv_list *rv_list_first(const struct rv_list *head)
{
    return head->next == head ? NULL : head->next;
}

static inline struct rv_list *rv_list_pop_front(struct rv_list *head)
{
    struct rv_list *node = rv_list_first(head);

    if (node != NULL)
        rv_list_remove(node);
    return node;
}

/* Appends all of `from` to `to`, in order; `from` ends empty. */
static inline void rv_list_splice_back(struct rv_list *to, struct rv_list *from)
{
    if (rv_list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    rv_list_init(from);
}

#define RV_LIST_FOR_EACH(it, head) \
    for (struct rv_list *it = (head)->next; it != (head); it = it->next)

/* The current node may be removed or freed in the body; no other may. */
#define RV_LIST_FOR_EACH_SAFE(it, head)                                           \
    for (struct rv_list *it = (head)->next, *it##_next = it->next; it != (head);  \
         it = it##_next, it##_next = it->next)

static inline void rv_list_check(const struct rv_list *head)
{
    const struct rv_list *node = head;

    do {
        RV_CHECK(node->next->prev == node, "list neighbours point at each other");
        node = node->next;
    } while (node != head);
}

#endif
