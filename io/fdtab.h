// SPDX-License-Identifier: MIT
/*
 * Purpose: what a runtime knows about each descriptor number: who uses it, who waits on it.
 *
 * Idea: one word per number counts the operations in flight and says whether it is being closed.
 *
 *      31       30      29                                   0
 *     +---------+-------+-------------------------------------+
 *     | CLOSING | FINAL |  operations in flight               |
 *     +---------+-------+-------------------------------------+
 *
 * rove_close sets CLOSING: new operations are refused with -EBADF, those in flight are ended. When
 * the count is 0 it sets FINAL, calls close(2) and clears both. An operation that starts during
 * the system call waits those nanoseconds: the number may belong to somebody new right after.
 * So an operation that was queued for the old file can never hit the new one.
 *
 * Owner: the table. Slots of low numbers are one reserved range, of which the kernel gives what is
 * touched; those of the others live in chunks that are made on first use. All stay until the
 * runtime stops.
 * Threads: any.
 */
#ifndef RV_IO_FDTAB_H
#define RV_IO_FDTAB_H

#include "core/atomic.h"
#include "core/check.h"
#include "core/lock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rv_task;
struct rv_op;
struct stat;

#define RV_FD_CLOSING UINT32_C(0x80000000)
#define RV_FD_FINAL UINT32_C(0x40000000)
#define RV_FD_COUNT UINT32_C(0x3fffffff)

enum rv_fd_type {
    RV_FD_UNKNOWN = 0,
    RV_FD_FIFO, /* or a pipe that nobody has read from yet: io/fifo.c */
    RV_FD_FILE, /* a regular file or block device: reads may come from the page cache */
    RV_FD_TERMINAL, /* ready is not enough: a ring would block in it, io/cursor.c */
    RV_FD_OTHER
};

struct rv_fd_slot {
    RV_ATOMIC(uint32_t) users;         /* as drawn above */
    RV_ATOMIC(uint32_t) type;          /* enum rv_fd_type; a hint, stale after a foreign close(2) */
    RV_ATOMIC(struct rv_task *) closer; /* woken when the count reaches 0 under CLOSING */
    RV_ATOMIC(uint32_t) turns;         /* io/steer.c: receives since the last look, .. */
    RV_ATOMIC(uint32_t) home;          /* io/steer.c: 1 + index of the worker to receive on; 0 */
    RV_ATOMIC(uint32_t) edge;          /* io/edge.h: what edges have told */
    int next_fd;                       /* io/accept.c: accepted after this one, not taken yet */
    struct rv_lock lock;               /* guards what follows */
    bool is_registered;                /* epoll: probably in the set */
    RV_ATOMIC(uint8_t) send_waits;     /* a ring's sends may wait in the kernel: io/sqe.h */
    bool is_listed;                    /* io/edge.c: some worker looks after it, .. */
    struct rv_fd_slot *next_edge;      /* .. and after this one */
    uint32_t edge_waits;               /* waits that asked the kernel; then, waits that did not */
    uint32_t edge_waits_seen;          /* at that worker's last look */
    struct rv_op *first, *last;        /* epoll: who waits */
};

#define RV_FDTAB_CHUNK 256
#ifndef RV_FDTAB_CHUNKS
#define RV_FDTAB_CHUNKS 65536 /* 16 Mi numbers; the kernel's own default limit is 1 Mi */
#endif

#ifndef RV_FDTAB_NEAR
#define RV_FDTAB_NEAR 262144 /* numbers found without a look at a chunk: 18 MiB, not touched */
#endif

struct rv_fdtab {
    struct rv_fd_slot *near;           /* of the numbers below RV_FDTAB_NEAR; constant */
    RV_ATOMIC(struct rv_fd_slot *) *chunks;
    RV_ATOMIC(size_t) end;             /* no chunk from here on: what need not be looked through */
};

int rv_fdtab_init(struct rv_fdtab *tab);
void rv_fdtab_fini(struct rv_fdtab *tab);

/* The slot, or NULL: negative, beyond the table, or no memory (*error says which). */
struct rv_fd_slot *rv_fdtab_get(struct rv_fdtab *tab, int fd, int *error);
/* The slot, or NULL: a far one that nobody has used yet. */
struct rv_fd_slot *rv_fdtab_find_far(struct rv_fdtab *tab, int fd);
static inline bool rv_fdtab_is_near(int fd)
{
    return (unsigned)fd < RV_FDTAB_NEAR;
}
static inline struct rv_fd_slot *rv_fdtab_find(struct rv_fdtab *tab, int fd)
{
    return RV_LIKELY(rv_fdtab_is_near(fd)) ? &tab->near[fd] : rv_fdtab_find_far(tab, fd);
}

/* The rest of the two functions below. */
int rv_fd_enter_slow(struct rv_fd_slot *slot);
void rv_fd_leave_slow(struct rv_fd_slot *slot);

/* An operation begins: 0, or -EBADF when the descriptor is being closed. */
static inline int rv_fd_enter(struct rv_fd_slot *slot)
{
    /* order: seq_cst J2. Counted before the look at CLOSING; pairs with rv_fd_close_begin. */
    uint32_t now = rv_fetch_add_seq_cst(&slot->users, 1) + 1;
    RV_ASSERT((now & RV_FD_COUNT) != 0, "operations in flight fit the count");
    /* The sign is CLOSING, as FINAL is never without: one locked addition and a jump. */
    return RV_LIKELY((int32_t)now >= 0) ? 0 : rv_fd_enter_slow(slot);
}

/* It has ended: the kernel knows nothing of it any more. */
static inline void rv_fd_leave(struct rv_fd_slot *slot)
{
    /* order: seq_cst J3. Counted out before the look at the closer; pairs with
     * rv_fd_close_begin, which names the closer before it looks at the count. */
    uint32_t now = rv_fetch_sub_seq_cst(&slot->users, 1) - 1;
    RV_ASSERT((now & RV_FD_COUNT) != RV_FD_COUNT, "an operation leaves once");
    if (RV_UNLIKELY((int32_t)now < 0)) {
        rv_fd_leave_slow(slot);
    }
}

/* rv_fd_enter for who has another way if the number is being closed: false, nothing has begun. */
static RV_ALWAYS_INLINE bool rv_fd_try_enter(struct rv_fd_slot *slot)
{
    /* order: seq_cst J2. As in rv_fd_enter. */
    uint32_t now = rv_fetch_add_seq_cst(&slot->users, 1) + 1;
    RV_ASSERT((now & RV_FD_COUNT) != 0, "operations in flight fit the count");
    if (RV_LIKELY((int32_t)now >= 0)) {
        return true;
    }
    rv_fd_leave(slot);
    return false;
}

static inline bool rv_fd_is_closing(const struct rv_fd_slot *slot)
{
    return (rv_load_relaxed(&slot->users) & RV_FD_CLOSING) != 0;
}

/* One closer at a time: false if there is another. True: new operations are refused from now on. */
bool rv_fd_close_begin(struct rv_fd_slot *slot, struct rv_task *closer);
/* The closer: how many operations are still in flight. */
uint32_t rv_fd_close_pending(const struct rv_fd_slot *slot);
/* The closer, nothing pending: shuts the number for the system call itself. */
void rv_fd_close_final(struct rv_fd_slot *slot);
/* The closer, the number given back to the kernel. */
void rv_fd_close_end(struct rv_fd_slot *slot);

/* In an operation: what the descriptor is, looked up once per number; RV_FD_OTHER when fstat fails.
 * A closer waits, so what is noted is not of a file whose number is another's by then. */
enum rv_fd_type rv_fd_type(struct rv_fd_slot *slot, int fd);
/* The same, and that it is a file is looked up anew: close(2) tells nobody. */
enum rv_fd_type rv_fd_type_anew(struct rv_fd_slot *slot, int fd);
/* The same before one; RV_FD_UNKNOWN: it is being closed. */
enum rv_fd_type rv_fd_type_before(struct rv_fd_slot *slot, int fd);
/* What st says of it; RV_FD_UNKNOWN: a character device, perhaps a terminal. */
enum rv_fd_type rv_fd_type_of(const struct stat *st);

void rv_fd_check(const struct rv_fd_slot *slot);

#endif
