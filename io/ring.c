// SPDX-License-Identifier: MIT
/*
 * Purpose: io_uring by its three system calls.
 *
 * Idea: SINGLE_ISSUER + DEFER_TASKRUN: completions are worked off in the owner's own enter and
 * nowhere else, the cheapest mode there is (Linux 6.1). A kernel that lacks it gets epoll: one
 * flavour of ring to test. The ring is made disabled, so that a runtime can make all of its rings
 * at start, where failure still means "take the other back-end", and each worker enables its own.
 *
 * Rejected: SQPOLL (a spinning kernel thread), IOPOLL, resizing and user-mapped buffer rings
 * (young corners of the kernel).
 */
#include "io/ring.h"

#include "core/check.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than liburing 2.3: whether the running kernel knows them is found out by use. */
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif
#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif

#define RING_FLAGS                                                                                 \
    (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |         \
     IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED)

static int sys_setup(unsigned entries, struct io_uring_params *params)
{
    long rc = syscall(__NR_io_uring_setup, entries, params);
    return rc < 0 ? -errno : (int)rc;
}

static int sys_register(int fd, unsigned opcode, void *arg, unsigned count)
{
    long rc = syscall(__NR_io_uring_register, fd, opcode, arg, count);
    return rc < 0 ? -errno : (int)rc;
}

static int sys_enter(const struct rv_ring *ring, unsigned submit, unsigned wait, unsigned flags,
                     void *arg, size_t arg_bytes)
{
    long rc = syscall(__NR_io_uring_enter, ring->enter_fd, submit, wait, flags | ring->enter_flags,
                      arg, arg_bytes);
    return rc < 0 ? -errno : (int)rc;
}

static RV_ATOMIC(uint32_t) *word_at(void *map, uint32_t offset)
{
    return (RV_ATOMIC(uint32_t) *)(void *)((char *)map + offset);
}

/* Children must not share a ring: their submissions would be taken for the parent's. */
static void *map_ring(int fd, size_t bytes, off_t what)
{
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);
    if (map == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(map, bytes, MADV_DONTFORK);
    return map;
}

static int map_rings(struct rv_ring *ring, const struct io_uring_params *p)
{
    size_t cq_end = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
    size_t sq_end = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
    ring->map_bytes = cq_end > sq_end ? cq_end : sq_end;
    ring->sqes_bytes = p->sq_entries * sizeof(struct io_uring_sqe);
    ring->map = map_ring(ring->fd, ring->map_bytes, (off_t)IORING_OFF_SQ_RING);
    ring->sqes = map_ring(ring->fd, ring->sqes_bytes, (off_t)IORING_OFF_SQES);
    if (ring->map == NULL || ring->sqes == NULL) {
        return -ENOMEM;
    }
    ring->sq_head = word_at(ring->map, p->sq_off.head);
    ring->sq_tail = word_at(ring->map, p->sq_off.tail);
    ring->sq_flags = word_at(ring->map, p->sq_off.flags);
    ring->cq_head = word_at(ring->map, p->cq_off.head);
    ring->cq_tail = word_at(ring->map, p->cq_off.tail);
    ring->cq_flags = word_at(ring->map, p->cq_off.flags);
    ring->cqes = (struct io_uring_cqe *)(void *)((char *)ring->map + p->cq_off.cqes);
    ring->sq_entries = p->sq_entries;
    ring->sq_mask = p->sq_entries - 1;
    ring->cq_mask = p->cq_entries - 1;
    if ((p->flags & IORING_SETUP_NO_SQARRAY) == 0) {
        for (uint32_t i = 0; i < p->sq_entries; i++) {
            rv_store_relaxed(word_at(ring->map, p->sq_off.array + i * 4), i);
        }
    }
    return 0;
}

int rv_ring_create(struct rv_ring *ring, unsigned sq_entries, unsigned cq_entries)
{
    struct io_uring_params p = {.flags = RING_FLAGS | IORING_SETUP_NO_SQARRAY,
                                .cq_entries = cq_entries};
    *ring = (struct rv_ring){.fd = -1};
    int fd = sys_setup(sq_entries, &p);
    if (fd == -EINVAL) {
        p = (struct io_uring_params){.flags = RING_FLAGS, .cq_entries = cq_entries};
        fd = sys_setup(sq_entries, &p);
    }
    if (fd < 0) {
        return fd;
    }
    ring->fd = fd;
    ring->enter_fd = fd;
    unsigned needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG;
    int rc = (p.features & needed) == needed ? map_rings(ring, &p) : -ENOTSUP;
    if (rc < 0) {
        rv_ring_destroy(ring);
        return rc;
    }
    /* A worker that waits for a socket is idle, not waiting for a disk. */
    if ((p.features & IORING_FEAT_NO_IOWAIT) != 0) {
        ring->enter_flags |= IORING_ENTER_NO_IOWAIT;
    }
    return 0;
}

int rv_ring_enable(struct rv_ring *ring)
{
    int rc = sys_register(ring->fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (rc < 0) {
        return rc;
    }
    struct io_uring_rsrc_update place = {.offset = UINT32_MAX, .data = (unsigned)ring->fd};
    if (sys_register(ring->fd, IORING_REGISTER_RING_FDS, &place, 1) == 1) {
        ring->enter_fd = (int)place.offset;
        ring->enter_flags |= IORING_ENTER_REGISTERED_RING;
    }
    return 0;
}

int rv_ring_limit_helpers(struct rv_ring *ring, unsigned for_files, unsigned for_others)
{
    unsigned limits[2] = {for_files, for_others};
    return sys_register(ring->fd, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
}

int rv_ring_set_buffers(struct rv_ring *ring, struct io_uring_buf *entries, unsigned count)
{
    struct io_uring_buf_reg reg = {.ring_addr = (uint64_t)(uintptr_t)entries,
                                   .ring_entries = count};
    return sys_register(ring->fd, IORING_REGISTER_PBUF_RING, &reg, 1);
}

int rv_ring_set_event(struct rv_ring *ring, int event_fd)
{
    rv_ring_set_alarm(ring, false);
    return sys_register(ring->fd, IORING_REGISTER_EVENTFD, &event_fd, 1);
}

int rv_ring_probe(void)
{
    struct rv_ring ring;
    int rc = rv_ring_create(&ring, 4, 8);
    if (rc < 0) {
        return rc;
    }
    rc = rv_ring_enable(&ring);
    if (rc == 0) {
        struct io_uring_sqe *sqe = rv_ring_next(&ring);
        io_uring_prep_nop(sqe);
        sqe->user_data = 42;
        rv_ring_push(&ring);
        /* A filter may let the set-up pass and refuse the first enter. */
        do {
            rc = rv_ring_enter_wait(&ring, 1000000000);
        } while (rc == -EINTR);
    }
    if (rc == 0) {
        uint32_t head = rv_ring_cq_head(&ring);
        bool came = rv_ring_cq_tail(&ring) - head == 1 && rv_ring_cqe(&ring, head)->user_data == 42;
        rc = came ? 0 : -EIO;
    }
    rv_ring_destroy(&ring);
    return rc;
}

void rv_ring_destroy(struct rv_ring *ring)
{
    if ((ring->enter_flags & IORING_ENTER_REGISTERED_RING) != 0) {
        struct io_uring_rsrc_update place = {.offset = (uint32_t)ring->enter_fd};
        (void)sys_register(ring->fd, IORING_UNREGISTER_RING_FDS, &place, 1);
    }
    if (ring->sqes != NULL) {
        munmap(ring->sqes, ring->sqes_bytes);
    }
    if (ring->map != NULL) {
        munmap(ring->map, ring->map_bytes);
    }
    if (ring->fd >= 0) {
        close(ring->fd);
    }
    *ring = (struct rv_ring){.fd = -1};
}

RV_HOT int rv_ring_enter(struct rv_ring *ring)
{
    int rc = sys_enter(ring, rv_ring_unsent(ring), 0, IORING_ENTER_GETEVENTS, NULL, 0);
    return rc < 0 ? rc : 0;
}

RV_HOT int rv_ring_enter_wait(struct rv_ring *ring, int64_t timeout_ns)
{
    struct __kernel_timespec ts = {.tv_sec = timeout_ns / 1000000000,
                                   .tv_nsec = timeout_ns % 1000000000};
    struct io_uring_getevents_arg arg = {
        .ts = timeout_ns < 0 ? 0 : (uint64_t)(uintptr_t)&ts,
    };
    int rc = sys_enter(ring, rv_ring_unsent(ring), 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
                       &arg, sizeof(arg));
    return rc < 0 ? rc : 0;
}
