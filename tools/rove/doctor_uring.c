// SPDX-License-Identifier: MIT
/*
 * Purpose: `rove doctor` on io_uring: whether it is allowed, and each feature by use.
 *
 * Idea: the rings here are made by io/ring.c, as those of a runtime are. What that requires is
 * asked for first, as a whole and then bit by bit, so that a refusal has a name.
 */
#include "doctor.h"

#include "io/ring.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Younger than our headers. */
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif

enum { VALUE_BYTES = 64, PATIENCE_NS = 1000000000, PROBED_OPS = 128 };

static int setup(unsigned flags, unsigned *features)
{
    struct io_uring_params params = {.flags = flags};
    long fd = syscall(__NR_io_uring_setup, 4, &params);
    if (fd < 0) {
        return -errno;
    }
    if (features != NULL) {
        *features = params.features;
    }
    close((int)fd);
    return 0;
}

static const char *why_refused(int rc)
{
    char value[VALUE_BYTES];
    if (rc == -ENOSYS) {
        return "this kernel has no io_uring, or a filter pretends so";
    }
    if (rc == -ENOMEM) {
        return "RLIMIT_MEMLOCK or memory is used up";
    }
    if (rv_doctor_file("/proc/sys/kernel/io_uring_disabled", value, sizeof value) &&
        strcmp(value, "0") != 0) {
        return "sysctl kernel.io_uring_disabled forbids it";
    }
    if (rv_doctor_status("Seccomp", value, sizeof value) && strcmp(value, "0") != 0) {
        return "a seccomp filter forbids it, as container run-times do by default";
    }
    return "epoll is used, at more system calls a request";
}

static void look_at_flags(void)
{
    static const struct {
        unsigned flags;
        const char *name, *gain, *cost;
    } wanted[] = {
        {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, "deferred completions",
         "worked off in the owner's own calls (Linux 6.1)", "required: epoll is used"},
        {IORING_SETUP_SUBMIT_ALL, "submit all", "an error does not stop a batch",
         "required: epoll is used"},
        {IORING_SETUP_R_DISABLED, "rings made disabled", "refusals come before a worker starts",
         "required: epoll is used"},
        {IORING_SETUP_NO_SQARRAY, "no index array", "a cache line less a submission (Linux 6.6)",
         "a cache line more a submission"},
    };
    for (size_t i = 0; i < RV_ARRAY_LEN(wanted); i++) {
        rv_doctor_tried(setup(wanted[i].flags, NULL), wanted[i].name, wanted[i].gain,
                        wanted[i].cost);
    }
}

static void look_at_features(unsigned features)
{
    static const struct {
        unsigned feature;
        const char *name, *gain, *cost;
    } wanted[] = {
        {IORING_FEAT_SINGLE_MMAP, "one mapping, two queues", "yes", "required: epoll is used"},
        {IORING_FEAT_NODROP, "no completion dropped", "an overflow is kept by the kernel",
         "required: epoll is used"},
        {IORING_FEAT_EXT_ARG, "waits with a deadline", "no timeout operation for a sleep",
         "required: epoll is used"},
        {IORING_FEAT_FAST_POLL, "internal polling", "sockets need no helper thread",
         "a helper thread for each waiting socket"},
        {IORING_FEAT_CQE_SKIP, "silent successes", "a cancellation has no completion of its own",
         "a completion more a cancellation"},
        {IORING_FEAT_NO_IOWAIT, "waiting is idle", "load figures stay true (Linux 6.15)",
         "a waiting worker counts as waiting for a disk in load figures"},
    };
    for (size_t i = 0; i < RV_ARRAY_LEN(wanted); i++) {
        rv_doctor_tried((features & wanted[i].feature) != 0 ? 0 : -ENOTSUP, wanted[i].name,
                        wanted[i].gain, wanted[i].cost);
    }
}

static void list_ops(const struct rv_ring *ring)
{
    static const struct {
        uint8_t opcode;
        const char *name;
    } used[] = {
        {IORING_OP_READ, "read"}, {IORING_OP_WRITE, "write"}, {IORING_OP_READV, "readv"},
        {IORING_OP_WRITEV, "writev"}, {IORING_OP_RECV, "recv"}, {IORING_OP_SEND, "send"},
        {IORING_OP_RECVMSG, "recvmsg"}, {IORING_OP_SENDMSG, "sendmsg"},
        {IORING_OP_ACCEPT, "accept"}, {IORING_OP_CONNECT, "connect"},
        {IORING_OP_POLL_ADD, "poll"}, {IORING_OP_SPLICE, "splice"}, {IORING_OP_FSYNC, "fsync"},
        {IORING_OP_OPENAT, "openat"}, {IORING_OP_STATX, "statx"},
        {IORING_OP_UNLINKAT, "unlinkat"}, {IORING_OP_RENAMEAT, "renameat"},
        {IORING_OP_MKDIRAT, "mkdirat"}, {IORING_OP_ASYNC_CANCEL, "cancel"},
    };
    static union {
        struct io_uring_probe probe;
        char bytes[sizeof(struct io_uring_probe) + PROBED_OPS * sizeof(struct io_uring_probe_op)];
    } answer;
    char lacking[256] = "";
    long rc = syscall(__NR_io_uring_register, ring->fd, IORING_REGISTER_PROBE, &answer.probe,
                      PROBED_OPS);
    for (size_t i = 0; rc >= 0 && i < RV_ARRAY_LEN(used); i++) {
        if (used[i].opcode > answer.probe.last_op ||
            (answer.probe.ops[used[i].opcode].flags & IO_URING_OP_SUPPORTED) == 0) {
            strncat(strncat(lacking, " ", sizeof lacking - strlen(lacking) - 1), used[i].name,
                    sizeof lacking - strlen(lacking) - 1);
        }
    }
    if (rc >= 0 && lacking[0] == '\0') {
        rv_doctor_line(RV_DOCTOR_OK, "operations", "all %zu that rove uses",
                       RV_ARRAY_LEN(used));
    } else {
        rv_doctor_line(RV_DOCTOR_MISSING, "operations", "%s%s; those calls fail with -EINVAL",
                       rc < 0 ? strerror(errno) : "without", lacking);
    }
}

/* Hands over what is pushed and takes one completion: its result, or why there was none. */
static int complete_one(struct rv_ring *ring)
{
    int rc = rv_ring_enter_wait(ring, PATIENCE_NS);
    uint32_t head = rv_ring_cq_head(ring);
    if (rc < 0 || rv_ring_cq_tail(ring) == head) {
        return rc < 0 ? rc : -ETIME;
    }
    rc = rv_ring_cqe(ring, head)->res;
    rv_ring_cq_advance(ring, head + 1);
    return rc;
}

/* A receive that nothing will come for is ended by its descriptor. */
static int try_cancel_by_descriptor(struct rv_ring *ring)
{
    char byte;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return -errno;
    }
    io_uring_prep_recv(rv_ring_next(ring), pair[0], &byte, 1, 0);
    rv_ring_push(ring);
    struct io_uring_sqe *sqe = rv_ring_next(ring);
    io_uring_prep_cancel_fd(sqe, pair[0], IORING_ASYNC_CANCEL_ALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    rv_ring_push(ring);
    int rc = complete_one(ring);
    /* Bytes of `byte` are the kernel's until the receive has ended. */
    close(pair[1]);
    if (rc != -ECANCELED) {
        (void)complete_one(ring);
    }
    close(pair[0]);
    return rc == -ECANCELED ? 0 : rc < 0 ? rc : -EPROTO;
}

static int try_alarm(struct rv_ring *ring)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    uint64_t count = 0;
    int rc = fd < 0 ? -errno : rv_ring_set_event(ring, fd);
    if (rc == 0) {
        rv_ring_set_alarm(ring, true);
        io_uring_prep_nop(rv_ring_next(ring));
        rv_ring_push(ring);
        rc = complete_one(ring);
        rv_ring_set_alarm(ring, false);
    }
    if (rc == 0 && read(fd, &count, sizeof count) < 0) {
        rc = -errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

static void look_at_uses(void)
{
    struct rv_ring ring;
    int rc = rv_ring_create(&ring, 256, 4096);
    rv_doctor_tried(rc, "a worker's ring", "256 entries, 4096 completions",
                    "smaller ones are tried: 128, then 64 entries");
    if (rc < 0) {
        rc = rv_ring_create(&ring, 8, 16);
    }
    if (rc == 0) {
        list_ops(&ring);
        rc = rv_ring_enable(&ring);
        rv_doctor_tried(rc == 0 && ring.enter_fd == ring.fd ? -ENOTSUP : rc, "registered ring",
                        "no look-up of its descriptor in each call", "that look-up, twice an enter");
    }
    if (rc == 0) {
        rv_doctor_tried(rv_ring_limit_helpers(&ring, 8, 64), "bounded helper threads",
                        "8 for files, 64 for others, a ring", "as many as the kernel likes");
        rv_doctor_tried(try_cancel_by_descriptor(&ring), "cancel by descriptor",
                        "rove_close ends the waits of others", "those waits go on");
        rv_doctor_tried(try_alarm(&ring), "completions signalled",
                        "a sleeper serves those of a worker that computes",
                        "they wait until its task suspends");
        rv_ring_destroy(&ring);
    }
}

void rv_doctor_uring(void)
{
    unsigned features = 0;
    rv_doctor_part("io_uring");
    int rc = setup(0, &features);
    if (!rv_doctor_tried(rc, "set-up", "allowed", why_refused(rc))) {
        return;
    }
    look_at_flags();
    look_at_features(features);
    if (rv_doctor_tried(rv_ring_probe(), "a no-op, all required", "came back",
                        "epoll is used, at more system calls a request")) {
        look_at_uses();
    }
}
