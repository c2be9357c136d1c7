// SPDX-License-Identifier: MIT
/* Purpose: tasks that read a file which the page cache holds. */
#include "file_read/config.h"

#include "file_read/blocks.h"
#include "harness/rove_main.h"

static int fd;
static long mib, bytes, reads_each;

static int reader(void *arg, void **result)
{
    uint64_t state = (uint64_t)(uintptr_t)arg;
    void *block = bench_alloc(1, (size_t)bytes);
    (void)result;
    for (long i = 0; i < reads_each; i++) {
        int64_t at = blocks_next(&state, mib, bytes);
        ssize_t n = rove_pread(fd, block, (size_t)bytes, at);
        blocks_check(block, n, bytes, at);
    }
    free(block);
    return 0;
}

static int64_t pass(long tasks, long reads)
{
    rove_task **all = bench_alloc((size_t)tasks, sizeof *all);
    reads_each = reads / tasks;
    int64_t begin = bench_now_ns();
    for (long i = 0; i < tasks; i++) {
        all[i] = rove_create_task(reader, (void *)(uintptr_t)(i + 1));
    }
    for (long i = 0; i < tasks; i++) {
        bench_check(rove_join(all[i], NULL) == 0, "a reader failed");
    }
    int64_t end = bench_now_ns();
    free(all);
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long tasks = bench_param("TASKS", TASKS), reads = bench_param("READS", READS);
    mib = bench_param("MIB", MIB);
    bytes = bench_param("BYTES", BYTES);
    fd = blocks_create(mib);
    pass(tasks, reads / 10);
    int64_t cpu = bench_cpu_ns(), ns = pass(tasks, reads);
    bench_report_each("plain", "ns/read", ns, reads_each * tasks);
    bench_report_each("cpu", "ns/read", bench_cpu_ns() - cpu, reads_each * tasks);
    rove_close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}
