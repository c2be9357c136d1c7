// SPDX-License-Identifier: MIT
/*
 * Purpose: the rows of the fault matrix, faults.h.
 */
#include "fault/faults.h"

#include "core/base.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* What the other end of a connection sees when one end gave up for want of something. */
#define CUT_OFF ECONNRESET, EPIPE, ENODATA

#define ONCE(what, with) {.kind = (what), .mode = RV_INJECT_ONCE, .error = (with)}
#define EVERY(n, what, with) {.kind = (what), .mode = RV_INJECT_EVERY, .error = (with), .k = (n)}
#define ALL_FROM(what, with) {.kind = (what), .mode = RV_INJECT_FROM, .error = (with)}
#define TINY(what) {.kind = (what), .mode = RV_INJECT_TINY}

#ifdef RV_FAULT_TWO_BUFFERS
const struct rv_fault rv_faults[] = {
    {.name = "a pool of 2 buffers", .backends = RV_FAULT_URING},
    {.name = "2 buffers, one byte a message", .peer = RV_PEER_DRIBBLE, .backends = RV_FAULT_URING},
    {.name = "2 buffers, a peer never reads", .peer = RV_PEER_DEAF, .backends = RV_FAULT_URING},
};
#else
const struct rv_fault rv_faults[] = {
    {.name = "k-th allocation", .plan = ONCE(RV_INJECT_MEMORY, ENOMEM), .backends = RV_FAULT_BOTH,
     .allowed = {ENOMEM, ENOBUFS, EAGAIN, CUT_OFF}},
    {.name = "k-th allocation, debug mode", .plan = ONCE(RV_INJECT_MEMORY, ENOMEM),
     .backends = RV_FAULT_BOTH, .is_debug = true, .allowed = {ENOMEM, ENOBUFS, EAGAIN, CUT_OFF}},
    {.name = "allocations from the k-th on", .plan = ALL_FROM(RV_INJECT_MEMORY, ENOMEM),
     .backends = RV_FAULT_BOTH, .may_starve = true,
     .allowed = {ENOMEM, ENOBUFS, EAGAIN, ETIMEDOUT, CUT_OFF}},
    {.name = "k-th thread", .plan = ONCE(RV_INJECT_THREAD, EAGAIN), .backends = RV_FAULT_BOTH,
     .allowed = {EAGAIN}},
    {.name = "threads from the k-th on", .plan = ALL_FROM(RV_INJECT_THREAD, EAGAIN),
     .backends = RV_FAULT_BOTH, .allowed = {EAGAIN}},
    {.name = "k-th ring set-up: ENOMEM", .plan = ONCE(RV_INJECT_SETUP, ENOMEM),
     .backends = RV_FAULT_URING, .may_choose = true},
    {.name = "k-th ring set-up: EPERM", .plan = ONCE(RV_INJECT_SETUP, EPERM),
     .backends = RV_FAULT_URING, .may_choose = true},
    {.name = "ring set-up: ENOSYS", .plan = ALL_FROM(RV_INJECT_SETUP, ENOSYS),
     .backends = RV_FAULT_URING, .may_choose = true},
    {.name = "k-th ring set-up, no choice", .plan = ONCE(RV_INJECT_SETUP, EPERM),
     .backends = RV_FAULT_URING, .allowed = {EPERM}},
    {.name = "k-th ring registration", .plan = ONCE(RV_INJECT_REGISTER, EINVAL),
     .backends = RV_FAULT_URING, .may_choose = true},
    {.name = "every 2nd enter: EINTR", .plan = EVERY(2, RV_INJECT_ENTER, EINTR),
     .backends = RV_FAULT_URING},
    {.name = "k-th enter: EINTR", .plan = ONCE(RV_INJECT_ENTER, EINTR),
     .backends = RV_FAULT_URING},
    {.name = "every 2nd enter: EAGAIN", .plan = EVERY(2, RV_INJECT_ENTER, EAGAIN),
     .backends = RV_FAULT_URING, .may_choose = true},
    {.name = "every 3rd enter: EBUSY", .plan = EVERY(3, RV_INJECT_ENTER, EBUSY),
     .backends = RV_FAULT_URING},
    {.name = "k-th enter: EAGAIN", .plan = ONCE(RV_INJECT_ENTER, EAGAIN),
     .backends = RV_FAULT_URING, .may_choose = true},
    {.name = "rings of 8 entries", .plan = TINY(RV_INJECT_SETUP), .backends = RV_FAULT_URING},
    {.name = "k-th descriptor: EMFILE", .plan = ONCE(RV_INJECT_DESCRIPTOR, EMFILE),
     .backends = RV_FAULT_BOTH, .allowed = {EMFILE}},
    {.name = "k-th epoll_ctl: ENOMEM", .plan = ONCE(RV_INJECT_EPOLL_CTL, ENOMEM),
     .backends = RV_FAULT_EPOLL, .allowed = {ENOMEM, CUT_OFF}},
    {.name = "every 2nd epoll wait: EINTR", .plan = EVERY(2, RV_INJECT_EPOLL_WAIT, EINTR),
     .backends = RV_FAULT_EPOLL},
    {.name = "epoll_pwait2: ENOSYS", .plan = EVERY(1, RV_INJECT_EPOLL_WAIT, ENOSYS),
     .backends = RV_FAULT_EPOLL},
    {.name = "every 2nd transfer: EAGAIN", .plan = EVERY(2, RV_INJECT_TRANSFER, EAGAIN),
     .backends = RV_FAULT_EPOLL},
    {.name = "k-th transfer: ENOBUFS", .plan = ONCE(RV_INJECT_TRANSFER, ENOBUFS),
     .backends = RV_FAULT_EPOLL, .allowed = {ENOBUFS, CUT_OFF}},
    {.name = "one byte a send", .plan = TINY(RV_INJECT_TRANSFER), .backends = RV_FAULT_EPOLL},
    {.name = "no memory advice (guards, discard)", .plan = EVERY(1, RV_INJECT_ADVICE, EINVAL),
     .backends = RV_FAULT_BOTH},
    {.name = "k-th memory advice: ENOMEM", .plan = ONCE(RV_INJECT_ADVICE, ENOMEM),
     .backends = RV_FAULT_BOTH, .allowed = {ENOMEM, CUT_OFF}},
    {.name = "THP always", .plan = TINY(RV_INJECT_HUGE), .backends = RV_FAULT_BOTH},
    {.name = "THP always, for stacks too", .plan = TINY(RV_INJECT_HUGE_ONLY),
     .backends = RV_FAULT_BOTH},
    {.name = "no membarrier", .plan = EVERY(1, RV_INJECT_BARRIER, ENOSYS), .is_cold = true,
     .backends = RV_FAULT_BOTH},
    {.name = "every 2nd futex wait: EINTR", .plan = EVERY(2, RV_INJECT_FUTEX, EINTR),
     .backends = RV_FAULT_BOTH},
    {.name = "RLIMIT_NOFILE, 1 to 24 left", .limit = RV_LIMIT_DESCRIPTORS, .k_first = 1,
     .k_last = 24, .backends = RV_FAULT_BOTH, .may_choose = true, .may_starve = true,
     .allowed = {EMFILE, ETIMEDOUT, CUT_OFF}},
    {.name = "RLIMIT_AS, 256 KiB to 512 MiB left", .limit = RV_LIMIT_ADDRESS_SPACE,
     .k_first = 1, .k_last = 12, .backends = RV_FAULT_BOTH, .may_starve = true,
     .allowed = {ENOMEM, EAGAIN, ENOBUFS, ETIMEDOUT, CUT_OFF}},
    {.name = "RLIMIT_MEMLOCK 0, no privileges", .limit = RV_LIMIT_LOCKED_MEMORY, .k_first = 1,
     .k_last = 1, .is_cold = true, .backends = RV_FAULT_URING, .may_choose = true},
    {.name = "a peer that is stopped", .peer = RV_PEER_STOPPED, .backends = RV_FAULT_BOTH},
    {.name = "a peer that resets", .peer = RV_PEER_RESET, .backends = RV_FAULT_BOTH},
    {.name = "a half-open peer", .peer = RV_PEER_HALF_OPEN, .backends = RV_FAULT_BOTH},
    {.name = "a half-closed peer", .peer = RV_PEER_HALF_CLOSED, .backends = RV_FAULT_BOTH},
    {.name = "a peer that sends bytes singly", .peer = RV_PEER_DRIBBLE, .backends = RV_FAULT_BOTH},
    {.name = "a peer that never reads", .peer = RV_PEER_DEAF, .backends = RV_FAULT_BOTH},
    {.name = "fork in a task", .forks = true, .backends = RV_FAULT_BOTH},
};
#endif
const size_t rv_fault_count = RV_ARRAY_LEN(rv_faults);

bool rv_fault_allows(const struct rv_fault *f, int rc)
{
    bool is_allowed = rc == 0;
    for (size_t i = 0; i < RV_FAULT_ERRORS && f->allowed[i] != 0; i++) {
        is_allowed |= rc == -f->allowed[i];
    }
    return is_allowed;
}

static int set_soft(__rlimit_resource_t resource, rlim_t value)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0) {
        return -errno;
    }
    limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
    return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

/* The least limit under which all open descriptors, and k more, are allowed. */
static rlim_t descriptors_and(unsigned k)
{
    int fd = dup(STDOUT_FILENO); /* the lowest free number */
    close(fd);
    return (rlim_t)fd + k;
}

static rlim_t address_space_and(rlim_t more)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%lu", &pages) != 1) {
        pages = 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more;
}

/* For good: the process runs this one row only. */
static int drop_privileges(void)
{
    struct rlimit none = {0};
    if (setrlimit(RLIMIT_MEMLOCK, &none) < 0) {
        return -errno;
    }
    if (geteuid() == 0 &&
        (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)) {
        return -errno;
    }
    return prctl(PR_SET_DUMPABLE, 1) < 0 ? -errno : 0; /* or /proc/self is closed to us */
}

int rv_fault_enter_limit(const struct rv_fault *f, unsigned k)
{
    switch (f->limit) {
    case RV_LIMIT_NONE:
        return 0;
    case RV_LIMIT_DESCRIPTORS:
        return set_soft(RLIMIT_NOFILE, descriptors_and(k));
    case RV_LIMIT_ADDRESS_SPACE:
        return set_soft(RLIMIT_AS, address_space_and((rlim_t)128 << (10 + k)));
    case RV_LIMIT_LOCKED_MEMORY:
        return drop_privileges();
    }
    RV_UNREACHABLE();
}

void rv_fault_leave_limit(const struct rv_fault *f)
{
    if (f->limit == RV_LIMIT_DESCRIPTORS) {
        (void)set_soft(RLIMIT_NOFILE, 1024);
    } else if (f->limit == RV_LIMIT_ADDRESS_SPACE) {
        (void)set_soft(RLIMIT_AS, RLIM_INFINITY);
    }
}
