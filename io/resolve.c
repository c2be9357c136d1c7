// SPDX-License-Identifier: MIT
/*
 * Purpose: names to addresses.
 *
 * Idea: the C library's resolver blocks for seconds when a server does not answer, and cannot be
 * interrupted. So a lookup has a task of its own, which waits for a pool thread, and works on
 * copies of the arguments. Who asked waits for a future: if cancelled, it leaves at once, and the
 * lookup throws away what it finds.
 *
 *     caller                          lookup task
 *     await outcome                   pool: getaddrinfo -> list
 *     done: takes the list            set outcome; too late: frees the list
 *     cancelled: outcome = -ECANCELED
 *
 * Whoever completes the future decides whose the list is, so it is freed exactly once.
 */
#include "core/base.h"
#include "sched/current.h"
#include "sched/pool.h"
#include "sched/task.h"

#include <errno.h>
#include <netdb.h>
#include <rove/net.h>
#include <rove/task.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
    rove_future *outcome;  /* one reference is the lookup's */
    struct addrinfo hints;
    bool has_hints, has_node, has_service;
    bool has_run;          /* getaddrinfo was called, and gave rc: EAI_SYSTEM is also -EAGAIN */
    int rc;
    char text[];           /* node, service, each with its zero byte */
};

static int resolve(void *arg, void **result)
{
    struct lookup *l = arg;
    const char *node = l->has_node ? l->text : NULL;
    const char *service = l->has_node ? l->text + strlen(l->text) + 1 : l->text;
    struct addrinfo *list = NULL;
    l->rc = getaddrinfo(node, l->has_service ? service : NULL, l->has_hints ? &l->hints : NULL,
                        &list);
    l->has_run = true;
    *result = list;
    return 0;
}

static int run_lookup(void *arg, RV_UNUSED void **result)
{
    struct lookup *l = arg;
    void *list = NULL;
    int rc = rv_pool_run(rv_current_task()->runtime, resolve, l, &list);
    if (l->has_run) {
        rc = l->rc;
    } else if (rc == -EAGAIN) {
        rc = EAI_AGAIN; /* no thread */
    }
    if (rc < 0) {
        (void)rove_set_error(l->outcome, rc);
    } else if (rove_set_result(l->outcome, list) < 0) {
        freeaddrinfo(list);
    }
    rove_release(l->outcome);
    free(l);
    return 0;
}

static struct lookup *copy(const char *node, const char *service, const struct addrinfo *hints)
{
    size_t node_bytes = node == NULL ? 0 : strlen(node) + 1;
    size_t service_bytes = service == NULL ? 0 : strlen(service) + 1;
    struct lookup *l = calloc(1, sizeof(*l) + node_bytes + service_bytes);
    if (l == NULL) {
        return NULL;
    }
    l->has_node = node != NULL;
    l->has_service = service != NULL;
    memcpy(l->text, node == NULL ? "" : node, node_bytes);
    memcpy(l->text + node_bytes, service == NULL ? "" : service, service_bytes);
    if (hints != NULL) {
        l->has_hints = true;
        l->hints = (struct addrinfo){.ai_flags = hints->ai_flags,
                                     .ai_family = hints->ai_family,
                                     .ai_socktype = hints->ai_socktype,
                                     .ai_protocol = hints->ai_protocol};
    }
    return l;
}

/* The future that the lookup will complete, with the caller's reference; NULL: no memory. */
static rove_future *start(const char *node, const char *service, const struct addrinfo *hints)
{
    struct lookup *l = copy(node, service, hints);
    if (l == NULL) {
        return NULL;
    }
    rove_future *outcome = rove_create_future();
    if (outcome == NULL) {
        free(l);
        return NULL;
    }
    l->outcome = rove_retain(outcome);
    rove_task *task = rv_task_start_sure(run_lookup, l);
    if (task == NULL) {
        rove_release(outcome);
        rove_release(outcome);
        free(l);
        return NULL;
    }
    rove_release(task);
    return outcome;
}

int rove_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **out)
{
    void *list = NULL;
    if (rv_current_task() == NULL) {
        return -EPERM;
    }
    if (out == NULL) {
        return EAI_NONAME;
    }
    rove_future *outcome = start(node, service, hints);
    if (outcome == NULL) {
        return EAI_MEMORY;
    }
    int rc = rove_await(outcome, &list);
    if (rc == 0) {
        *out = list;
    } else if (rove_result(outcome, &list) == 0) {
        freeaddrinfo(list); /* cancelled in the same moment */
    }
    rove_release(outcome);
    return rc;
}
