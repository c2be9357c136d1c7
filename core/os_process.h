// SPDX-License-Identifier: MIT
/*
 * Purpose: what a process shares: fatal signals, fork, threads. The door to the kernel
 *          for those, beside core/os.h.
 * Threads: said at each call.
 */
#ifndef RV_CORE_OS_PROCESS_H
#define RV_CORE_OS_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Looks at a fault, on the alternate stack of the thread that faulted. True: it is explained, and
 * the process is to die of it as if nobody had looked.
 */
typedef bool (*rv_os_fault_look)(const void *addr);

/*
 * Has every SIGSEGV and SIGBUS looked at; what is not explained goes to the handler that was there
 * before. Once a process; later calls change nothing. Any thread.
 */
void rv_os_watch_faults(rv_os_fault_look look);

/* The calling thread's alternate signal stack. Without memory there is none: no report, then. */
struct rv_os_alt_stack {
    void *memory;
    stack_t before;
};
void rv_os_alt_stack_enter(struct rv_os_alt_stack *alt);
void rv_os_alt_stack_leave(struct rv_os_alt_stack *alt);

/*
 * Calls in_child in every child of fork, on its only thread. Once a process; later calls change
 * nothing. 0 or -ENOMEM. Any thread.
 */
int rv_os_watch_forks(void (*in_child)(void));
/* Ends the process at once: no atexit handlers, no buffers. */
_Noreturn void rv_os_exit_now(int status);

/* The calling thread ignores pthread_cancel, which would leave its tasks without a thread. */
void rv_os_refuse_thread_cancel(void);
/*
 * Calls at_exit if the calling thread ends by pthread_exit before rv_os_end_thread_watch: on that
 * thread, when its frames are gone. The watch is static. Nothing where keys have run out.
 */
struct rv_os_end_watch {
    void (*at_exit)(void);
};
void rv_os_watch_thread_end(const struct rv_os_end_watch *watch);
void rv_os_end_thread_watch(void);
/* The calling thread's signal mask, a bit a signal. One system call. */
uint64_t rv_os_signal_mask(void);

/*
 * The threads of this process, to be given to free(), without those that run nothing of the
 * program: the kernel's helpers of its rings, the thread sanitizer's own. How many (*tids), or
 * -errno where that cannot be known. Any thread.
 */
ssize_t rv_os_list_threads(pid_t **tids);
/* For whose end the thread waits in pthread_join, without a limit; 0: it does not, or that is not
 * to be known. Any thread. */
pid_t rv_os_joined_by(pid_t tid);

#endif
