// SPDX-License-Identifier: MIT
/*
 * Purpose: one io_uring: set-up, submission queue, completion queue, enter. No task in sight.
 *
 * Idea: three system calls and two shared rings of memory; small enough to hold in the hand, and
 * it can leave out the index array (IORING_SETUP_NO_SQARRAY), which liburing 2.3 would overwrite.
 *
 *     rv_ring_next -> fill the entry -> rv_ring_push     visible to the kernel, not yet handed over
 *     rv_ring_tail -> rv_ring_entry -> .. rv_ring_push_at  the same, by who looks for room itself
 *     rv_ring_enter                                      hands over all of them, runs completions
 *     rv_ring_cq_tail, rv_ring_cqe, rv_ring_cq_advance    reads what has been completed
 *
 * Every pushed entry is published at once, so that a signal handler on the same thread may enter
 * at any instant and hand over what is there.
 *
 * Threads: create anywhere; everything else on the thread that enabled the ring
 * (IORING_SETUP_SINGLE_ISSUER), but for the completion side, which the caller may guard by a lock.
 */
#ifndef RV_IO_RING_H
#define RV_IO_RING_H

#include "core/atomic.h"
#include "core/base.h"

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rv_ring {
    int fd;               /* -1: no ring */
    int enter_fd;         /* fd, or its place in the thread's table of registered rings */
    unsigned enter_flags; /* goes with enter_fd, and with what this kernel offers */
    uint32_t sq_mask, cq_mask, sq_entries;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    RV_ATOMIC(uint32_t) *sq_head; /* the kernel writes */
    RV_ATOMIC(uint32_t) *sq_tail; /* we write */
    RV_ATOMIC(uint32_t) *sq_flags;
    RV_ATOMIC(uint32_t) *cq_head; /* we write */
    RV_ATOMIC(uint32_t) *cq_tail; /* the kernel writes */
    RV_ATOMIC(uint32_t) *cq_flags;
    void *map;
    size_t map_bytes, sqes_bytes;
};

/* A ring that waits to be enabled by its owner, mapped, not inherited by children: 0 or -errno. */
int rv_ring_create(struct rv_ring *ring, unsigned sq_entries, unsigned cq_entries);
/* By the thread that is to use it. */
int rv_ring_enable(struct rv_ring *ring);
/* Makes a ring, completes one no-op on it and throws it away: 0, or why the kernel refuses. */
int rv_ring_probe(void);
void rv_ring_destroy(struct rv_ring *ring);

/* Bounds the kernel's helper threads of this ring's owner. */
int rv_ring_limit_helpers(struct rv_ring *ring, unsigned for_files, unsigned for_others);

struct io_uring_buf;
/* By the owner: receives of group 0 take their buffers from this queue: 0, or -errno. */
int rv_ring_set_buffers(struct rv_ring *ring, struct io_uring_buf *entries, unsigned count);

/* By the owner: `event_fd` is signalled when a completion comes while the alarm is on. */
int rv_ring_set_event(struct rv_ring *ring, int event_fd);
static inline void rv_ring_set_alarm(struct rv_ring *ring, bool is_on)
{
    /* order: relaxed. The kernel reads it some time; who switches it on looks for itself first. */
    rv_store_relaxed(ring->cq_flags, is_on ? 0 : (uint32_t)IORING_CQ_EVENTFD_DISABLED);
}

static inline bool rv_ring_has_alarm(const struct rv_ring *ring)
{
    return rv_load_relaxed(ring->cq_flags) == 0;
}

/* Where the next entry goes. */
static inline uint32_t rv_ring_tail(const struct rv_ring *ring)
{
    return rv_load_relaxed(ring->sq_tail);
}

/* How many entries are pushed and not yet taken by the kernel. */
static inline uint32_t rv_ring_unsent_at(const struct rv_ring *ring, uint32_t tail)
{
    /* order: relaxed. Both are moved on by this thread only, the head in its own system calls. */
    return tail - rv_load_relaxed(ring->sq_head);
}

static inline uint32_t rv_ring_unsent(const struct rv_ring *ring)
{
    return rv_ring_unsent_at(ring, rv_ring_tail(ring));
}

/* The entry there, which is free, zeroed. */
static inline struct io_uring_sqe *rv_ring_entry(const struct rv_ring *ring, uint32_t tail)
{
    struct io_uring_sqe *sqe = &ring->sqes[tail & ring->sq_mask];
    __builtin_memset(sqe, 0, sizeof(*sqe));
    return sqe;
}

/* The next free entry, zeroed; NULL: full, enter first. */
static inline struct io_uring_sqe *rv_ring_next(struct rv_ring *ring)
{
    uint32_t tail = rv_ring_tail(ring);
    bool is_full = rv_ring_unsent_at(ring, tail) == ring->sq_entries;
    return RV_UNLIKELY(is_full) ? NULL : rv_ring_entry(ring, tail);
}

/* Publishes the entry at `tail`. */
static inline void rv_ring_push_at(struct rv_ring *ring, uint32_t tail)
{
    /* order: release K1. The entry before the tail; pairs with the kernel's read in enter. */
    rv_store_release(ring->sq_tail, tail + 1);
}

/* Publishes the entry that rv_ring_next gave out. */
static inline void rv_ring_push(struct rv_ring *ring)
{
    rv_ring_push_at(ring, rv_ring_tail(ring));
}

/* Completions wait inside the kernel: only an enter brings them out. */
static inline bool rv_ring_must_enter(const struct rv_ring *ring)
{
    uint32_t flags = rv_load_relaxed(ring->sq_flags);
    return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

static inline bool rv_ring_has_completions(const struct rv_ring *ring)
{
    return rv_load_relaxed(ring->cq_tail) != rv_load_relaxed(ring->cq_head);
}

/* Hands over what is pushed and runs what the kernel has put off; never waits. 0 or -errno. */
int rv_ring_enter(struct rv_ring *ring);
/* The same, then waits for a completion, at most timeout_ns (negative: for ever). 0 or -errno. */
int rv_ring_enter_wait(struct rv_ring *ring, int64_t timeout_ns);

/* The completion at *head, or NULL at the end. *head starts as rv_ring_cq_head. */
static inline uint32_t rv_ring_cq_head(const struct rv_ring *ring)
{
    return rv_load_relaxed(ring->cq_head);
}

static inline uint32_t rv_ring_cq_tail(const struct rv_ring *ring)
{
    /* order: acquire K2. The entries before the tail; pairs with the kernel's store. */
    return rv_load_acquire(ring->cq_tail);
}

static inline struct io_uring_cqe *rv_ring_cqe(const struct rv_ring *ring, uint32_t at)
{
    return &ring->cqes[at & ring->cq_mask];
}

/* Gives the entries before `head` back to the kernel. */
static inline void rv_ring_cq_advance(struct rv_ring *ring, uint32_t head)
{
    /* order: release K2. Our reads before the kernel's next writes; pairs with its acquire. */
    rv_store_release(ring->cq_head, head);
}

#endif
