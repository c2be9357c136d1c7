// SPDX-License-Identifier: MIT
/*
 * Purpose: core/os_process.h in a simulation: nothing is watched, faults kill as they would, the
 *          one real thread keeps its signal stack.
 * Threads: virtual ones.
 */
#include "core/os_process.h"

#include <errno.h>
#include <unistd.h>

void rv_os_watch_faults(rv_os_fault_look look)
{
    (void)look;
}

void rv_os_alt_stack_enter(struct rv_os_alt_stack *alt)
{
    alt->memory = NULL;
}

void rv_os_alt_stack_leave(struct rv_os_alt_stack *alt)
{
    (void)alt;
}

int rv_os_watch_forks(void (*in_child)(void))
{
    (void)in_child;
    return 0;
}

void rv_os_exit_now(int status)
{
    _exit(status);
}

void rv_os_watch_thread_end(const struct rv_os_end_watch *watch)
{
    (void)watch;
}

void rv_os_end_thread_watch(void)
{
}

void rv_os_refuse_thread_cancel(void)
{
}

uint64_t rv_os_signal_mask(void)
{
    return 0;
}

ssize_t rv_os_list_threads(pid_t **tids)
{
    *tids = NULL;
    return -ENOSYS; /* the virtual ones have no numbers to be known by */
}

pid_t rv_os_joined_by(pid_t tid)
{
    (void)tid;
    return 0;
}
