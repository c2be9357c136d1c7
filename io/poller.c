// SPDX-License-Identifier: MIT
/*
 * Purpose: which back-ends to try, in which order; what is said about it.
 */
#include "sched/poller.h"

#include "io/reactor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

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

static const char *reason(const struct rove_runtime *runtime)
{
    rove_backend wish = runtime->options.backend;
    if (wish != ROVE_BACKEND_AUTO) {
        return "the options ask for it";
    }
    if (wish_of_environment(wish) != ROVE_BACKEND_AUTO) {
        return "ROVE_BACKEND asks for it";
    }
    return "a no-op came back from a ring with all that rove requires";
}

/* INFO: on standard error in debug mode only, as falling back is no fault of anybody's. */
void rv_poller_report(struct rove_runtime *runtime, const struct rv_poller_ops *refused, int error)
{
    if (runtime->poller == NULL) { /* there is none of that number: the caller's -ENOTSUP */
        return;
    }
    const char *name = runtime->poller->name;
    if (refused == NULL) {
        rv_runtime_log(runtime, LOG_INFO, "rove: back-end %s: %s", name, reason(runtime));
        return;
    }
    bool is_last = refused == runtime->poller;
    rv_runtime_log(runtime, is_last ? LOG_NOTICE : LOG_INFO,
                   "rove: back-end %s: %s is refused here: %s", is_last ? "none" : name,
                   refused->name, error == -EPERM ? "the system forbids it" : rove_strerror(error));
}
