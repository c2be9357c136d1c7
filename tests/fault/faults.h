// SPDX-License-Identifier: MIT
/*
 * Purpose: the rows of the fault matrix: what is taken away, and what may come of it.
 */
#ifndef RV_TESTS_FAULT_FAULTS_H
#define RV_TESTS_FAULT_FAULTS_H

#include "fault/inject.h"
#include "fault/peer.h"

#include <stdbool.h>
#include <stddef.h>

enum { RV_FAULT_ERRORS = 12 };

enum rv_fault_backends { RV_FAULT_URING = 1, RV_FAULT_EPOLL = 2, RV_FAULT_BOTH = 3 };

/* Resources that are limited for one run; k says how much is left. */
enum rv_fault_limit {
    RV_LIMIT_NONE,
    RV_LIMIT_DESCRIPTORS,   /* k more than there are */
    RV_LIMIT_ADDRESS_SPACE, /* 128 KiB << k more than is in use */
    RV_LIMIT_LOCKED_MEMORY  /* none, and no privileges */
};

struct rv_fault {
    const char *name;
    struct rv_inject plan;      /* with a kind: k is counted up from 1 until k calls are not made */
    enum rv_fault_limit limit;
    unsigned k_first, k_last;   /* of a limit */
    enum rv_peer_kind peer;
    bool forks;
    bool is_debug;              /* options.debug: it allocates more */
    bool is_cold;               /* no run in peace before it: what a process asks for once */
    bool may_choose;            /* the back-end is not fixed: the other one may take over */
    bool may_starve;            /* clients may wait in vain, and time out */
    enum rv_fault_backends backends;
    int allowed[RV_FAULT_ERRORS]; /* positive errnos, beside success; 0 ends the list */
};

extern const struct rv_fault rv_faults[];
extern const size_t rv_fault_count;

/* Is k counted up until the fault is not met any more? */
static inline bool rv_fault_is_counted(const struct rv_fault *f)
{
    return f->plan.kind != RV_INJECT_NOTHING &&
           (f->plan.mode == RV_INJECT_ONCE || f->plan.mode == RV_INJECT_FROM);
}

bool rv_fault_allows(const struct rv_fault *f, int rc);
/* Before and after a run. 0 or -errno. */
int rv_fault_enter_limit(const struct rv_fault *f, unsigned k);
void rv_fault_leave_limit(const struct rv_fault *f);

#endif
