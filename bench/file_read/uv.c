// SPDX-License-Identifier: MIT
/* Purpose: libuv's side of file_read: uv_fs_read on its pool of four threads, as many under way as
 * there are tasks elsewhere. */
#include "file_read/config.h"

#include <stdlib.h>
#include <uv.h>

#include "file_read/blocks.h"

struct reader {
    uv_fs_t request;
    uint64_t state;
    int64_t at;
    long left;
    char *block;
};

static int fd;
static long mib, bytes;

static void on_read(uv_fs_t *request);

static void read_next(struct reader *r)
{
    uv_buf_t part = uv_buf_init(r->block, (unsigned)bytes);
    r->at = blocks_next(&r->state, mib, bytes);
    uv_fs_read(uv_default_loop(), &r->request, fd, &part, 1, r->at, on_read);
}

static void on_read(uv_fs_t *request)
{
    struct reader *r = request->data;
    blocks_check(r->block, request->result, bytes, r->at);
    uv_fs_req_cleanup(request);
    if (--r->left > 0) {
        read_next(r);
    }
}

static int64_t pass(long tasks, long reads)
{
    struct reader *all = bench_alloc((size_t)tasks, sizeof *all);
    int64_t begin = bench_now_ns();
    for (long i = 0; i < tasks; i++) {
        all[i].request.data = &all[i];
        all[i].state = (uint64_t)i + 1;
        all[i].left = reads / tasks;
        all[i].block = bench_alloc(1, (size_t)bytes);
        read_next(&all[i]);
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    int64_t end = bench_now_ns();
    for (long i = 0; i < tasks; i++) {
        bench_check(all[i].left == 0, "reads were lost");
        free(all[i].block);
    }
    free(all);
    return end - begin;
}

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    long tasks = bench_param("TASKS", TASKS), reads = bench_param("READS", READS);
    mib = bench_param("MIB", MIB);
    bytes = bench_param("BYTES", BYTES);
    fd = blocks_create(mib);
    pass(tasks, reads / 10);
    int64_t cpu = bench_cpu_ns(), ns = pass(tasks, reads);
    bench_report_each("plain", "ns/read", ns, reads / tasks * tasks);
    bench_report_each("cpu", "ns/read", bench_cpu_ns() - cpu, reads / tasks * tasks);
    close(fd);
    return EXIT_SUCCESS;
}
