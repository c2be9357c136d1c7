// SPDX-License-Identifier: MIT
/* Purpose: the floor of reads that are submitted in batches: a bare ring a thread, as many reads
 * under way as there are tasks, one system call for all that can go together. The other metric,
 * *pread*, is a system call after the other, on as many threads: what can be had without waiting
 * for anybody, and only while the page cache holds the file. */
#include "file_read/config.h"

#include <liburing.h>
#include <unistd.h>

#include "file_read/blocks.h"
#include "harness/limit.h"

enum { SINGLE_ISSUER = 1 << 12, DEFER_TASKRUN = 1 << 13, MAX_BATCH = 1024 };

struct work {
    int fd;
    long mib, bytes, reads, batch; /* of each thread */
};

struct slot {
    uint64_t state;
    int64_t at;
    void *block;
};

static void submit(struct io_uring *ring, const struct work *w, struct slot *slot)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    slot->at = blocks_next(&slot->state, w->mib, w->bytes);
    io_uring_prep_read(sqe, w->fd, slot->block, (unsigned)w->bytes, (uint64_t)slot->at);
    io_uring_sqe_set_data(sqe, slot);
}

static void turn(struct io_uring *ring, const struct work *w, long *submitted, long *done)
{
    struct io_uring_cqe *cqes[MAX_BATCH];
    bench_check(io_uring_submit_and_wait(ring, 1) >= 0, "submit");
    unsigned n = io_uring_peek_batch_cqe(ring, cqes, MAX_BATCH);
    for (unsigned i = 0; i < n; i++) {
        struct slot *slot = io_uring_cqe_get_data(cqes[i]);
        blocks_check(slot->block, cqes[i]->res, w->bytes, slot->at);
        if (*submitted < w->reads) {
            submit(ring, w, slot);
            ++*submitted;
        }
    }
    io_uring_cq_advance(ring, n);
    *done += n;
}

static void ring_part(void *arg, unsigned i)
{
    const struct work *w = arg;
    struct slot *slots = bench_alloc((size_t)w->batch, sizeof *slots);
    struct io_uring ring;
    long submitted = 0, done = 0;
    if (io_uring_queue_init(MAX_BATCH, &ring, SINGLE_ISSUER | DEFER_TASKRUN) < 0) {
        bench_check(io_uring_queue_init(MAX_BATCH, &ring, 0) >= 0, "no io_uring");
    }
    for (; submitted < w->batch && submitted < w->reads; submitted++) {
        struct slot *slot = &slots[submitted];
        slot->state = i * 1000u + (uint64_t)submitted;
        slot->block = bench_alloc(1, (size_t)w->bytes);
        submit(&ring, w, slot);
    }
    while (done < w->reads) {
        turn(&ring, w, &submitted, &done);
    }
    for (long k = 0; k < w->batch; k++) {
        free(slots[k].block);
    }
    free(slots);
    io_uring_queue_exit(&ring);
}

static void pread_part(void *arg, unsigned i)
{
    const struct work *w = arg;
    void *block = bench_alloc(1, (size_t)w->bytes);
    uint64_t state = i + 1;
    for (long k = 0; k < w->reads; k++) {
        int64_t at = blocks_next(&state, w->mib, w->bytes);
        blocks_check(block, pread(w->fd, block, (size_t)w->bytes, at), w->bytes, at);
    }
    free(block);
}

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    long workers = (long)bench_workers();
    struct work w = {.mib = bench_param("MIB", MIB), .bytes = bench_param("BYTES", BYTES)};
    long reads = bench_param("READS", READS) / workers;
    w.batch = (bench_param("TASKS", TASKS) + workers - 1) / workers;
    bench_check(w.batch <= MAX_BATCH, "too many tasks");
    w.fd = blocks_create(w.mib);
    w.reads = reads / 10;
    limit_threads_run(ring_part, &w);
    w.reads = reads;
    int64_t cpu = bench_cpu_ns(), ns = limit_threads_run(ring_part, &w);
    bench_report_each("plain", "ns/read", ns, reads * workers);
    bench_report_each("cpu", "ns/read", bench_cpu_ns() - cpu, reads * workers);
    bench_report_each("pread", "ns/read", limit_threads_run(pread_part, &w), reads * workers);
    close(w.fd);
    return EXIT_SUCCESS;
}
