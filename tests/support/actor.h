// SPDX-License-Identifier: MIT
/*
 * Purpose: a coroutine whose behaviour is data: how long it lives, how it ends, what it does when
 *          it is cancelled; and a trace of what happened, for exact orders on one worker.
 * Threads: an actor by its own task; its counters by anyone when the task has ended;
 *          rv_actor_has_begun by anyone at any time.
 */
#ifndef RV_TESTS_ACTOR_H
#define RV_TESTS_ACTOR_H

#include <rove.h>

#include <errno.h>
#include <string.h>

#include "core/atomic.h"

#define RV_TRACE_BYTES 256

/* One worker only. */
struct rv_trace {
    char text[RV_TRACE_BYTES];
};

static inline void rv_trace_add(struct rv_trace *trace, const char *name, const char *what)
{
    if (trace == NULL)
        return;
    size_t room = sizeof trace->text - strlen(trace->text) - 1;
    strncat(trace->text, name, room);
    room = sizeof trace->text - strlen(trace->text) - 1;
    strncat(trace->text, what, room);
}

enum rv_actor_when_cancelled { RV_ACTOR_ENDS, RV_ACTOR_SWALLOWS, RV_ACTOR_FAILS };

struct rv_actor {
    int yields;           /* how often it lets others run; < 0: waits for ever */
    rove_future *until;   /* then awaits this, if not NULL */
    int rc;               /* how it ends */
    void *value;          /* with rc 0 */
    enum rv_actor_when_cancelled when_cancelled;
    int cancelled_rc;     /* of RV_ACTOR_FAILS */
    const char *name;     /* for the trace */
    struct rv_trace *trace;
    int begun, cancels, ended; /* how often */
    RV_ATOMIC(uint32_t) is_there; /* it has begun; for who waits for that */
};

static inline bool rv_actor_has_begun(struct rv_actor *a)
{
    return rv_load_relaxed(&a->is_there) != 0;
}

static inline int rv_actor_step(struct rv_actor *a)
{
    if (a->yields < 0)
        return rove_sleep(ROVE_FOREVER);
    if (a->yields > 0) {
        a->yields--;
        return rove_yield();
    }
    return rove_await(a->until, NULL);
}

static inline int rv_actor_run(void *arg, void **result)
{
    struct rv_actor *a = arg;
    a->begun++;
    rv_store_relaxed(&a->is_there, 1u);
    rv_trace_add(a->trace, a->name, "+ ");
    while (a->yields != 0 || a->until != NULL) {
        bool was_last = a->yields == 0;
        int rc = rv_actor_step(a);
        if (rc == -ECANCELED) {
            a->cancels++;
            rv_trace_add(a->trace, a->name, "! ");
            if (a->when_cancelled == RV_ACTOR_SWALLOWS)
                break;
            a->ended++;
            return a->when_cancelled == RV_ACTOR_FAILS ? a->cancelled_rc : rc;
        }
        if (was_last)
            break;
    }
    a->ended++;
    rv_trace_add(a->trace, a->name, "- ");
    *result = a->value;
    return a->rc;
}

#endif
