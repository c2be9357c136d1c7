// SPDX-License-Identifier: MIT
/*
 * Purpose: the table of descriptor numbers, io/fdtab.h.
 *
 * The count and the closer are two sides of one question, so both use sequentially consistent
 * operations: either the last operation to leave sees the closer, or the closer sees the count.
 */
#include "io/fdtab.h"

#include "core/check.h"
#include "core/os.h"
#include "sched/suspend.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEAR_BYTES (RV_FDTAB_NEAR * sizeof(struct rv_fd_slot))

int rv_fdtab_init(struct rv_fdtab *tab)
{
    rv_store_relaxed(&tab->end, 0);
    tab->chunks = calloc(RV_FDTAB_CHUNKS, sizeof(*tab->chunks));
    tab->near = tab->chunks == NULL ? NULL : rv_os_map(NEAR_BYTES);
    if (tab->near == NULL) {
        free(tab->chunks);
        tab->chunks = NULL;
        return -ENOMEM;
    }
    return 0;
}

void rv_fdtab_fini(struct rv_fdtab *tab)
{
    if (tab->chunks == NULL) {
        return;
    }
    rv_os_unmap(tab->near, NEAR_BYTES);
    for (size_t i = 0; i < rv_load_relaxed(&tab->end); i++) {
        free(rv_load_relaxed(&tab->chunks[i]));
    }
    free(tab->chunks);
    tab->chunks = NULL;
}

RV_NOINLINE struct rv_fd_slot *rv_fdtab_find_far(struct rv_fdtab *tab, int fd)
{
    size_t chunk = (size_t)fd / RV_FDTAB_CHUNK; /* of a negative one: beyond the table */
    if (chunk >= RV_FDTAB_CHUNKS) {
        return NULL;
    }
    /* order: acquire J1. The zeroed slots before the pointer; pairs with make_chunk. */
    struct rv_fd_slot *slots = rv_load_acquire(&tab->chunks[chunk]);
    return slots == NULL ? NULL : &slots[(size_t)fd % RV_FDTAB_CHUNK];
}

static RV_NOINLINE bool make_chunk(struct rv_fdtab *tab, size_t chunk)
{
    struct rv_fd_slot *fresh = calloc(RV_FDTAB_CHUNK, sizeof(*fresh));
    if (fresh == NULL) {
        return false;
    }
    struct rv_fd_slot *none = NULL;
    /* order: acq_rel J1. The zeroed slots before the pointer; pairs with rv_fdtab_find_far. */
    if (!rv_cas_acq_rel(&tab->chunks[chunk], &none, fresh)) {
        free(fresh);
        return true;
    }
    size_t end = rv_load_relaxed(&tab->end);
    while (end <= chunk && !rv_cas_weak_relaxed(&tab->end, &end, chunk + 1)) {
    }
    return true;
}

struct rv_fd_slot *rv_fdtab_get(struct rv_fdtab *tab, int fd, int *error)
{
    struct rv_fd_slot *slot = rv_fdtab_find(tab, fd);
    if (RV_LIKELY(slot != NULL)) {
        return slot;
    }
    size_t chunk = (size_t)fd / RV_FDTAB_CHUNK;
    if (fd < 0 || chunk >= RV_FDTAB_CHUNKS) {
        *error = -EBADF;
        return NULL;
    }
    if (!make_chunk(tab, chunk)) {
        *error = -ENOMEM;
        return NULL;
    }
    return rv_fdtab_find(tab, fd);
}

/* Counted in. If the marks are gone by now, the number is the next file's, and so are we: a closer
 * that is not FINAL waits for us, so they cannot go before we leave. */
RV_NOINLINE int rv_fd_enter_slow(struct rv_fd_slot *slot)
{
    /* order: seq_cst J2. As in rv_fd_enter. */
    uint32_t users = rv_load_seq_cst(&slot->users);
    while ((users & (RV_FD_CLOSING | RV_FD_FINAL)) != 0) {
        rv_fd_leave(slot);
        if ((users & RV_FD_FINAL) == 0) {
            return -EBADF;
        }
        rv_os_sched_yield();
        /* order: seq_cst J2. As in rv_fd_enter. */
        users = rv_fetch_add_seq_cst(&slot->users, 1);
    }
    return 0;
}

/* Counted out. Whoever left last sees 0, unless somebody came since, who leaves later. */
RV_NOINLINE void rv_fd_leave_slow(struct rv_fd_slot *slot)
{
    /* order: seq_cst J3. As in rv_fd_leave. A closer that is gone is woken for nothing. */
    bool is_last = (rv_load_seq_cst(&slot->users) & RV_FD_COUNT) == 0;
    struct rv_task *closer = is_last ? rv_load_seq_cst(&slot->closer) : NULL;
    if (closer != NULL) {
        rv_wake(closer);
    }
}

bool rv_fd_close_begin(struct rv_fd_slot *slot, struct rv_task *closer)
{
    uint32_t users = rv_load_relaxed(&slot->users);
    do {
        while ((users & RV_FD_FINAL) != 0) { /* of the file before: the number is another's now */
            rv_os_sched_yield();
            users = rv_load_relaxed(&slot->users);
        }
        if ((users & RV_FD_CLOSING) != 0) {
            return false;
        }
        /* order: seq_cst J2. CLOSING before the count is read; pairs with rv_fd_enter. */
    } while (!rv_cas_seq_cst(&slot->users, &users, users | RV_FD_CLOSING));
    /* order: seq_cst J3. The closer before the count is read; pairs with rv_fd_leave. */
    rv_store_seq_cst(&slot->closer, closer);
    return true;
}

uint32_t rv_fd_close_pending(const struct rv_fd_slot *slot)
{
    /* order: seq_cst J3. After CLOSING and the closer; pairs with rv_fd_enter and rv_fd_leave. */
    return rv_load_seq_cst(&slot->users) & RV_FD_COUNT;
}

void rv_fd_close_final(struct rv_fd_slot *slot)
{
    /* order: seq_cst J2. FINAL before close(2); pairs with rv_fd_enter. */
    uint32_t before = rv_fetch_or_seq_cst(&slot->users, RV_FD_FINAL);
    RV_ASSERT((before & RV_FD_CLOSING) != 0, "final comes after closing");
    rv_lock_acquire(&slot->lock);
    RV_ASSERT(slot->first == NULL, "nobody waits on a descriptor with no operation in flight");
    slot->is_registered = false;
    slot->edge_waits = 0;
    RV_ASSERT((rv_load_relaxed(&slot->edge) & 1) == 0, "edges end before their descriptor does");
    rv_lock_release(&slot->lock);
    rv_store_relaxed(&slot->type, RV_FD_UNKNOWN); /* right after close(2) it may be another's */
}

void rv_fd_close_end(struct rv_fd_slot *slot)
{
    rv_store_relaxed(&slot->type, RV_FD_UNKNOWN);
    rv_store_relaxed(&slot->send_waits, 0);
    rv_store_relaxed(&slot->turns, 0);
    rv_store_relaxed(&slot->home, 0);
    /* order: seq_cst J3. Withdrawn before the marks; pairs with rv_fd_leave. */
    rv_store_seq_cst(&slot->closer, NULL);
    /* order: seq_cst J2. close(2) before the number is free again; pairs with rv_fd_enter. */
    uint32_t before = rv_fetch_and_seq_cst(&slot->users, RV_FD_COUNT);
    RV_ASSERT((before & RV_FD_CLOSING) != 0, "a closer ends once");
}

enum rv_fd_type rv_fd_type_of(const struct stat *st)
{
    if (S_ISFIFO(st->st_mode)) {
        return RV_FD_FIFO;
    }
    if (S_ISCHR(st->st_mode)) {
        return RV_FD_UNKNOWN;
    }
    return S_ISREG(st->st_mode) || S_ISBLK(st->st_mode) ? RV_FD_FILE : RV_FD_OTHER;
}

enum rv_fd_type rv_fd_type(struct rv_fd_slot *slot, int fd)
{
    enum rv_fd_type type = (enum rv_fd_type)rv_load_relaxed(&slot->type);
    if (RV_LIKELY(type != RV_FD_UNKNOWN)) {
        return type;
    }
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return RV_FD_OTHER; /* and not noted: the next file of this number may be of any type */
    }
    type = rv_fd_type_of(&st);
    if (type == RV_FD_UNKNOWN) {
        type = isatty(fd) == 1 ? RV_FD_TERMINAL : RV_FD_OTHER;
    }
    rv_store_relaxed(&slot->type, type);
    return type;
}

enum rv_fd_type rv_fd_type_anew(struct rv_fd_slot *slot, int fd)
{
    enum rv_fd_type type = rv_fd_type(slot, fd);
    if (type != RV_FD_FILE) {
        return type;
    }
    rv_store_relaxed(&slot->type, RV_FD_UNKNOWN);
    return rv_fd_type(slot, fd);
}

enum rv_fd_type rv_fd_type_before(struct rv_fd_slot *slot, int fd)
{
    enum rv_fd_type type = (enum rv_fd_type)rv_load_relaxed(&slot->type);
    if (type == RV_FD_UNKNOWN && rv_fd_enter(slot) == 0) {
        type = rv_fd_type(slot, fd);
        rv_fd_leave(slot);
    }
    return type;
}

void rv_fd_check(const struct rv_fd_slot *slot)
{
    uint32_t users = rv_load_relaxed(&slot->users);
    if ((users & RV_FD_FINAL) != 0) {
        RV_CHECK((users & RV_FD_CLOSING) != 0, "final implies closing");
    }
    RV_CHECK((slot->first == NULL) == (slot->last == NULL), "a list has two ends or none");
}
