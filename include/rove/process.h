// SPDX-License-Identifier: MIT
/*
 * Purpose: child processes with piped streams, and signals as events.
 * Idea:    a child is waited for through its pidfd, so no SIGCHLD handler is needed and a reused
 *          process number is never hit.
 * Threads: tasks only.
 */
#ifndef ROVE_PROCESS_H
#define ROVE_PROCESS_H

#include <rove/base.h>
#include <rove/net.h>

#include <signal.h>
/* Under -std=c11 without a feature macro glibc's <signal.h> leaves these two types out. */
#if defined(__GLIBC__) && !defined(__USE_POSIX199309)
#include <bits/types/siginfo_t.h>
#include <bits/types/sigset_t.h>
#endif

ROVE_BEGIN_DECLS

/* What a standard stream of the child is: one of these, or a descriptor from 3 on (borrowed). */
#define ROVE_INHERIT 0
#define ROVE_PIPE (-1)
#define ROVE_NULL (-2)

typedef struct rove_process rove_process; /* opaque */

typedef struct rove_process_options {
    char *const *argv; /* ends with NULL; argv[0] without a slash: looked up in the child's PATH */
    char *const *envp; /* NULL: the parent's */
    const char *cwd;   /* NULL: the parent's */
    int in, out, err;  /* ROVE_INHERIT, ROVE_PIPE, ROVE_NULL, or a descriptor from 3 on */
} rove_process_options;

/**
 * Start a program. It begins with no signal blocked or ignored, and no descriptor but 0, 1 and 2.
 *
 * options  read during the call only.
 * p        receives the child on return 0; given up by rove_process_release.
 *
 * Returns 0 · -EINVAL · -ENOMEM · -EPERM · the errno of the exec, such as -ENOENT.
 * Threads: task. Suspends: until the exec has happened. Cost: one process start.
 * asyncio: create_subprocess_exec.
 */
ROVE_API int rove_process_start(const rove_process_options *options, rove_process **p);

/**
 * The stream that writes to the child's standard input.
 *
 * p  borrowed.
 *
 * Returns it, borrowed; NULL when it is not a pipe.
 * Threads: task. Suspends: no. Cost: one load.
 * asyncio: Process.stdin.
 */
ROVE_API rove_stream *rove_process_stdin(rove_process *p);

/**
 * The stream that reads the child's standard output.
 *
 * p  borrowed.
 *
 * Returns it, borrowed; NULL when it is not a pipe.
 * Threads: task. Suspends: no. Cost: one load.
 * asyncio: Process.stdout.
 */
ROVE_API rove_stream *rove_process_stdout(rove_process *p);

/**
 * The stream that reads the child's standard error.
 *
 * p  borrowed.
 *
 * Returns it, borrowed; NULL when it is not a pipe.
 * Threads: task. Suspends: no. Cost: one load.
 * asyncio: Process.stderr.
 */
ROVE_API rove_stream *rove_process_stderr(rove_process *p);

/**
 * Wait until the child has ended; may be called again, by several tasks.
 *
 * p  borrowed.
 *
 * Returns the exit status 0..255, 256 + the signal's number when killed, 255 when the program
 * reaped it by other means · -ECANCELED · -EINVAL · -EPERM.
 * Threads: task. Suspends: unless it has ended. Cost: one operation.
 * asyncio: Process.wait. Differs: a signal is 256 + n, not -n.
 */
ROVE_API int rove_process_wait(rove_process *p);

/**
 * Send a signal to the child.
 *
 * p    borrowed.
 * sig  such as SIGTERM; 0 only asks whether it lives.
 *
 * Returns 0 · -ESRCH (it has ended) · -EINVAL · -EPERM.
 * Threads: task. Suspends: no. Cost: one system call.
 * asyncio: Process.send_signal.
 */
ROVE_API int rove_process_kill(rove_process *p, int sig);

/**
 * Give the child up: close its pipes and free the object; a child that runs goes on and is reaped.
 *
 * p  invalid afterwards; NULL is allowed.
 *
 * Returns nothing.
 * Threads: task. Suspends: no. Cost: the closes.
 * asyncio: del process.
 */
ROVE_API void rove_process_release(rove_process *p);

/**
 * Write to the child's input, read its output and errors to their ends, wait for it.
 *
 * p           borrowed; its pipes are used up.
 * in          n bytes; may be NULL when n is 0.
 * out, err    receive buffers for free(3), NUL behind their last byte; may be NULL. NULL is stored
 *             where the stream is not a pipe.
 * out_n, err_n  receive their lengths; may be NULL.
 *
 * Returns as rove_process_wait · -ENOMEM · -EINVAL (n bytes, and its input is no pipe) · an errno
 * of a read. On failure nothing is stored. A child that does not read all its input is no failure.
 * Threads: task. Suspends: yes. Cost: two tasks beside the caller; the buffers grow.
 * asyncio: Process.communicate.
 */
ROVE_API int rove_process_communicate(rove_process *p, const void *in, size_t n, char **out,
                                      size_t *out_n, char **err, size_t *err_n);

/**
 * Wait for one of several signals.
 *
 * set   the signals; they are blocked on every worker from then on. A thread of the program that
 *       has not blocked them is made to when one comes to it, unless the program has a handler for
 *       that signal; rove_run gives its caller the old mask back.
 * info  receives what is known of the signal; may be NULL.
 *
 * Returns the signal's number · -ECANCELED · -EINVAL · -EPERM.
 * Threads: task. Suspends: until one arrives. Cost: one operation.
 * asyncio: loop.add_signal_handler.
 */
ROVE_API int rove_signal_wait(const sigset_t *set, siginfo_t *info);

ROVE_END_DECLS

#endif
