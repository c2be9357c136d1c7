// SPDX-License-Identifier: MIT
/*
 * Purpose: what a request costs the server, seen from outside: processor time by the scheduler's
 *          nanoseconds, system calls and user instructions by the kernel's counters.
 * Idea:    counters are opened for each thread that the server has when counting begins, with their
 *          later children. Where there is no such counter (no permission, no hardware), there is no
 *          row; of system calls, which any kernel could count, the reason goes to stderr. Nothing
 *          is traced: counting costs the server a few nanoseconds a system call.
 */
#include "loader/loader.h"

#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_THREADS = 256 };

struct counter {
    const char *metric;
    int fds[MAX_THREADS], count;
    int error; /* why a thread is not counted: then the sum is no sum */
    uint64_t began, total;
};

static struct counter calls = {.metric = "calls"}, instructions = {.metric = "instructions"};
static int64_t cpu_ns;
static uint64_t enter_id; /* of the event "a system call begins" */
static int enter_error;   /* why there is none */

typedef void visit_thread(long pid, long tid, void *arg);

static void each_thread(visit_thread *visit, void *arg)
{
    char path[64];
    const char *at = loader_settings.pids;
    while (at && *at) {
        char *end;
        long pid = strtol(at, &end, 10);
        snprintf(path, sizeof path, "/proc/%ld/task", pid);
        DIR *folder = opendir(path);
        struct dirent *entry;
        while (folder && (entry = readdir(folder)) != NULL) {
            if (entry->d_name[0] != '.') {
                visit(pid, strtol(entry->d_name, NULL, 10), arg);
            }
        }
        if (folder) {
            closedir(folder);
        }
        at = *end == ',' ? end + 1 : NULL;
    }
}

static void add_cpu(long pid, long tid, void *arg)
{
    char path[96];
    long long ns;
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/schedstat", pid, tid);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%lld", &ns) == 1) {
        *(int64_t *)arg += ns;
    }
    if (file) {
        fclose(file);
    }
}

int64_t watch_cpu_ns(void)
{
    int64_t total = 0;
    each_thread(add_cpu, &total);
    return total;
}

static void add_memory(long pid, long tid, void *arg)
{
    char path[64], line[256];
    long value;
    if (pid != tid) {
        return; /* once a process */
    }
    snprintf(path, sizeof path, "/proc/%ld/status", pid);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status)) {
        if (sscanf(line, "VmRSS: %ld", &value) == 1 || sscanf(line, "VmPTE: %ld", &value) == 1) {
            *(int64_t *)arg += value * 1024;
        }
    }
    if (status) {
        fclose(status);
    }
}

int64_t watch_memory_bytes(void)
{
    int64_t total = 0;
    each_thread(add_memory, &total);
    return total;
}

static void add_descriptors(long pid, long tid, void *arg)
{
    char path[64];
    if (pid != tid) {
        return; /* once a process */
    }
    snprintf(path, sizeof path, "/proc/%ld/fd", pid);
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        *(int64_t *)arg += entry->d_name[0] != '.';
    }
    if (folder) {
        closedir(folder);
    }
}

int64_t watch_descriptors(void)
{
    int64_t total = 0;
    each_thread(add_descriptors, &total);
    return total;
}

static void open_one(struct counter *c, const struct perf_event_attr *event, long tid)
{
    if (c->count == MAX_THREADS) {
        c->error = E2BIG;
        return;
    }
    long fd = syscall(SYS_perf_event_open, event, (pid_t)tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0) {
        c->fds[c->count++] = (int)fd;
    } else if (errno != ESRCH) { /* else it ended meanwhile */
        c->error = errno;
    }
}

static void open_counters(long pid, long tid, void *arg)
{
    struct perf_event_attr event = {.size = sizeof event, .inherit = 1};
    (void)pid, (void)arg;
    if (enter_id > 0) {
        event.type = PERF_TYPE_TRACEPOINT;
        event.config = enter_id;
        open_one(&calls, &event, tid);
    }
    event.type = PERF_TYPE_HARDWARE;
    event.config = PERF_COUNT_HW_INSTRUCTIONS;
    event.exclude_kernel = 1;
    event.exclude_hv = 1;
    open_one(&instructions, &event, tid);
}

static uint64_t counted(const struct counter *c)
{
    uint64_t sum = 0, value;
    for (int i = 0; i < c->count; i++) {
        sum += read(c->fds[i], &value, sizeof value) == sizeof value ? value : 0;
    }
    return sum;
}

void watch_init(void)
{
    enter_id = event_id_read();
    enter_error = errno;
}

void watch_begin(void)
{
    static int is_open;
    if (!is_open) {
        is_open = 1;
        each_thread(open_counters, NULL);
    }
    calls.began = counted(&calls);
    instructions.began = counted(&instructions);
    cpu_ns = -watch_cpu_ns();
}

void watch_end(void)
{
    cpu_ns += watch_cpu_ns();
    calls.total = counted(&calls) - calls.began;
    instructions.total = counted(&instructions) - instructions.began;
}

static void report_counter(const struct counter *c, uint64_t n)
{
    if (c->count > 0 && c->error == 0) {
        printf("%s 1/request %.4g\n", c->metric, (double)c->total / (double)n);
    }
}

/* bench/run and bench/echo/calls look for these lines. */
static void explain_calls(void)
{
    if (enter_id == 0) {
        fprintf(stderr, "not counted: system calls: tracefs cannot be read (%s); root can, where "
                        "it may mount\n", strerror(enter_error));
    } else if (calls.error != 0) {
        fprintf(stderr, "not counted: system calls: perf_event_open is refused (%s); it wants "
                        "root, CAP_PERFMON, or kernel.perf_event_paranoid of 1 or less\n",
                strerror(calls.error));
    }
}

void watch_report(uint64_t n)
{
    if (loader_settings.pids && n > 0) {
        printf("cpu us/request %.4f\n", (double)cpu_ns / 1e3 / (double)n);
        report_counter(&calls, n);
        report_counter(&instructions, n);
        explain_calls();
    }
}
