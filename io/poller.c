// SPDX-License-Identifier: MIT
/*
 * Purpose: which back-ends to try, in which order.
 */
#include "sched/poller.h"

#include "io/reactor.h"

#include <stdlib.h>
#include <string.h>

static rove_backend wish_of_environment(rove_backend wish)
{
    const char *name = wish == ROVE_BACKEND_AUTO ? getenv("ROVE_BACKEND") : NULL;
    if (name == NULL) {
        return wish;
    }
    if (strcmp(name, "epoll") == 0) {
        return ROVE_BACKEND_EPOLL;
    }
    if (strcmp(name, "uring") == 0 || strcmp(name, "io_uring") == 0) {
        return ROVE_BACKEND_URING;
    }
    return wish;
}

const struct rv_poller_ops *rv_poller_pick(rove_backend wish, unsigned n)
{
    static const struct rv_poller_ops *const best_first[] = {&rv_uring_reactor.poller,
                                                             &rv_epoll_reactor.poller};
    switch (wish_of_environment(wish)) {
    case ROVE_BACKEND_AUTO:
        return n < RV_ARRAY_LEN(best_first) ? best_first[n] : NULL;
    case ROVE_BACKEND_URING:
        return n == 0 ? &rv_uring_reactor.poller : NULL;
    case ROVE_BACKEND_EPOLL:
        return n == 0 ? &rv_epoll_reactor.poller : NULL;
    }
    return NULL;
}
