// SPDX-License-Identifier: MIT
/*
 * Purpose: run a program in a simulation: its threads, its clock, its pipes and sockets and all bad
 *          luck follow from a number. For tests; link rove::sim in place of rove.
 * Idea:    the library's own sources on simulated workers, on one thread of the process. At every
 *          atomic step another worker may go on; time jumps when everybody sleeps, so an hour's
 *          timeout costs nothing; the kernel is slow, answers out of order and in small pieces. The
 *          same seed gives the same run, each step of it: a failure that is seen once can be looked
 *          at for ever. Of the rest of the world there is nothing: files, names, processes, signals
 *          and descriptors made by other calls than these are not simulated (-EBADF).
 * Threads: said at each call.
 */
#ifndef ROVE_SIM_H
#define ROVE_SIM_H

#include <rove/base.h>
#include <rove/runtime.h>
#include <rove/task.h>

ROVE_BEGIN_DECLS

typedef struct rove_sim_report {
    uint64_t trace_hash; /* of every step in order: the same for the same seed and program */
    uint64_t switches;   /* from one simulated thread to another */
    rove_time ended_at;  /* on the simulated clock, which starts at one second */
    char trouble[512];   /* what went wrong, one line; empty when nothing did */
} rove_sim_report;

typedef struct rove_sim_options { /* all-zero = the defaults */
    rove_options runtime;         /* workers 0: drawn, 1 to 8 */
    bool no_faults;               /* the kernel is slow but good: no short transfers, no EINTR .. */
    uint64_t max_switches;        /* the run is given up after so many; 0: two millions */
    bool verbose;                 /* a run that is cut short prints who waits for whom */
    rove_sim_report *report;      /* filled in; may be NULL */
} rove_sim_options;

/**
 * Run `main` as the first task of a simulated runtime, and see that nothing is left over.
 *
 * seed     everything that is left to chance follows from it.
 * options  read during the call only; NULL: the defaults.
 * main     the coroutine; as in rove_run.
 * arg      handed to main.
 *
 * Returns what main returned · -EDEADLK (everybody waits for ever) · -ELOOP (max_switches) ·
 * -EPROTO (a promise of the library was broken: a lost wake-up, something left over) · -ETIMEDOUT
 * (a task ignored its cancellation for ten seconds) · -EBUSY (a simulation runs already) · -ENOMEM.
 * After EDEADLK, ELOOP, EPROTO and ETIMEDOUT the report says more, and all is abandoned where it
 * stood.
 * Threads: any thread, one simulation a process at a time; rove's other calls only inside.
 * Suspends: no, it blocks the calling thread. Cost: about 50 us and 0.2 us a switch.
 * asyncio: none (a loop with a clock of its own).
 */
ROVE_API int rove_sim_run(uint64_t seed, const rove_sim_options *options, rove_coro *main,
                          void *arg);

/**
 * Draw a number from the run's seed.
 *
 * n  1 or more.
 *
 * Returns a number from 0 to n - 1; 0 outside a simulation.
 * Threads: task, or any other simulated thread. Suspends: no. Cost: a few ns.
 * asyncio: none (random.randrange).
 */
ROVE_API uint32_t rove_sim_random(uint32_t n);

/**
 * Compute for a while: the calling task keeps its worker, the others go on.
 *
 * d  nanoseconds of simulated time.
 *
 * Returns nothing.
 * Threads: task, or any other simulated thread. Suspends: no; it is what a task should not do for
 * long. Cost: none to speak of.
 * asyncio: none (time.sleep).
 */
ROVE_API void rove_sim_work(rove_duration d);

/**
 * Make a simulated pipe. It holds from 1 to 16384 bytes, as the seed says: who writes more than a
 * byte before anybody reads may wait for ever.
 *
 * fds  receives the reading and the writing end, each to be given to rove_close.
 *
 * Returns 0 · -EPERM outside a simulation.
 * Threads: task. Suspends: no. Cost: two allocations.
 * Man: pipe(2).
 */
ROVE_API int rove_sim_pipe(int fds[2]);

/**
 * Make a pair of simulated stream sockets, connected to each other. Each way holds as much as a
 * simulated pipe.
 *
 * fds  receives both, each to be given to rove_close.
 *
 * Returns 0 · -EPERM outside a simulation.
 * Threads: task. Suspends: no. Cost: four allocations.
 * Man: socketpair(2).
 */
ROVE_API int rove_sim_socketpair(int fds[2]);

/**
 * Ask whether the kernel may still read or write a piece of memory for an operation under way.
 *
 * buf, n  the piece.
 *
 * Returns true if an operation has it that has not ended.
 * Threads: task. Suspends: no. Cost: a walk over the operations under way.
 * asyncio: none.
 */
ROVE_API bool rove_sim_owns(const void *buf, size_t n);

ROVE_END_DECLS

#endif
