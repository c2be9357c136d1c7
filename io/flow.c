// SPDX-License-Identifier: MIT
/*
 * Purpose: what a connection receives, io/flow.h.
 */
#include "io/flow.h"

#include "core/check.h"
#include "io/uring.h"
#include "sched/current.h"
#include "sched/suspend.h"

#include <errno.h>
#include <string.h>

static struct rv_buffers *buffers_of(const struct rv_flow *f)
{
    return &f->multi.uring->buffers;
}

/* Lock held. */
static void append(struct rv_flow *f, uint32_t id)
{
    if (f->held == 0) {
        f->first = id;
    } else {
        buffers_of(f)->next[f->last] = id;
    }
    f->last = id;
    f->held++;
}

/* Lock held: why there is no more, or no more for now. */
static void note_end(struct rv_flow *f, int result)
{
    switch (result) {
    case -ENOBUFS: /* a plain receive goes on */
    case -ECANCELED:
    case -EINTR:
        break;
    case -EAGAIN: /* a socket in non-blocking mode */
    case -EINVAL:
    case -EOPNOTSUPP:
        f->is_refused = true;
        break;
    default:
        f->has_end = true;
        f->end = result;
        break;
    }
}

/* Who reaps, lock held. */
static bool take(struct rv_multi *m, int result, uint32_t buffer)
{
    struct rv_flow *f = rv_container_of(m, struct rv_flow, multi);
    if (result > 0) {
        RV_CHECK(buffer != RV_BUFFER_NONE, "what was received is in a buffer");
        append(f, buffer);
    } else {
        if (buffer != RV_BUFFER_NONE) {
            rv_buffers_give(buffers_of(f), buffer);
        }
        note_end(f, result);
    }
    return f->held > RV_FLOW_PIECES;
}

void rv_flow_init(struct rv_flow *f, struct rv_task *self, int fd, bool is_on)
{
    int error;
    *f = (struct rv_flow){.multi = {.kind = RV_MULTI_RECV, .fd = fd, .take = take}};
    f->multi.slot = rv_fdtab_get(&rv_io_of(self->runtime)->fds, fd, &error);
    f->is_on = is_on && f->multi.slot != NULL && rv_multi_is_known(self);
}

/* The first piece is no longer in the list. */
static uint32_t pop(struct rv_flow *f)
{
    struct rv_buffers *b = buffers_of(f);
    rv_lock_acquire(&f->multi.lock);
    RV_ASSERT(f->held > 0, "what is taken is there");
    uint32_t id = f->first;
    f->first = b->next[id];
    f->held--;
    rv_lock_release(&f->multi.lock);
    f->fulls = b->bytes[id] == RV_BUFFER_BYTES ? f->fulls + 1 : 0;
    f->bulk = f->fulls >= RV_FLOW_FULL ? RV_FLOW_CALM : f->bulk;
    f->offset = 0;
    return id;
}

void rv_flow_fini(struct rv_flow *f)
{
    RV_CHECK(rv_multi_is_idle(&f->multi), "the kernel has let go of what is freed");
    while (f->held > 0) {
        rv_buffers_give(buffers_of(f), pop(f));
    }
}

ssize_t rv_flow_look(struct rv_flow *f, struct rv_task *self)
{
    struct rv_multi *m = &f->multi;
    ssize_t rc = -EAGAIN;
    rv_lock_acquire(&m->lock);
    if (f->held > 0) {
        rc = 1;
    } else if (f->has_end) {
        rc = f->end;
        f->has_end = false; /* the stream remembers */
    } else if (rv_multi_is_idle(m)) {
        rc = RV_FLOW_IDLE;
    }
    m->waiter = rc == -EAGAIN ? self : NULL;
    rv_lock_release(&m->lock);
    return rc;
}

/* Its packets arrive where another worker runs (io/steer.h), or this one does not. */
static bool is_elsewhere(const struct rv_flow *f, const struct rv_uring *u)
{
    uint32_t home = rv_load_relaxed(&f->multi.slot->home);
    return (home != 0 && home != u->worker->idx + 1) || rv_active_is_aside(u->worker);
}

struct alarm {
    struct rv_timer timer;
    struct rv_task *task;
    RV_ATOMIC(uint32_t) is_late;
};

static void ring_alarm(struct rv_timer *timer)
{
    struct alarm *alarm = rv_container_of(timer, struct alarm, timer);
    struct rv_task *task = alarm->task;
    /* order: release O2. Nothing but the flag; pairs with wait_for_news, as documentation. */
    rv_store_release(&alarm->is_late, 1u);
    rv_wake(task);
}

static ssize_t wait_for_news(struct rv_flow *f, struct rv_task *self, const struct alarm *alarm)
{
    ssize_t rc;
    while ((rc = rv_flow_look(f, self)) == -EAGAIN) {
        /* order: acquire O2. See ring_alarm. */
        if (rv_load_acquire(&alarm->is_late) != 0) {
            return -ETIMEDOUT;
        }
        rv_park(self, RV_WAIT_IO, f);
        if (rv_take_cancel(self)) {
            return -ECANCELED;
        }
    }
    return rc;
}

ssize_t rv_flow_wait(struct rv_flow *f, struct rv_task *self, int64_t deadline_ns)
{
    struct alarm alarm = {.task = self};
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    ssize_t rc = rv_flow_look(f, self);
    if (rc != -EAGAIN) {
        return rc;
    }
    rv_steer_turn(&rv_io_of(self->runtime)->steer, f->multi.slot, f->multi.fd, self->runtime);
    if (f->bulk > 0 || is_elsewhere(f, f->multi.uring)) {
        rv_multi_end(&f->multi);
    }
    bool has_timer = deadline_ns != INT64_MAX;
    if (has_timer) {
        rv_heap_node_init(&alarm.timer.node);
        int error = rv_timer_arm(&alarm.timer, deadline_ns, ring_alarm);
        if (error < 0) {
            return error;
        }
    }
    rc = wait_for_news(f, self, &alarm);
    if (has_timer) {
        rv_timer_disarm(&alarm.timer);
    }
    return rc;
}

bool rv_flow_start(struct rv_flow *f)
{
    const struct rv_uring *u = rv_uring_of(rv_current_worker());
    RV_ASSERT(f->held == 0, "a flow starts when all is read: its pieces are of one ring");
    bool may = !f->is_refused && f->bulk == 0 && u->buffers.data != NULL &&
               rv_buffers_suffice(&u->buffers) && !is_elsewhere(f, u);
    return may && rv_multi_start(&f->multi);
}

void rv_flow_note_plain(struct rv_flow *f, ssize_t n)
{
    if (n >= RV_BUFFER_BYTES) {
        f->bulk = RV_FLOW_CALM;
    } else if (f->bulk > 0) {
        f->bulk--;
    }
}

size_t rv_flow_copy(struct rv_flow *f, char *data, size_t n)
{
    struct rv_buffers *b = buffers_of(f);
    size_t done = 0;
    bool is_more = true;
    while (done < n && is_more) {
        rv_lock_acquire(&f->multi.lock);
        uint32_t id = f->first;
        is_more = f->held > 1;
        rv_lock_release(&f->multi.lock);
        size_t there = b->bytes[id] - f->offset;
        size_t taken = there < n - done ? there : n - done;
        memcpy(data + done, rv_buffers_at(b, id) + f->offset, taken);
        done += taken;
        f->offset += (uint32_t)taken;
        if (taken == there) {
            rv_buffers_give(b, pop(f));
        }
    }
    return done;
}

void rv_flow_take(struct rv_flow *f, struct rv_piece *piece)
{
    struct rv_buffers *b = buffers_of(f);
    size_t begin = f->offset;
    uint32_t id = pop(f);
    *piece = (struct rv_piece){.lender = b,
                               .id = id,
                               .data = rv_buffers_at(b, id),
                               .begin = begin,
                               .end = b->bytes[id]};
}

void rv_flow_nudge(struct rv_flow *f)
{
    if (f->is_on) {
        rv_multi_end(&f->multi);
    }
}

void rv_flow_end(struct rv_flow *f, struct rv_task *self)
{
    if (f->is_on) {
        rv_multi_wait_idle(&f->multi, self);
    }
}

void rv_flow_check(struct rv_flow *f)
{
    uint32_t n = 0;
    rv_lock_acquire(&f->multi.lock);
    for (uint32_t id = f->first; n < f->held; id = buffers_of(f)->next[id]) {
        RV_CHECK(id < RV_BUFFER_COUNT, "a piece is one of the ring's buffers");
        n++;
        RV_CHECK(n < f->held || id == f->last, "the last piece is the last of the list");
    }
    RV_CHECK(f->is_on || (f->held == 0 && rv_multi_is_idle(&f->multi)),
             "a descriptor that cannot have a flow has none");
    rv_lock_release(&f->multi.lock);
}
