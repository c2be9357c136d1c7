// SPDX-License-Identifier: MIT
/*
 * Purpose: the kernel's side of a ring in a simulation, behind io/ring.h in place of io/ring.c.
 *
 * Idea: the same words in memory, moved on by a kernel that keeps io_uring's rules and no more:
 *
 *     WAITING   the operation sleeps until its file is stirred, or is tried at due_ns
 *     DONE      its result stands; the kernel will say so at due_ns
 *     POSTABLE  said (TASKRUN, alarm, wake); its entry appears in an enter of the owner
 *
 * Times are drawn, so all comes late and out of order. Rings are small, enters fail or take only
 * some entries, waits are interrupted, a cancel may find an operation already under way in a
 * helper. Until its entry is there an operation owns its buffer: what is beyond the result of a
 * read is scribbled over, and a write is copied as late as can be.
 *
 * Threads: virtual ones; the kernel's work has no points inside.
 */
#include "io/ring_sim.h"

#include "core/check.h"
#include "core/list.h"
#include "core/sim.h"
#include "io/ring.h"
#include "io/sim_op.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 4096
#ifdef RV_CORES
#define MAY_LEND false
#else
#define MAY_LEND true
#endif

struct sim_ring {
    struct rv_list link;
    struct rv_list ops;           /* in flight, oldest first */
    struct rv_ring *ring;
    int event_fd;                 /* -1: none */
    struct rv_sim_lent lent;
    RV_ATOMIC(uint32_t) words[6]; /* heads, tails, flags */
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
};

static struct rv_list rings;
static struct {
    bool are_drawn, is_tiny; /* tiny: all rings are as small as can be */
    uint32_t partial_chance; /* an enter takes only some entries, one in so many */
    uint32_t refuse_chance;  /* or none */
} manners;

void rv_ring_sim_reset(void)
{
    rv_list_init(&rings);
    manners.are_drawn = false;
}

/* Of this run, with its first ring: most kernels are well, one in four is short of everything. */
static void draw_manners(void)
{
    bool is_poor = rv_sim_file_has_faults() && rv_sim_chance(4);
    manners.partial_chance = is_poor ? 2 + rv_sim_draw(8) : 16;
    manners.refuse_chance = is_poor ? 2 + rv_sim_draw(8) : 40;
    manners.is_tiny = is_poor;
    manners.are_drawn = true;
}

static struct sim_ring *sim_of(const struct rv_ring *ring)
{
    return ring->map;
}

static struct sim_ring *next_ring(struct sim_ring *s)
{
    struct rv_list *link = s == NULL ? rings.next : s->link.next;
    return link == &rings ? NULL : rv_container_of(link, struct sim_ring, link);
}

static struct rv_sim_op *next_op(struct sim_ring *s, struct rv_sim_op *op)
{
    struct rv_list *link = op == NULL ? s->ops.next : op->link.next;
    return link == &s->ops ? NULL : rv_container_of(link, struct rv_sim_op, link);
}

bool rv_ring_sim_owns(const void *addr, size_t n)
{
    const char *low = addr;
    for (struct sim_ring *s = next_ring(NULL); s != NULL; s = next_ring(s)) {
        for (struct rv_sim_op *op = next_op(s, NULL); op != NULL; op = next_op(s, op)) {
            size_t bytes;
            const char *at = rv_sim_op_buffer(op, &bytes);
            if (at != NULL && at < low + n && low < at + bytes) {
                return true;
            }
        }
    }
    return false;
}

/* One try, at its time. */
static void attempt(struct sim_ring *s, struct rv_sim_op *op)
{
    bool is_multi = rv_sim_op_is_multi(op);
    bool is_lent = is_multi && op->sqe.opcode == IORING_OP_RECV;
    int res = is_lent ? rv_sim_op_receive_lent(op, &s->lent) : rv_sim_op_try(op);
    if (is_multi && res != -EAGAIN) {
        rv_sim_op_finish_part(op, res);
        return;
    }
    if (res == -EAGAIN && !op->is_impatient) {
        /* A full queue of connections tells nobody when it is not: that is looked at again. */
        op->due_ns = op->sqe.opcode == IORING_OP_CONNECT ? rv_sim_op_later() : INT64_MAX;
    } else {
        rv_sim_op_finish(op, res);
    }
}

void rv_sim_stir(struct rv_sim_file *f)
{
    for (struct sim_ring *s = next_ring(NULL); s != NULL; s = next_ring(s)) {
        for (struct rv_sim_op *op = next_op(s, NULL); op != NULL; op = next_op(s, op)) {
            if (op->file == f && op->state == RV_SIM_OP_WAITING && op->due_ns == INT64_MAX) {
                op->due_ns = rv_sim_op_later();
            }
        }
    }
}

/* The completion is due: says so by all means the owner has asked for. */
static void announce(struct sim_ring *s, struct rv_sim_op *op)
{
    struct rv_ring *ring = s->ring;
    op->state = RV_SIM_OP_POSTABLE;
    op->due_ns = INT64_MAX;
    rv_fetch_or_relaxed(ring->sq_flags, (uint32_t)IORING_SQ_TASKRUN);
    if (s->event_fd >= 0 && rv_load_relaxed(ring->cq_flags) == 0) {
        uint64_t one = 1;
        (void)rv_sim_file_write(rv_sim_file_get(s->event_fd), &one, sizeof(one));
    }
    (void)rv_sim_unblock(s, 1);
}

static int64_t device_next_ns(void)
{
    int64_t next_ns = INT64_MAX;
    for (struct sim_ring *s = next_ring(NULL); s != NULL; s = next_ring(s)) {
        for (struct rv_sim_op *op = next_op(s, NULL); op != NULL; op = next_op(s, op)) {
            next_ns = op->due_ns < next_ns ? op->due_ns : next_ns;
        }
    }
    return next_ns;
}

static bool device_is_quiet(void)
{
    for (struct sim_ring *s = next_ring(NULL); s != NULL; s = next_ring(s)) {
        for (struct rv_sim_op *op = next_op(s, NULL); op != NULL; op = next_op(s, op)) {
            bool is_timer = op->sqe.opcode == IORING_OP_TIMEOUT && op->state == RV_SIM_OP_WAITING;
            if (op->due_ns != INT64_MAX && !(is_timer && op->due_ns > rv_sim_now())) {
                return false;
            }
        }
    }
    return true;
}

/* One of the operations whose time has come, any of them. */
static void device_step(void)
{
    struct sim_ring *chosen_ring = NULL;
    struct rv_sim_op *chosen = NULL;
    uint32_t seen = 0;
    int64_t now_ns = rv_sim_now();
    rv_sim_kernel_enter();
    for (struct sim_ring *s = next_ring(NULL); s != NULL; s = next_ring(s)) {
        for (struct rv_sim_op *op = next_op(s, NULL); op != NULL; op = next_op(s, op)) {
            if (op->due_ns <= now_ns && rv_sim_draw(++seen) == 0) {
                chosen_ring = s;
                chosen = op;
            }
        }
    }
    if (chosen != NULL) {
        rv_sim_note(chosen->sqe.opcode);
        if (chosen->state == RV_SIM_OP_WAITING) {
            attempt(chosen_ring, chosen);
        } else {
            announce(chosen_ring, chosen);
        }
    }
    rv_sim_kernel_leave();
}

static const struct rv_sim_device device = {
    .next_ns = device_next_ns, .is_quiet = device_is_quiet, .step = device_step};

static bool is_target(const struct rv_sim_op *op, const struct io_uring_sqe *sqe,
                      const struct rv_sim_file *file)
{
    if ((sqe->cancel_flags & IORING_ASYNC_CANCEL_ANY) != 0) {
        return true;
    }
    if ((sqe->cancel_flags & IORING_ASYNC_CANCEL_FD) != 0) {
        return op->file != NULL && op->file == file;
    }
    return op->sqe.user_data == sqe->addr;
}

/* What an operation comes to that is cancelled: at once, or a helper at work is interrupted. */
static void cancel_op(struct rv_sim_op *op)
{
    bool is_in_helper = rv_sim_file_has_faults() && rv_sim_chance(4);
    rv_sim_op_finish(op, is_in_helper && rv_sim_chance(2) ? -EINTR : -ECANCELED);
    if (is_in_helper) {
        op->due_ns = rv_sim_op_later();
    }
}

/* The result of a cancel, as the kernel counts. */
static int cancel(struct sim_ring *s, const struct io_uring_sqe *sqe)
{
    bool is_all = (sqe->cancel_flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY)) != 0;
    bool is_fd = (sqe->cancel_flags & IORING_ASYNC_CANCEL_FD) != 0;
    const struct rv_sim_file *file = is_fd ? rv_sim_file_get(sqe->fd) : NULL;
    int count = 0;
    if (is_fd && file == NULL) {
        return -EBADF;
    }
    for (struct rv_sim_op *op = next_op(s, NULL); op != NULL; op = next_op(s, op)) {
        /* One that is about to be tried again is between two queues, where it is not found. */
        bool is_missed = rv_sim_op_is_multi(op) && !is_all && op->due_ns != INT64_MAX &&
                         rv_sim_chance(2);
        if (op->state == RV_SIM_OP_WAITING && is_target(op, sqe, file) && !is_missed) {
            cancel_op(op);
            count++;
            if (!is_all) {
                return 0;
            }
        }
    }
    return is_all ? count : count > 0 ? 0 : -ENOENT;
}

/* A timer is set again: 0, or -ENOENT when it has fired, or is about to. */
static int update_timer(struct sim_ring *s, const struct rv_sim_op *update)
{
    for (struct rv_sim_op *op = next_op(s, NULL); op != NULL; op = next_op(s, op)) {
        if (op->sqe.opcode == IORING_OP_TIMEOUT && op->state == RV_SIM_OP_WAITING &&
            op->sqe.user_data == update->sqe.addr) {
            op->due_ns = update->until_ns;
            return 0;
        }
    }
    return -ENOENT;
}

static void issue(struct sim_ring *s, const struct io_uring_sqe *sqe)
{
    struct rv_sim_op *op = rv_sim_op_create(sqe);
    rv_list_push_back(&s->ops, &op->link);
    if (sqe->opcode == IORING_OP_ASYNC_CANCEL) {
        rv_list_remove(&op->link); /* it is not among what it cancels */
        rv_sim_op_finish(op, cancel(s, sqe));
        rv_list_push_back(&s->ops, &op->link);
    } else if (sqe->opcode == IORING_OP_TIMEOUT) {
        op->due_ns = op->until_ns;
    } else if (sqe->opcode == IORING_OP_TIMEOUT_REMOVE) {
        rv_sim_op_finish(op, update_timer(s, op));
    } else if (op->error != 0) {
        rv_sim_op_finish(op, op->error);
    } else if (rv_sim_chance(2)) {
        attempt(s, op);
    } else {
        op->due_ns = rv_sim_op_later();
    }
}

/* Takes entries off the queue: as a rule all of them. False: some are left, and then no enter
 * waits. */
static bool submit(struct sim_ring *s)
{
    struct rv_ring *ring = s->ring;
    uint32_t head = rv_load_relaxed(ring->sq_head);
    uint32_t all = rv_load_relaxed(ring->sq_tail) - head;
    uint32_t n = all;
    if (n > 0 && rv_sim_file_has_faults() && rv_sim_chance(manners.partial_chance)) {
        n = rv_sim_draw(n + 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        issue(s, &s->sqes[(head + i) & ring->sq_mask]);
        rv_store_relaxed(ring->sq_head, head + i + 1);
    }
    return n == all;
}

/* The results of one request come in order. */
static bool is_next_of_its_request(struct sim_ring *s, const struct rv_sim_op *op)
{
    for (struct rv_sim_op *at = next_op(s, NULL); at != op; at = next_op(s, at)) {
        if (rv_sim_op_is_multi(at) && at->sqe.user_data == op->sqe.user_data) {
            return false;
        }
    }
    return true;
}

static struct rv_sim_op *any_postable(struct sim_ring *s)
{
    struct rv_sim_op *chosen = NULL;
    uint32_t seen = 0;
    for (struct rv_sim_op *op = next_op(s, NULL); op != NULL; op = next_op(s, op)) {
        if (op->state == RV_SIM_OP_POSTABLE && is_next_of_its_request(s, op) &&
            rv_sim_draw(++seen) == 0) {
            chosen = op;
        }
    }
    return chosen;
}

/* Moves what is due into the completion queue, as far as there is room. */
static void post(struct sim_ring *s)
{
    struct rv_ring *ring = s->ring;
    struct rv_sim_op *op;
    uint32_t flags = 0;
    for (op = next_op(s, NULL); op != NULL; op = next_op(s, op)) {
        if (op->state == RV_SIM_OP_DONE && op->due_ns <= rv_sim_now()) {
            announce(s, op);
        }
    }
    while ((op = any_postable(s)) != NULL && flags == 0) {
        uint32_t tail = rv_load_relaxed(ring->cq_tail);
        bool is_silent = (op->sqe.flags & IOSQE_CQE_SKIP_SUCCESS) != 0 && op->res >= 0;
        if (!is_silent && tail - rv_load_relaxed(ring->cq_head) > ring->cq_mask) {
            flags = IORING_SQ_CQ_OVERFLOW;
            continue;
        }
        if (!is_silent) {
            s->cqes[tail & ring->cq_mask] =
                (struct io_uring_cqe){.user_data = op->sqe.user_data,
                                      .res = op->res,
                                      .flags = op->cqe_flags};
            rv_store_relaxed(ring->cq_tail, tail + 1);
        }
        rv_list_remove(&op->link);
        rv_sim_op_destroy(op);
    }
    rv_store_relaxed(ring->sq_flags, flags);
}

static int refuse(void)
{
    static const int errors[] = {-EINTR, -EAGAIN, -EBUSY};
    bool is_refused = rv_sim_file_has_faults() && rv_sim_chance(manners.refuse_chance);
    return is_refused ? errors[rv_sim_draw(RV_ARRAY_LEN(errors))] : 0;
}

int rv_ring_enter(struct rv_ring *ring)
{
    struct sim_ring *s = sim_of(ring);
    rv_sim_point();
    int rc = refuse();
    if (rc == 0) {
        rv_sim_kernel_enter();
        (void)submit(s);
        post(s);
        rv_sim_kernel_leave();
    }
    rv_sim_point();
    return rc;
}

int rv_ring_enter_wait(struct rv_ring *ring, int64_t timeout_ns)
{
    struct sim_ring *s = sim_of(ring);
    int64_t until_ns = timeout_ns < 0 ? INT64_MAX : rv_sim_now() + timeout_ns;
    rv_sim_point();
    int rc = refuse();
    if (rc != 0) {
        return rc;
    }
    rv_sim_kernel_enter();
    bool may_wait = submit(s);
    post(s);
    while (may_wait && rc == 0 && !rv_ring_has_completions(ring)) {
        rv_sim_kernel_leave();
        rc = rv_sim_block(s, until_ns);
        rv_sim_kernel_enter();
        post(s);
    }
    rv_sim_kernel_leave();
    rv_sim_point();
    return rc == -ETIMEDOUT ? -ETIME : rc;
}

/* The library must live with any size: mostly tiny ones, so that every queue is full at times. */
static uint32_t draw_entries(uint32_t wanted)
{
    uint32_t entries = rv_sim_chance(3) ? wanted : 2u << rv_sim_draw(5);
    entries = manners.is_tiny ? 2 : entries;
    return entries < wanted ? entries : wanted;
}

int rv_ring_create(struct rv_ring *ring, unsigned sq_entries, unsigned cq_entries)
{
    if (!manners.are_drawn) {
        draw_manners();
    }
    uint32_t sq = draw_entries(sq_entries);
    uint32_t cq = draw_entries(cq_entries < ENTRIES_MAX ? cq_entries : ENTRIES_MAX);
    *ring = (struct rv_ring){.fd = -1};
    cq = cq < 2 * sq ? 2 * sq : cq; /* as the kernel would have it */
    struct sim_ring *s = calloc(1, sizeof(*s));
    s->sqes = calloc(sq, sizeof(*s->sqes));
    s->cqes = calloc(cq, sizeof(*s->cqes));
    s->ring = ring;
    s->event_fd = -1;
    rv_list_init(&s->ops);
    rv_list_init(&s->link);
    rv_list_push_back(&rings, &s->link);
    rv_sim_set_device(&device);
    *ring = (struct rv_ring){
        .fd = 0,
        .map = s,
        .sqes = s->sqes,
        .cqes = s->cqes,
        .sq_entries = sq,
        .sq_mask = sq - 1,
        .cq_mask = cq - 1,
        .sq_head = &s->words[0],
        .sq_tail = &s->words[1],
        .sq_flags = &s->words[2],
        .cq_head = &s->words[3],
        .cq_tail = &s->words[4],
        .cq_flags = &s->words[5],
    };
    return 0;
}

int rv_ring_enable(struct rv_ring *ring)
{
    (void)ring;
    rv_sim_point();
    return 0;
}

int rv_ring_limit_helpers(struct rv_ring *ring, unsigned for_files, unsigned for_others)
{
    (void)ring;
    (void)for_files;
    (void)for_others;
    return 0;
}

/* Every other kernel has none; nor has the machine of many cores: its costs are of plain calls. */
int rv_ring_set_buffers(struct rv_ring *ring, struct io_uring_buf *entries, unsigned count)
{
    struct sim_ring *s = sim_of(ring);
    if (!MAY_LEND || rv_sim_chance(2)) {
        return -EINVAL;
    }
    s->lent = (struct rv_sim_lent){.entries = entries, .mask = count - 1};
    return 0;
}

int rv_ring_set_event(struct rv_ring *ring, int event_fd)
{
    rv_ring_set_alarm(ring, false);
    sim_of(ring)->event_fd = event_fd;
    return 0;
}

int rv_ring_probe(void)
{
    return 0;
}

void rv_ring_destroy(struct rv_ring *ring)
{
    struct sim_ring *s = sim_of(ring);
    if (ring->fd < 0) {
        return;
    }
    for (struct rv_sim_op *op = next_op(s, NULL); op != NULL; op = next_op(s, NULL)) {
        if (rv_sim_op_buffer(op, &(size_t){0}) != NULL) {
            rv_sim_fail(-EPROTO, "a ring ends while operation %d has a buffer", op->sqe.opcode);
        }
        rv_list_remove(&op->link);
        rv_sim_op_destroy(op);
    }
    rv_list_remove(&s->link);
    free(s->sqes);
    free(s->cqes);
    free(s);
    *ring = (struct rv_ring){.fd = -1};
}
