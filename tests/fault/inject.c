// SPDX-License-Identifier: MIT
/*
 * Purpose: the wrapped calls, inject.h.
 */
#include "fault/inject.h"

#include "core/atomic.h"
#include "core/base.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* The linker's names for both ends of a wrapped call. */
#define WRAP(type, name, ...)                                                                      \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

#pragma GCC diagnostic ignored "-Wpedantic" /* reserved names are the linker's choice */
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wreserved-identifier"
#endif

enum { TINY_ENTRIES = 8 };

static struct rv_inject plan; /* constant while a runtime runs */
static RV_ATOMIC(unsigned) calls;
static RV_ATOMIC(long) live_blocks, live_bytes;

void rv_inject_arm(const struct rv_inject *wanted)
{
    plan = *wanted;
    rv_store_relaxed(&calls, 0u);
}

unsigned rv_inject_disarm(void)
{
    plan = (struct rv_inject){0};
    return rv_load_relaxed(&calls);
}

struct rv_inject_usage rv_inject_usage(void)
{
    return (struct rv_inject_usage){rv_load_relaxed(&live_blocks), rv_load_relaxed(&live_bytes)};
}

/* True: this call is to fail, with errno set. */
static bool fails(enum rv_inject_kind kind)
{
    if (RV_LIKELY(plan.kind != kind)) {
        return false;
    }
    unsigned n = rv_fetch_add_relaxed(&calls, 1u) + 1;
    bool is_hit = false;
    switch (plan.mode) {
    case RV_INJECT_ONCE:
        is_hit = n == plan.k;
        break;
    case RV_INJECT_EVERY:
        is_hit = n % plan.k == 0;
        break;
    case RV_INJECT_FROM:
        is_hit = n >= plan.k;
        break;
    case RV_INJECT_TINY:
        break;
    }
    if (is_hit) {
        errno = plan.error;
    }
    return is_hit;
}

static bool is_tiny(enum rv_inject_kind kind)
{
    return plan.kind == kind && plan.mode == RV_INJECT_TINY;
}

static void *counted(void *block)
{
    if (block != NULL) {
        (void)rv_fetch_add_relaxed(&live_blocks, 1);
    }
    return block;
}

WRAP(void *, malloc, size_t n)
{
    return fails(RV_INJECT_MEMORY) ? NULL : counted(__real_malloc(n));
}

WRAP(void *, calloc, size_t n, size_t each)
{
    return fails(RV_INJECT_MEMORY) ? NULL : counted(__real_calloc(n, each));
}

WRAP(void *, aligned_alloc, size_t alignment, size_t n)
{
    return fails(RV_INJECT_MEMORY) ? NULL : counted(__real_aligned_alloc(alignment, n));
}

WRAP(void *, realloc, void *old, size_t n)
{
    if (fails(RV_INJECT_MEMORY)) {
        return NULL;
    }
    void *block = __real_realloc(old, n);
    return old == NULL ? counted(block) : block;
}

WRAP(void, free, void *block)
{
    if (block != NULL) {
        (void)rv_fetch_sub_relaxed(&live_blocks, 1);
    }
    __real_free(block);
}

int __real_madvise(void *at, size_t n, int advice);

WRAP(void *, mmap, void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    if (fails(RV_INJECT_MEMORY)) {
        return MAP_FAILED;
    }
    void *map = __real_mmap(at, n, protection, flags, fd, offset);
    if (map == MAP_FAILED) {
        return map;
    }
    (void)rv_fetch_add_relaxed(&live_bytes, (long)n);
    if (is_tiny(RV_INJECT_HUGE) || is_tiny(RV_INJECT_HUGE_ONLY)) {
        (void)__real_madvise(map, n, MADV_HUGEPAGE);
    }
    return map;
}

WRAP(int, munmap, void *at, size_t n)
{
    (void)rv_fetch_sub_relaxed(&live_bytes, (long)n);
    return __real_munmap(at, n);
}

WRAP(int, madvise, void *at, size_t n, int advice)
{
    if (advice == MADV_NOHUGEPAGE && is_tiny(RV_INJECT_HUGE_ONLY)) {
        return 0;
    }
    return fails(RV_INJECT_ADVICE) ? -1 : __real_madvise(at, n, advice);
}

WRAP(int, mprotect, void *at, size_t n, int protection)
{
    return fails(RV_INJECT_ADVICE) ? -1 : __real_mprotect(at, n, protection);
}

WRAP(int, pthread_create, pthread_t *thread, const pthread_attr_t *how, void *(*body)(void *),
     void *arg)
{
    return fails(RV_INJECT_THREAD) ? plan.error : __real_pthread_create(thread, how, body, arg);
}

static enum rv_inject_kind kind_of(long number, long operation)
{
    switch (number) {
    case SYS_io_uring_setup:
        return RV_INJECT_SETUP;
    case SYS_io_uring_register:
        return RV_INJECT_REGISTER;
    case SYS_io_uring_enter:
        return RV_INJECT_ENTER;
    case SYS_membarrier:
        return RV_INJECT_BARRIER;
    case SYS_process_madvise:
        return RV_INJECT_ADVICE;
    case SYS_futex:
        return (operation & FUTEX_CMD_MASK) == FUTEX_WAIT ? RV_INJECT_FUTEX : RV_INJECT_NOTHING;
    default:
        return RV_INJECT_NOTHING;
    }
}

static void make_tiny(struct io_uring_params *params)
{
    params->flags |= IORING_SETUP_CQSIZE;
    params->cq_entries = 2 * TINY_ENTRIES;
}

/* Not variadic: a caller that passes fewer leaves the rest to chance, and the kernel ignores it. */
WRAP(long, syscall, long number, long a, long b, long c, long d, long e, long f)
{
    enum rv_inject_kind kind = kind_of(number, b);
    if (kind != RV_INJECT_NOTHING && fails(kind)) {
        return -1;
    }
    if (kind == RV_INJECT_SETUP && is_tiny(kind)) {
        make_tiny((struct io_uring_params *)(uintptr_t)b);
        a = TINY_ENTRIES;
    }
    return __real_syscall(number, a, b, c, d, e, f);
}

WRAP(int, eventfd, unsigned value, int flags)
{
    return fails(RV_INJECT_DESCRIPTOR) ? -1 : __real_eventfd(value, flags);
}

WRAP(int, epoll_create1, int flags)
{
    return fails(RV_INJECT_DESCRIPTOR) ? -1 : __real_epoll_create1(flags);
}

WRAP(int, socket, int family, int type, int protocol)
{
    return fails(RV_INJECT_DESCRIPTOR) ? -1 : __real_socket(family, type, protocol);
}

WRAP(int, accept4, int fd, struct sockaddr *at, socklen_t *n, int flags)
{
    return fails(RV_INJECT_DESCRIPTOR) ? -1 : __real_accept4(fd, at, n, flags);
}

WRAP(int, signalfd, int fd, const sigset_t *set, int flags)
{
    return fails(RV_INJECT_DESCRIPTOR) ? -1 : __real_signalfd(fd, set, flags);
}

WRAP(int, open, const char *path, int flags, ...)
{
    va_list values;
    va_start(values, flags);
    unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(values, unsigned) : 0;
    va_end(values);
    return fails(RV_INJECT_DESCRIPTOR) ? -1 : __real_open(path, flags, mode);
}

WRAP(int, epoll_ctl, int set, int change, int fd, struct epoll_event *event)
{
    return fails(RV_INJECT_EPOLL_CTL) ? -1 : __real_epoll_ctl(set, change, fd, event);
}

WRAP(int, epoll_pwait2, int set, struct epoll_event *events, int n, const struct timespec *timeout,
     const sigset_t *mask)
{
    return fails(RV_INJECT_EPOLL_WAIT) ? -1 : __real_epoll_pwait2(set, events, n, timeout, mask);
}

/* A send that takes less than it could has its caller try again, which no edge need tell. */
static size_t part_of(size_t n)
{
    return is_tiny(RV_INJECT_TRANSFER) && n > 1 ? 1 : n;
}

/* Never in part: a short receive says that a TCP socket is empty (epoll(7), "Questions and
 * answers" 9), which io/edge.h relies on. What comes singly is sent singly: by RV_PEER_DRIBBLE. */
WRAP(ssize_t, recv, int fd, void *data, size_t n, int flags)
{
    return fails(RV_INJECT_TRANSFER) ? -1 : __real_recv(fd, data, n, flags);
}

WRAP(ssize_t, send, int fd, const void *data, size_t n, int flags)
{
    return fails(RV_INJECT_TRANSFER) ? -1 : __real_send(fd, data, part_of(n), flags);
}

static void one_byte(struct msghdr *message, struct iovec *part)
{
    if (is_tiny(RV_INJECT_TRANSFER) && message->msg_iovlen > 0 &&
        message->msg_iov[0].iov_len > 0) {
        *part = (struct iovec){message->msg_iov[0].iov_base, 1};
        message->msg_iov = part;
        message->msg_iovlen = 1;
    }
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *message, int flags)
{
    struct msghdr copy = *message;
    struct iovec part;
    one_byte(&copy, &part);
    return fails(RV_INJECT_TRANSFER) ? -1 : __real_sendmsg(fd, &copy, flags);
}

WRAP(ssize_t, recvmsg, int fd, struct msghdr *message, int flags)
{
    return fails(RV_INJECT_TRANSFER) ? -1 : __real_recvmsg(fd, message, flags);
}
