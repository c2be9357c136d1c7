// SPDX-License-Identifier: MIT
/*
 * Purpose: every kernel call of core/ and sched/, as functions that return 0 or a negative errno.
 * Idea:    one door to the kernel: fault tests and the simulator replace this file; errno, which is
 *          worthless after a task has changed threads, never leaves it.
 * Threads: any, unless a function says otherwise. None of them may be called with a lock held,
 *          except the clock and yield.
 */
#ifndef RV_CORE_OS_H
#define RV_CORE_OS_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/atomic.h"
#include "core/base.h"

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t rv_os_clock_ns(void);

/* Sleeps while *word == expected. timeout_ns is relative; negative waits for ever. Returns
 * 0 (woken, perhaps spuriously), -EAGAIN (the word differs), -ETIMEDOUT or -EINTR. */
int rv_os_futex_wait(RV_ATOMIC(uint32_t) *word, uint32_t expected, int64_t timeout_ns);
/* Wakes at most n sleepers (INT_MAX: all); returns how many. */
int rv_os_futex_wake(RV_ATOMIC(uint32_t) *word, int n);

/* Fills buf; falls back to mixing clocks and addresses where the kernel has no randomness yet. */
void rv_os_random(void *buf, size_t n);

/* Private anonymous memory, zero, not reserved, no huge pages; NULL when refused. */
void *rv_os_map(size_t bytes);
void rv_os_unmap(void *addr, size_t bytes);
/* Lightweight guard (Linux 6.13): no extra mapping. -EINVAL where the kernel is older. */
int rv_os_guard_install(void *addr, size_t bytes);
/* The same for `count` ranges `stride` bytes apart, in one system call where that exists; returns
 * how many of them, from the first on, are guarded. */
unsigned rv_os_guard_install_strided(void *first, size_t bytes, size_t stride, unsigned count);
/* Brings the pages of such ranges into memory, if it is cheaper to do so together; a hint. */
void rv_os_populate_strided(void *first, size_t bytes, size_t stride, unsigned count);
int rv_os_protect_none(void *addr, size_t bytes);
/* Gives the pages back; they read as zero afterwards. */
int rv_os_discard(void *addr, size_t bytes);
/* Bytes of [addr, addr + bytes) now in memory; 0 when the kernel will not say. */
size_t rv_os_resident(void *addr, size_t bytes);
size_t rv_os_page_size(void);
/* How many mappings the kernel allows this process (vm.max_map_count). */
size_t rv_os_max_mappings(void);

/* Expedited private membarrier: register once, then issue. -ENOSYS, -EINVAL or -EPERM. */
int rv_os_membarrier_register(void);
int rv_os_membarrier(void);

/* A thread of the library's own: 0 or -EAGAIN, -EPERM. Each is joined once. */
int rv_os_thread_create(pthread_t *thread, void *(*main)(void *arg), void *arg);
void rv_os_thread_join(pthread_t thread);

pid_t rv_os_gettid(void);
/* Sends a signal to one thread of this process. */
int rv_os_tgkill(pid_t tid, int sig);
void rv_os_sched_yield(void);
/* The CPU the caller runs on at this moment; a hint. */
unsigned rv_os_current_cpu(void);

/* min(affinity mask, ceil(cgroup v1 or v2 quota)), at least 1. */
unsigned rv_os_cpu_count(void);
/* The quota part alone, from a /proc/self/cgroup file and a cgroup mount directory: the smallest
 * ceil(quota / period) of the group and its ancestors, 0 when there is no limit. */
unsigned rv_os_cgroup_cpus(const char *cgroup_file, const char *mount_dir);

/* The turns of the calling thread, ns since it began; from a file of its own. */
struct rv_os_turns {
    int64_t used_ns;   /* with a processor */
    int64_t waited_ns; /* ready to run, without one; until the last turn began */
};
int rv_os_turns_open(void);
/* False: the kernel does not say. */
bool rv_os_turns_read(int fd, struct rv_os_turns *turns);
void rv_os_turns_close(int fd);
/* used_ns of any thread of this process; negative: that cannot be told. */
int64_t rv_os_turns_used_by(pid_t tid);

/* For the calling thread. */
int rv_os_set_timer_slack(uint64_t slack_ns);
int rv_os_set_thread_name(const char *name); /* cut to 15 bytes */
/* Blocks all but the synchronous signals (and SIGPROF, so that profilers work); old may be NULL. */
int rv_os_block_async_signals(sigset_t *old);
int rv_os_restore_signals(const sigset_t *old);
int rv_os_read_signals(sigset_t *now);

/* Is a user shadow stack (x86 CET) switched on for this thread? */
bool rv_os_has_shadow_stack(void);

/*
 * Has the next SIGINT call the handler, once; the one after it does what it did before. True: done.
 * False: this is not the main thread, or the program has its own mind about SIGINT: a handler, or
 * it is ignored or blocked. One caller at a time.
 */
bool rv_os_catch_interrupt(void (*handler)(int sig));
/* Gives SIGINT its default back if it is still caught. Any thread. */
void rv_os_release_interrupt(void);

#endif
