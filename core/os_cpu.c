// SPDX-License-Identifier: MIT
/*
 * Purpose: how many CPUs this process may use: the default number of workers.
 * Idea:    the affinity mask says on which CPUs we may run, the cgroup quota for how much of their
 *          time. No C library call shows the quota, so its files are read: version 2 has cpu.max in
 *          each directory from the group up to the root, version 1 has cfs_quota and cfs_period in
 *          the cpu controller's tree. The smallest quota on the way up counts.
 *          In a container the path of /proc/self/cgroup may not exist below the mount we see:
 *          walking up to the mount's root then still finds the container's own limit.
 * Threads: any.
 */
#include "core/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RV_OS_PATH 512  /* longest path we look at */
#define RV_OS_TEXT 1536 /* most of /proc/self/cgroup we look at */
#define RV_OS_THREAD_CLOCK 6u /* CPUCLOCK_SCHED, CPUCLOCK_PERTHREAD_MASK; posix-timers_types.h */

/* Reads at most n - 1 bytes as a string; 0 or -errno. */
static int read_text(const char *path, char *buf, size_t n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;
    size_t used = 0;

    if (fd < 0)
        return -errno;
    do {
        got = read(fd, buf + used, n - 1 - used);
        if (got > 0)
            used += (size_t)got;
    } while ((got > 0 && used < n - 1) || (got < 0 && errno == EINTR));
    buf[used] = '\0';
    (void)close(fd);
    return 0;
}

static unsigned quota_to_cpus(long long quota, long long period)
{
    long long cpus;

    if (quota <= 0 || period <= 0)
        return 0;
    cpus = quota / period + (quota % period != 0 ? 1 : 0);
    return cpus > INT_MAX ? 0 : (unsigned)cpus;
}

/* The quota of one version 2 directory: "max 100000" or "150000 100000". */
static RV_NOINLINE unsigned quota_v2(const char *dir)
{
    char path[RV_OS_PATH];
    char text[128];
    long long quota, period;

    if ((size_t)snprintf(path, sizeof(path), "%s/cpu.max", dir) >= sizeof(path) ||
        read_text(path, text, sizeof(text)) != 0 ||
        sscanf(text, "%lld %lld", &quota, &period) != 2)
        return 0;
    return quota_to_cpus(quota, period);
}

static RV_NOINLINE unsigned quota_v1(const char *dir)
{
    char path[RV_OS_PATH];
    char text[64];
    long long quota;

    if ((size_t)snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", dir) >= sizeof(path) ||
        read_text(path, text, sizeof(text)) != 0)
        return 0;
    quota = strtoll(text, NULL, 10);
    if ((size_t)snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", dir) >= sizeof(path) ||
        read_text(path, text, sizeof(text)) != 0)
        return 0;
    return quota_to_cpus(quota, strtoll(text, NULL, 10));
}

static unsigned smaller_limit(unsigned a, unsigned b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/* The smallest quota from root/group up to root itself. */
static RV_NOINLINE unsigned walk_up(const char *root, const char *group,
                                    unsigned (*quota_of)(const char *))
{
    char dir[RV_OS_PATH];
    size_t root_len = strlen(root);
    unsigned limit = 0;

    if ((size_t)snprintf(dir, sizeof(dir), "%s%s", root, group) >= sizeof(dir))
        return quota_of(root);
    for (;;) {
        char *slash;

        limit = smaller_limit(limit, quota_of(dir));
        slash = strrchr(dir, '/');
        if (strlen(dir) <= root_len || slash == NULL || (size_t)(slash - dir) < root_len)
            return limit;
        *slash = '\0';
    }
}

/* Is "cpu" one of the comma-separated controllers? */
static bool names_cpu(const char *controllers)
{
    while (controllers != NULL && *controllers != '\0') {
        const char *end = strchrnul(controllers, ',');

        if (end - controllers == 3 && memcmp(controllers, "cpu", 3) == 0)
            return true;
        controllers = *end == ',' ? end + 1 : NULL;
    }
    return false;
}

/* One line "number:controllers:/group"; cuts it up in place. Not inlined, like the others: the
 * path buffers must not add up in one frame. */
static RV_NOINLINE unsigned limit_of_line(char *line, const char *mount_dir)
{
    char root[RV_OS_PATH];
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');

    if (group == NULL)
        return 0;
    *controllers++ = '\0';
    *group++ = '\0';
    if (*controllers == '\0') {
        unsigned limit = walk_up(mount_dir, group, quota_v2);

        /* Version 2 beside version 1 is often mounted one level lower. */
        if ((size_t)snprintf(root, sizeof(root), "%s/unified", mount_dir) < sizeof(root))
            limit = smaller_limit(limit, walk_up(root, group, quota_v2));
        return limit;
    }
    if (!names_cpu(controllers) ||
        (size_t)snprintf(root, sizeof(root), "%s/%s", mount_dir, controllers) >= sizeof(root))
        return 0;
    if (access(root, F_OK) != 0)
        (void)snprintf(root, sizeof(root), "%s/cpu", mount_dir);
    return walk_up(root, group, quota_v1);
}

unsigned rv_os_cgroup_cpus(const char *cgroup_file, const char *mount_dir)
{
    char text[RV_OS_TEXT];
    char *rest = NULL;
    unsigned limit = 0;

    if (read_text(cgroup_file, text, sizeof(text)) != 0)
        return 0;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        limit = smaller_limit(limit, limit_of_line(line, mount_dir));
    return limit;
}

/* CPUs in the affinity mask; the mask grows until the kernel's fits. */
static unsigned affinity_cpus(void)
{
    for (size_t cpus = 1024; cpus <= 65536; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        size_t bytes = CPU_ALLOC_SIZE(cpus);
        int count = 0;

        if (set == NULL)
            return 1;
        if (sched_getaffinity(0, bytes, set) == 0)
            count = CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (count > 0)
            return (unsigned)count;
    }
    return 1;
}

unsigned rv_os_cpu_count(void)
{
    unsigned affinity = affinity_cpus();
    unsigned quota = rv_os_cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");

    return smaller_limit(affinity, quota);
}

int rv_os_turns_open(void)
{
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

/* The file has the time until the last turn began, and how often it had one: 0, where nobody counts
 * (CONFIG_SCHEDSTATS). The clock has the time until now. */
bool rv_os_turns_read(int fd, struct rv_os_turns *turns)
{
    char text[96];
    long long used, waited, count;
    struct timespec now;
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

    if (n <= 0 || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return false;
    text[n] = '\0';
    if (sscanf(text, "%lld %lld %lld", &used, &waited, &count) != 3 || count == 0)
        return false;
    turns->used_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    turns->waited_ns = waited;
    return true;
}

void rv_os_turns_close(int fd)
{
    (void)close(fd);
}

/* The number of a thread's clock is the kernel's own: glibc tells it of a pthread_t only. */
int64_t rv_os_turns_used_by(pid_t tid)
{
    clockid_t clock = (clockid_t)(~(unsigned)tid << 3 | RV_OS_THREAD_CLOCK);
    struct timespec used;

    if (clock_gettime(clock, &used) != 0)
        return -1;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}
