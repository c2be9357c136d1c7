// SPDX-License-Identifier: MIT
/*
 * Purpose: an epoll that is as rude as it may be, for programs that are linked with this file.
 * Idea:    epoll_ctl and epoll_pwait2 are defined here, before the C library's. A wait may end with
 *          EINTR, or with one event where there are more; events come in any order; some come for
 *          nothing: a descriptor that is not ready, for anything. As with the kernel's own, such
 *          an event ends what was asked for (EPOLLONESHOT), so it is taken back before it is told;
 *          one that edges are to tell of (EPOLLET) stays.
 *          Whoever waits must try again and ask again, or sleeps for ever.
 * Threads: any.
 * Rejected: preloading, which sanitizers do not like; --wrap, which does not see into link-time
 *          optimized objects.
 */
#include "core/atomic.h"
#include "core/rand.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 1024, MANNERS = 8 };

enum asked { NO, ONCE, EDGES }; /* registered with the set, for something */

static RV_ATOMIC(uint32_t) asked[DESCRIPTORS];
static RV_ATOMIC(uint32_t) waits, rude;

static uint32_t draw(uint32_t n)
{
    static _Thread_local struct rv_rand rand;
    static _Thread_local int is_seeded;
    if (!is_seeded) {
        rv_rand_seed(&rand, (uint64_t)syscall(SYS_gettid));
        is_seeded = 1;
    }
    return rv_rand_below(&rand, n);
}

int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
    if (fd >= 0 && fd < DESCRIPTORS) {
        bool is_edge = op != EPOLL_CTL_DEL && (event->events & (uint32_t)EPOLLET) != 0;
        rv_store_relaxed(&asked[fd], op == EPOLL_CTL_DEL ? NO : is_edge ? EDGES : ONCE);
    }
    return (int)syscall(SYS_epoll_ctl, set, op, fd, event);
}

/* For a descriptor somebody has asked about, though nothing has happened. */
static int add_for_nothing(int set, struct epoll_event *event)
{
    int fd = (int)draw(DESCRIPTORS);
    for (int i = 0; i < DESCRIPTORS && rv_load_relaxed(&asked[fd]) == NO; i++) {
        fd = (fd + 1) % DESCRIPTORS;
    }
    *event = (struct epoll_event){.events = EPOLLONESHOT, .data.u64 = (uint32_t)fd};
    uint32_t how = ONCE;
    if (rv_load_relaxed(&asked[fd]) != EDGES &&
        (!rv_cas_relaxed(&asked[fd], &how, NO) ||
         syscall(SYS_epoll_ctl, set, EPOLL_CTL_MOD, fd, event) != 0)) {
        return 0;
    }
    event->events = EPOLLIN | EPOLLOUT;
    return 1;
}

static void shuffle(struct epoll_event *events, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)draw((uint32_t)i + 1);
        struct epoll_event event = events[i];
        events[i] = events[j];
        events[j] = event;
    }
}

int epoll_pwait2(int set, struct epoll_event *events, int max, const struct timespec *timeout,
                 const sigset_t *mask)
{
    static const struct timespec now;
    uint32_t manner = draw(MANNERS);
    rv_fetch_add_relaxed(&waits, 1);
    if (manner == 0) {
        rv_fetch_add_relaxed(&rude, 1);
        errno = EINTR;
        return -1;
    }
    bool is_spurious = manner <= 2 && max > 1 && add_for_nothing(set, &events[max - 1]) == 1;
    int room = is_spurious ? max - 1 : manner == 3 ? 1 : max;
    int n = (int)syscall(SYS_epoll_pwait2, set, events, room, is_spurious ? &now : timeout, mask,
                         _NSIG / 8);
    if (is_spurious) { /* told whatever the wait came to, for it has been taken back */
        rv_fetch_add_relaxed(&rude, 1);
        n = n < 0 ? 0 : n;
        events[n] = events[max - 1];
        n++;
    }
    shuffle(events, n);
    return n;
}

/* A program that this file did nothing to shows nothing. */
static __attribute__((destructor)) void tell(void)
{
    fprintf(stderr, "rude epoll: %u waits, %u of them rude\n", rv_load_relaxed(&waits),
            rv_load_relaxed(&rude));
    if (rv_load_relaxed(&rude) == 0) {
        _exit(EXIT_FAILURE);
    }
}
