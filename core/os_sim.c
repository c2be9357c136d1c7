// SPDX-License-Identifier: MIT
/*
 * Purpose: core/os.h in a simulation, in place of core/os.c and core/os_cpu.c.
 * Idea:    every call is a point. Sleep, time, threads and chance are the simulated machine's;
 *          memory is real and always to be had, guards are left out. A futex wait may end for no
 *          reason, as the contract allows.
 * Threads: virtual ones.
 */
#include "core/os.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/sim.h"
#include "core/sim_memory.h"

#define RV_OS_PAGE ((size_t)4096)
#define RV_OS_ODD_WAIT 50u /* one futex wait in so many ends for no reason; arbitrary */

int64_t rv_os_clock_ns(void)
{
    rv_sim_point();
    return rv_sim_now();
}

int rv_os_futex_wait(RV_ATOMIC(uint32_t) *word, uint32_t expected, int64_t timeout_ns)
{
    const void *on = (const void *)word;
    int64_t now_ns = rv_sim_now();

    /* The point is before the load: nothing comes between the look and the sleep. */
    if (rv_load_relaxed(word) != expected)
        return -EAGAIN;
    if (rv_sim_chance(RV_OS_ODD_WAIT))
        return rv_sim_chance(2) ? -EINTR : 0;
    return rv_sim_block(on, timeout_ns < 0 ? INT64_MAX : now_ns + timeout_ns);
}

int rv_os_futex_wake(RV_ATOMIC(uint32_t) *word, int n)
{
    rv_sim_point();
    return rv_sim_unblock((const void *)word, n);
}

void rv_os_random(void *buf, size_t n)
{
    unsigned char *out = buf;

    while (n-- > 0)
        *out++ = (unsigned char)rv_sim_draw(256);
}

void *rv_os_map(size_t bytes)
{
    rv_sim_point();
    return rv_sim_map(bytes);
}

void rv_os_unmap(void *addr, size_t bytes)
{
    rv_sim_point();
    rv_sim_unmap(addr, bytes);
}

int rv_os_guard_install(void *addr, size_t bytes)
{
    (void)addr;
    (void)bytes;
    return 0;
}

unsigned rv_os_guard_install_strided(void *first, size_t bytes, size_t stride, unsigned count)
{
    (void)first;
    (void)bytes;
    (void)stride;
    return count;
}

void rv_os_populate_strided(void *first, size_t bytes, size_t stride, unsigned count)
{
    (void)first;
    (void)bytes;
    (void)stride;
    (void)count;
}

int rv_os_protect_none(void *addr, size_t bytes)
{
    return rv_os_guard_install(addr, bytes);
}

int rv_os_discard(void *addr, size_t bytes)
{
    rv_sim_point();
    memset(addr, 0, bytes);
    return 0;
}

size_t rv_os_resident(void *addr, size_t bytes)
{
    (void)addr;
    return bytes;
}

size_t rv_os_page_size(void)
{
    return RV_OS_PAGE;
}

size_t rv_os_max_mappings(void)
{
    return 65530;
}

int rv_os_membarrier_register(void)
{
    return rv_sim_has_barrier() ? 0 : -ENOSYS;
}

int rv_os_membarrier(void)
{
    rv_sim_barrier();
    return 0;
}

int rv_os_thread_create(pthread_t *thread, void *(*main)(void *arg), void *arg)
{
    uint64_t id = 0;
    int rc = rv_sim_thread_create(&id, main, arg);

    *thread = (pthread_t)id;
    rv_sim_point();
    return rc;
}

void rv_os_thread_join(pthread_t thread)
{
    rv_sim_join((uint64_t)thread);
}

pid_t rv_os_gettid(void)
{
    return (pid_t)rv_sim_thread_id();
}

int rv_os_tgkill(pid_t tid, int sig)
{
    (void)tid;
    (void)sig;
    return -ENOSYS; /* kicks have a way of their own, io/kick_sim.c */
}

void rv_os_sched_yield(void)
{
    rv_sim_spin();
}

unsigned rv_os_current_cpu(void)
{
    return rv_sim_thread_id();
}

unsigned rv_os_cpu_count(void)
{
    static const unsigned counts[] = {1, 2, 2, 3, 4, 8};

    return counts[rv_sim_draw(RV_ARRAY_LEN(counts))];
}

unsigned rv_os_cgroup_cpus(const char *cgroup_file, const char *mount_dir)
{
    (void)cgroup_file;
    (void)mount_dir;
    return 0;
}

int rv_os_set_timer_slack(uint64_t slack_ns)
{
    (void)slack_ns;
    return 0;
}

int rv_os_set_thread_name(const char *name)
{
    (void)name;
    return 0;
}

int rv_os_block_async_signals(sigset_t *old)
{
    if (old != NULL)
        (void)sigemptyset(old);
    return 0;
}

int rv_os_restore_signals(const sigset_t *old)
{
    (void)old;
    return 0;
}

int rv_os_read_signals(sigset_t *now)
{
    (void)sigemptyset(now);
    return 0;
}

bool rv_os_has_shadow_stack(void)
{
    return false;
}

bool rv_os_catch_interrupt(void (*handler)(int sig))
{
    (void)handler;
    return false;
}

void rv_os_release_interrupt(void)
{
}

int rv_os_turns_open(void)
{
    return -ENOSYS; /* virtual threads have processors enough */
}

bool rv_os_turns_read(int fd, struct rv_os_turns *turns)
{
    (void)fd;
    (void)turns;
    return false;
}

void rv_os_turns_close(int fd)
{
    (void)fd;
}

int64_t rv_os_turns_used_by(pid_t tid)
{
    (void)tid;
    return rv_os_clock_ns();
}
