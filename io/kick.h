// SPDX-License-Identifier: MIT
/*
 * Purpose: to reach a worker's thread wherever it is: asleep in the kernel, or deep in a task.
 *
 * Idea: one real-time signal of the process that nobody uses. Its handler does what the back-end
 * wants done on that very thread (rv_reactor.kicked), which is async-signal-safe, and returns.
 * SA_RESTART: system calls of the interrupted task go on, but for those that never do (signal(7):
 * nanosleep, poll and the like may return EINTR early). SA_ONSTACK: no task's stack is burdened.
 *
 * Threads: any, where not said otherwise.
 */
#ifndef RV_IO_KICK_H
#define RV_IO_KICK_H

#include <signal.h>
#include <sys/types.h>

struct rv_worker;

/* Finds a free signal and installs the handler, once in the process: 0, or -EAGAIN: none is
 * free. */
int rv_kick_init(void);

/* The calling thread takes kicks, or blocks them; it starts with them blocked. */
void rv_kick_allow(void);
void rv_kick_forbid(void);

/* The calling thread's mask as it is, but with kicks let in: for calls that wait with a mask. */
void rv_kick_mask(sigset_t *mask);

/* Interrupts the worker's thread, which has not ended. */
void rv_kick(const struct rv_worker *w);

/*
 * A second signal, for threads that block on purpose (io/offload.c): it ends the system call they
 * are in with EINTR, which a kick does not. begin lets it in on the calling thread and returns that
 * thread's number, 0: no signal is free; after end it does no more harm.
 */
pid_t rv_kick_break_begin(void);
void rv_kick_break_end(void);
void rv_kick_break(pid_t tid);

#endif
