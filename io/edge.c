// SPDX-License-Identifier: MIT
/*
 * Purpose: sockets that are registered once, io/edge.h.
 */
#include "io/edge.h"

#include "core/check.h"
#include "core/clock.h"
#include "sched/current.h"
#include "sched/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ALL_EVENTS (EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | (uint32_t)EPOLLET)
#define ODD_EVENTS (EPOLLPRI | EPOLLRDHUP | EPOLLERR | EPOLLHUP)

/* It takes what the edges tell of, and nothing else. */
static bool fits(const struct rv_op *op)
{
    bool is_send = op->kind == RV_OP_SEND || op->kind == RV_OP_SENDMSG;
    return is_send || ((op->kind == RV_OP_RECV || op->kind == RV_OP_RECVMSG) && op->flags == 0);
}

/* A layer above TCP, as the kernel's TLS, has ends of reads that do not mean it is empty. */
static bool is_plain_tcp(int fd)
{
    int protocol = 0;
    char layer[16] = "";
    socklen_t len = sizeof(protocol);
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0 || protocol != IPPROTO_TCP) {
        return false;
    }
    len = sizeof(layer);
    return getsockopt(fd, IPPROTO_TCP, TCP_ULP, layer, &len) < 0 || layer[0] == '\0';
}

static int ask(const struct rv_epoll *e, int fd)
{
    struct epoll_event ev = {.events = ALL_EVENTS, .data.u64 = (uint32_t)fd};
    return epoll_ctl(e->set, EPOLL_CTL_MOD, fd, &ev);
}

/* Slot locked: this worker will look after it. */
static void list(struct rv_epoll *e, struct rv_fd_slot *slot)
{
    struct rv_edges *edges = &e->edges[rv_current_worker()->idx];
    slot->edge_waits++;
    if (!slot->is_listed) {
        slot->is_listed = true;
        slot->edge_waits_seen = slot->edge_waits - 1;
        slot->next_edge = edges->first;
        edges->first = slot;
    }
}

int rv_edge_begin_wait(struct rv_epoll *e, struct rv_fd_slot *slot, const struct rv_op *op)
{
    uint32_t now = rv_load_relaxed(&slot->edge);
    if ((now & RV_EDGE_ON) == 0 || !fits(op) || rv_load_relaxed(&e->has_lied) != 0) {
        return -EAGAIN;
    }
    uint32_t wanted = rv_op_events(op) == EPOLLIN ? RV_EDGE_IN : RV_EDGE_OUT;
    if ((now & wanted) != 0) {
        return 1;
    }
    list(e, slot);
    return 0;
}

bool rv_edge_register(struct rv_epoll *e, struct rv_fd_slot *slot, int fd)
{
    if (!slot->is_registered || slot->edge_waits > RV_EDGE_AFTER) {
        return false;
    }
    if (++slot->edge_waits <= RV_EDGE_AFTER || rv_load_relaxed(&e->has_lied) != 0) {
        return false;
    }
    bool may = is_plain_tcp(fd); /* if not: never asked again of this file */
    for (const struct rv_op *op = slot->first; op != NULL; op = op->next) {
        may = may && fits(op);
    }
    if (!may || ask(e, fd) < 0) {
        return false;
    }
    uint32_t now = rv_load_relaxed(&slot->edge) & ~(RV_EDGE_EVENT - 1);
    /* Nothing is known yet: the first event, which comes at once if something is ready, tells. */
    rv_store_relaxed(&slot->edge, now | RV_EDGE_ON | RV_EDGE_IN | RV_EDGE_OUT);
    return true;
}

void rv_edge_leave(struct rv_fd_slot *slot)
{
    uint32_t now = rv_load_relaxed(&slot->edge);
    if (RV_UNLIKELY((now & RV_EDGE_ON) != 0)) {
        rv_store_relaxed(&slot->edge, now & ~(RV_EDGE_EVENT - 1));
        slot->edge_waits = 0;
    }
}

void rv_edge_close(struct rv_epoll *e, struct rv_fd_slot *slot, int fd)
{
    if ((rv_load_relaxed(&slot->edge) & RV_EDGE_ON) != 0) {
        (void)epoll_ctl(e->set, EPOLL_CTL_DEL, fd, NULL);
        slot->is_registered = false;
    }
    rv_edge_leave(slot);
}

bool rv_edge_take(struct rv_fd_slot *slot, uint32_t events)
{
    uint32_t before = rv_load_relaxed(&slot->edge);
    if ((before & RV_EDGE_ON) == 0) {
        return false;
    }
    uint32_t bits = ((events & EPOLLIN) != 0 ? RV_EDGE_IN : 0) |
                    ((events & EPOLLOUT) != 0 ? RV_EDGE_OUT : 0) |
                    ((events & ODD_EVENTS) != 0 ? RV_EDGE_ODD | RV_EDGE_IN | RV_EDGE_OUT : 0);
    uint32_t after;
    do {
        after = (before + RV_EDGE_EVENT) | bits;
        /* order: release E1. What made the event before its bits; pairs with rv_edge_look. */
    } while (!rv_cas_release(&slot->edge, &before, after));
    return true;
}

int64_t rv_edge_timeout(const struct rv_epoll *e, const struct rv_worker *w, int64_t deadline_ns)
{
    int64_t most_ns = e->edges[w->idx].first != NULL ? RV_EDGE_PERIOD_NS : -1;
    if (deadline_ns == INT64_MAX) {
        return most_ns;
    }
    int64_t left_ns = deadline_ns - rv_clock_now();
    left_ns = left_ns > 0 ? left_ns : 0;
    return most_ns >= 0 && most_ns < left_ns ? most_ns : left_ns;
}

/* Slot locked: true: it stays in the list. *released: waiters that are to try again. */
static bool look_at(struct rv_epoll *e, struct rv_fd_slot *slot, struct rv_op **released)
{
    const struct rv_op *op = slot->first;
    *released = NULL;
    if (op == NULL || (rv_load_relaxed(&slot->edge) & RV_EDGE_ON) == 0) {
        return false;
    }
    if (slot->edge_waits != slot->edge_waits_seen) {
        slot->edge_waits_seen = slot->edge_waits;
        return true;
    }
    if (ask(e, op->fd) < 0) {
        rv_store_relaxed(&e->has_lied, 1u);
        rv_edge_leave(slot);
        *released = rv_epoll_rearm(e, slot, op->fd);
    }
    return false;
}

unsigned rv_edge_sweep(struct rv_epoll *e, struct rv_worker *w, int64_t now_ns)
{
    struct rv_edges *edges = &e->edges[w->idx];
    unsigned woken = 0;
    if (RV_LIKELY(edges->first == NULL || now_ns < edges->sweep_ns)) {
        return 0;
    }
    edges->sweep_ns = now_ns + RV_EDGE_PERIOD_NS;
    struct rv_fd_slot **link = &edges->first;
    while (*link != NULL) {
        struct rv_fd_slot *slot = *link;
        struct rv_op *released;
        rv_lock_acquire(&slot->lock);
        bool stays = look_at(e, slot, &released);
        struct rv_fd_slot *next = slot->next_edge;
        slot->is_listed = stays;
        rv_lock_release(&slot->lock);
        if (stays) {
            link = &slot->next_edge;
        } else {
            *link = next;
        }
        woken += rv_epoll_complete(released, 0);
    }
    return woken;
}
