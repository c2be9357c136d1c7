// SPDX-License-Identifier: MIT
/*
 * Purpose: what every other public header needs: version, export macro, errors, time.
 * Idea:    a call returns 0 or a count, or a negative errno code, as the kernel itself does. One
 *          table (ROVE_ERROR_MAP) names the codes; nothing else may give them a text.
 * Threads: everything here may be called from any thread.
 */
#ifndef ROVE_BASE_H
#define ROVE_BASE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

#define ROVE_VERSION_MAJOR 0
#define ROVE_VERSION_MINOR 1
#define ROVE_VERSION_PATCH 0
#define ROVE_VERSION_STRING "0.1.0"
/* One number to compare: 0x000100 is 0.1.0. */
#define ROVE_VERSION (ROVE_VERSION_MAJOR << 16 | ROVE_VERSION_MINOR << 8 | ROVE_VERSION_PATCH)

/* Marks what the shared library exports; the library itself is built with hidden visibility. */
#define ROVE_API __attribute__((visibility("default")))

#ifdef __cplusplus
#define ROVE_BEGIN_DECLS extern "C" {
#define ROVE_END_DECLS }
#else
#define ROVE_BEGIN_DECLS
#define ROVE_END_DECLS
#endif

/*
 * The errors of the library and their texts: X(name, text). A code is returned as -name.
 * Codes of the kernel that are not listed travel through unchanged and get the C library's text.
 */
#define ROVE_ERROR_MAP(X)                                                                          \
    X(ECANCELED, "cancelled")                                                                      \
    X(ETIMEDOUT, "deadline passed")                                                                \
    X(EDEADLK, "a task would wait for itself")                                                     \
    X(EPIPE, "closed or shut down")                                                                \
    X(EINPROGRESS, "no result yet")                                                                \
    X(EALREADY, "already done")                                                                    \
    X(EAGAIN, "would block")                                                                       \
    X(EINVAL, "bad argument")                                                                      \
    X(ENOTSUP, "not supported by this kernel or back-end")                                         \
    X(EPERM, "not allowed here: only a task may call this")                                        \
    X(ENOMEM, "out of memory")                                                                     \
    X(EBADF, "bad file descriptor")                                                                \
    X(ENODATA, "end of data before enough was read")                                               \
    X(EMSGSIZE, "longer than the limit")                                                           \
    X(EOVERFLOW, "past the bound")                                                                 \
    X(EOWNERDEAD, "its owner ended while holding it")                                              \
    X(EBUSY, "in use")                                                                             \
    X(EINTR, "interrupted")                                                                        \
    X(EIO, "input/output error")                                                                   \
    X(EMFILE, "too many open files in this process")                                               \
    X(ENFILE, "too many open files in the system")                                                 \
    X(ENOENT, "no such file or directory")                                                         \
    X(EEXIST, "already exists")                                                                    \
    X(EACCES, "permission denied")                                                                 \
    X(ENOSYS, "the kernel lacks this call")                                                        \
    X(ENOTCONN, "not connected")                                                                   \
    X(ECONNREFUSED, "connection refused")                                                          \
    X(ECONNRESET, "connection reset by peer")                                                      \
    X(ECONNABORTED, "connection aborted")                                                          \
    X(EADDRINUSE, "address in use")                                                                \
    X(EADDRNOTAVAIL, "address not available")                                                      \
    X(EAFNOSUPPORT, "address family not supported")                                                \
    X(ENETUNREACH, "network unreachable")                                                          \
    X(EHOSTUNREACH, "host unreachable")                                                            \
    X(ENOTSOCK, "not a socket")                                                                    \
    X(ESRCH, "no such process")                                                                    \
    X(ECHILD, "no such child process")

/* The lowest code that means an errno; those below it belong to the application. */
#define ROVE_ERRNO_MIN (-4095)

typedef int64_t rove_duration; /* nanoseconds; negative = for ever */
typedef int64_t rove_time;     /* nanoseconds on CLOCK_MONOTONIC */

/* Durations from a number of units. Constant in, constant out; the argument is evaluated once. */
#define ROVE_NS(n) ((rove_duration)(n))
#define ROVE_US(n) ((rove_duration)((n)*INT64_C(1000)))
#define ROVE_MS(n) ((rove_duration)((n)*INT64_C(1000000)))
/* Fractions too. The half rounds to nearest: 0.29 s is 290 ms, though 0.29 * 1e9 is a bit less. */
#define ROVE_SEC(n) ((rove_duration)((double)(n)*1e9 + 0.5))
#define ROVE_FOREVER ((rove_duration)-1)

ROVE_BEGIN_DECLS

/**
 * The version of the library that is linked, which may differ from the header's.
 *
 * Returns a static string such as "0.1.0".
 * Threads: any thread. Suspends: no. Cost: none.
 * asyncio: sys.version.
 */
ROVE_API const char *rove_version(void);

/**
 * Name an error.
 *
 * error  a code as rove's calls return it; its sign does not matter.
 *
 * Returns a static string, never NULL: "success" for 0, "application error" for codes below
 * ROVE_ERRNO_MIN, and a text for every errno.
 * Threads: any thread. Suspends: no. Cost: none.
 * Man: strerror(3).
 */
ROVE_API const char *rove_strerror(int error);

/**
 * Read the clock that deadlines are set on.
 *
 * Returns nanoseconds on CLOCK_MONOTONIC.
 * Threads: any thread. Suspends: no. Cost: one clock read (about 20 ns), no system call.
 * asyncio: loop.time(). Differs: nanoseconds, not a float of seconds.
 */
ROVE_API rove_time rove_now(void);

ROVE_END_DECLS

#endif
