// SPDX-License-Identifier: MIT
/*
 * Purpose: make the k-th call of some kind fail, or every third, or all from the k-th on.
 *
 * Idea: the linker sends the calls of the library and of the program through here (--wrap), not
 * those of libc itself. Each call belongs to a kind; one kind is armed at a time and its calls are
 * counted. So a test can go on with k = 1, 2, 3 .. until a run has fewer calls than k: then each
 * of them has failed once.
 *
 * What was allocated and mapped through here and not given back is counted too, exactly.
 *
 * Threads: arm and disarm while no runtime runs; the wrapped calls anywhere.
 */
#ifndef RV_TESTS_FAULT_INJECT_H
#define RV_TESTS_FAULT_INJECT_H

#include <stdbool.h>
#include <stddef.h>

enum rv_inject_kind {
    RV_INJECT_NOTHING,
    RV_INJECT_MEMORY,     /* malloc and its relatives, mmap */
    RV_INJECT_THREAD,     /* pthread_create */
    RV_INJECT_SETUP,      /* io_uring_setup */
    RV_INJECT_REGISTER,   /* io_uring_register */
    RV_INJECT_ENTER,      /* io_uring_enter */
    RV_INJECT_DESCRIPTOR, /* eventfd, epoll_create1, socket, accept4, pipe2, open, openat .. */
    RV_INJECT_EPOLL_CTL,
    RV_INJECT_EPOLL_WAIT,
    RV_INJECT_TRANSFER,   /* read, write, recv, send, recvmsg, sendmsg, readv, writev */
    RV_INJECT_ADVICE,     /* madvise, mprotect, process_madvise */
    RV_INJECT_BARRIER,    /* membarrier */
    RV_INJECT_FUTEX,      /* futex waits */
    RV_INJECT_HUGE,       /* mmap, TINY only: advised to be of huge pages, as the system may say */
    RV_INJECT_HUGE_ONLY   /* the same, and advice against it is not heard */
};

enum rv_inject_mode {
    RV_INJECT_ONCE,    /* the k-th */
    RV_INJECT_EVERY,   /* each k-th */
    RV_INJECT_FROM,    /* the k-th and all that follow */
    RV_INJECT_TINY     /* they work, but in the smallest way there is: 8 entries, 1 byte */
};

struct rv_inject {
    enum rv_inject_kind kind;
    enum rv_inject_mode mode;
    int error; /* a positive errno */
    unsigned k;
};

void rv_inject_arm(const struct rv_inject *plan);
/* Returns how many calls of the kind there were. */
unsigned rv_inject_disarm(void);

struct rv_inject_usage {
    long blocks; /* on the heap */
    long bytes;  /* mapped */
};
struct rv_inject_usage rv_inject_usage(void);

#endif
