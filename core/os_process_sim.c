// SPDX-License-Identifier: MIT
/*
 * Purpose: core/os_process.h in a simulation: nothing is watched, faults kill as they would, the
 *          one real thread keeps its signal stack. Files of symbols are real.
 * Threads: virtual ones.
 */
#include "core/os_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

const void *rv_os_map_file(const char *path, size_t *bytes)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *data = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && st.st_size > 0)
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (data == MAP_FAILED)
        return NULL;
    *bytes = (size_t)st.st_size;
    return data;
}

void rv_os_unmap_file(const void *data, size_t bytes)
{
    (void)munmap((void *)(uintptr_t)data, bytes);
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
