// SPDX-License-Identifier: MIT
/*
 * Purpose: `rove doctor` on processors, memory, the kernel's other calls and resource limits.
 */
#include "doctor.h"

#include "core/os.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 4, VALUE_BYTES = 256, CPUS_MAX = 8192 };

static int result_of(long rc)
{
    return rc < 0 ? -errno : (int)rc;
}

static unsigned affinity_count(void)
{
    cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
    size_t bytes = CPU_ALLOC_SIZE(CPUS_MAX);
    unsigned count = 0;
    if (set != NULL && sched_getaffinity(0, bytes, set) == 0) {
        count = (unsigned)CPU_COUNT_S(bytes, set);
    }
    CPU_FREE(set);
    return count;
}

void rv_doctor_processors(void)
{
    unsigned quota = rv_os_cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    rv_doctor_part("processors");
    rv_doctor_line(RV_DOCTOR_NOTE, "online", "%ld", online);
    rv_doctor_line(RV_DOCTOR_NOTE, "by affinity", "%u", affinity_count());
    if (quota == 0) {
        rv_doctor_line(RV_DOCTOR_NOTE, "by cgroup quota", "no limit");
    } else {
        rv_doctor_line(RV_DOCTOR_NOTE, "by cgroup quota", "%u, rounded up", quota);
    }
    rv_doctor_line(RV_DOCTOR_OK, "workers by default", "%u, the least of these", rv_os_cpu_count());
    if (rv_os_has_shadow_stack()) {
        rv_doctor_line(RV_DOCTOR_MISSING, "no shadow stack", "this process has one, which a switch "
                       "of stacks would break; rove refuses to start");
    } else {
        rv_doctor_line(RV_DOCTOR_OK, "no shadow stack", "none for this process: stacks may be "
                       "switched");
    }
}

static void look_at_guards(char *memory, size_t page)
{
    int rc = rv_os_guard_install(memory, page);
    rv_doctor_tried(rc, "guards in place", "MADV_GUARD_INSTALL: no mapping a stack (Linux 6.13)",
                    "guards by mprotect, a mapping each, and none past a quarter of "
                    "vm.max_map_count");
    if (rc < 0) {
        rv_doctor_tried(rv_os_protect_none(memory, page), "guards by mprotect", "overflow is seen",
                        "no guards: an overflow is not seen");
    }
    unsigned done = rv_os_guard_install_strided(memory, page, 2 * page, 2);
    rv_doctor_tried(rc == 0 && done < 2 ? -ENOTSUP : rc, "guards in bulk",
                    "one call for many stacks", "a system call a stack when a slab is made");
}

void rv_doctor_memory(void)
{
    size_t page = rv_os_page_size();
    char value[VALUE_BYTES];
    char *memory = rv_os_map(PAGES * page);
    rv_doctor_part("memory of stacks");
    rv_doctor_line(RV_DOCTOR_NOTE, "page", "%zu bytes: the least a sleeping task costs", page);
    rv_doctor_tried(memory == NULL ? -ENOMEM : 0, "mapping", "unreserved, without huge pages",
                    "no tasks");
    if (memory != NULL) {
        look_at_guards(memory, page);
        rv_doctor_tried(rv_os_discard(memory + 3 * page, page), "giving back pages",
                        "after a peak, MADV_DONTNEED", "memory of touched stacks stays");
        rv_os_unmap(memory, PAGES * page);
    }
    rv_doctor_line(RV_DOCTOR_NOTE, "vm.max_map_count", "%zu", rv_os_max_mappings());
    if (rv_doctor_file("/sys/kernel/mm/transparent_hugepage/enabled", value, sizeof value)) {
        rv_doctor_line(RV_DOCTOR_NOTE, "transparent huge pages", "%s; stacks ask for none", value);
    }
}

/* Both are needed: a descriptor for a child, and waiting through it. */
static int try_pidfd(void)
{
    int fd = result_of(syscall(SYS_pidfd_open, getpid(), 0));
    if (fd < 0) {
        return fd;
    }
    siginfo_t info;
    /* Not a child of ours: the kernel knows the kind of id if that is all it minds. */
    int rc = result_of(waitid((idtype_t)3 /* P_PIDFD */, (id_t)fd, &info, WEXITED | WNOHANG));
    close(fd);
    return rc == -ECHILD ? 0 : rc;
}

static void look_at_filter(void)
{
    char value[VALUE_BYTES];
    if (!rv_doctor_status("Seccomp", value, sizeof value)) {
        rv_doctor_line(RV_DOCTOR_NOTE, "seccomp", "unknown: no /proc/self/status");
    } else if (strcmp(value, "0") == 0) {
        rv_doctor_line(RV_DOCTOR_OK, "seccomp", "no filter");
    } else {
        rv_doctor_line(RV_DOCTOR_NOTE, "seccomp", "a filter is in force (mode %s): what it forbids "
                       "shows below", value);
    }
}

static int try_eventfd(void)
{
    int fd = result_of(eventfd(0, EFD_CLOEXEC));
    return fd < 0 ? fd : result_of(close(fd));
}

static int try_signal(void)
{
    return rv_os_tgkill(rv_os_gettid(), 0);
}

/* Only where CONFIG_SCHEDSTATS counts. */
static int try_turns(void)
{
    struct rv_os_turns turns;
    int fd = rv_os_turns_open();
    if (fd < 0) {
        return fd;
    }
    int rc = rv_os_turns_read(fd, &turns) ? 0 : -ENODATA;
    rv_os_turns_close(fd);
    return rc;
}

void rv_doctor_kernel(void)
{
    rv_doctor_part("kernel");
    look_at_filter();
    rv_doctor_tried(rv_os_membarrier_register(), "membarrier",
                    "the owner of a queue pays no fence, thieves do",
                    "a fence at every push and pop");
    rv_doctor_tried(try_pidfd(), "pidfd", "a child's end is an event",
                    "rove_process_start fails with this");
    rv_doctor_tried(try_eventfd(), "eventfd", "sleeping workers are woken by one write",
                    "neither back-end works");
    rv_doctor_tried(try_signal(), "tgkill", "a worker that computes is reached by a signal",
                    "its completions wait until its task suspends");
    rv_doctor_tried(rv_os_set_timer_slack(1), "timer slack", "sleeps end within microseconds",
                    "sleeps end up to 50 us late");
    rv_doctor_tried(try_turns(), "/proc/thread-self/schedstat",
                    "where processors are shared, fewer workers run",
                    "where processors are shared, answers wait for the kernel's next turn");
}

static void look_at_limit(unsigned resource, const char *name, rlim_t enough, const char *cost)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) {
        rv_doctor_line(RV_DOCTOR_NOTE, name, "unknown: %s", strerror(errno));
    } else if (limit.rlim_cur == RLIM_INFINITY) {
        rv_doctor_line(RV_DOCTOR_OK, name, "no limit");
    } else if (limit.rlim_cur >= enough) {
        rv_doctor_line(RV_DOCTOR_OK, name, "%ju", (uintmax_t)limit.rlim_cur);
    } else {
        rv_doctor_line(RV_DOCTOR_MISSING, name, "%ju, hard limit %jd; %s",
                       (uintmax_t)limit.rlim_cur, (intmax_t)limit.rlim_max, cost);
    }
}

void rv_doctor_limits(void)
{
    rv_doctor_part("limits");
    look_at_limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", 4096,
                  "a server pauses accepting when descriptors run out");
    look_at_limit(RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", (rlim_t)1 << 20,
                  "without CAP_IPC_LOCK rings count against it: smaller rings, then epoll");
    look_at_limit(RLIMIT_AS, "RLIMIT_AS", (rlim_t)4 << 30,
                  "stacks are address space: 128 KiB a task, in slabs of 64 MiB");
    look_at_limit(RLIMIT_NPROC, "RLIMIT_NPROC", 1024,
                  "workers, pool threads and children count against it");
    look_at_limit(RLIMIT_STACK, "RLIMIT_STACK", (rlim_t)1 << 20,
                  "for threads only: tasks have stacks of their own");
}
