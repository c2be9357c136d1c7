// SPDX-License-Identifier: MIT
/*
 * Purpose: where stack slots come from: slabs of address space, guards, the list of trimmed slots.
 * Idea:    a directory of slabs that only grows, so readers need no lock. A slab's side array has a
 *          word a slot: 0 while resident, else the link of the list of trimmed slots; it lies
 *          outside the slot, so remembering a trimmed slot does not bring its pages back.
 * Threads: functions named _locked under the pool's lock; create, init_slot and discard by whoever
 *          holds the slots; for_each and find by any.
 */
#ifndef RV_CORE_STACK_SLAB_H
#define RV_CORE_STACK_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/atomic.h"
#include "core/stack.h"

#ifndef RV_STACK_SLABS_MAX
#define RV_STACK_SLABS_MAX 65536u /* models make do with few */
#endif
#define RV_STACK_SLAB_FIRST ((size_t)1 << 20) /* bytes of the first slab; each next is twice that */
#define RV_STACK_SLAB_LAST ((size_t)64 << 20) /* ... up to this; both arbitrary */
#define RV_STACK_COLOURS 32u
#define RV_STACK_LINK_END UINT64_MAX

/* A slot's name: slab index in the high half, slot index in the low. A link is a name plus one. */
typedef uint64_t rv_stack_name;

struct rv_stack_slab {
    char *base;
    uint32_t slots;
    uint32_t first_colour; /* slots of all slabs before: colours go on where they ended */
    RV_ATOMIC(uint32_t) carved; /* slots [0, carved) were handed out at least once */
    RV_ATOMIC(uint64_t) links[];
};

struct rv_stack_slabs {
    /* constant after init */
    size_t page_bytes;
    size_t slot_bytes;
    size_t block_bytes; /* rounded to cache lines */
    size_t stack_offset;
    struct rv_stack_pool *pool;
    size_t protect_limit; /* guards by mprotect, of all pools */
    RV_ATOMIC(struct rv_stack_slab *) *directory;
    /* written under the pool's lock, read by any */
    RV_ATOMIC(uint32_t) count;
    /* under the pool's lock */
    uint32_t current;    /* first slab with slots not carved yet */
    size_t mapped_bytes;
    size_t carved;       /* slots in all slabs */
    size_t trimmed;      /* slots in the list */
    uint64_t trimmed_head;
    /* any thread */
    RV_ATOMIC(uint32_t) guard; /* enum rv_stack_guard: the best way that works here */
    RV_ATOMIC(size_t) guard_failures;
    RV_ATOMIC(size_t) protected_count; /* guards by mprotect */
};

RV_WARN_UNUSED int rv_stack_slab_init(struct rv_stack_slabs *all, struct rv_stack_pool *pool,
                                      size_t stack_bytes, size_t block_bytes, size_t stack_offset);
void rv_stack_slab_fini(struct rv_stack_slabs *all);

/* Maps a slab of about `bytes` (less when the kernel refuses); NULL without memory. */
struct rv_stack_slab *rv_stack_slab_create(struct rv_stack_slabs *all, size_t bytes);
/* False when the directory is full. */
RV_WARN_UNUSED bool rv_stack_slab_append_locked(struct rv_stack_slabs *all,
                                                struct rv_stack_slab *slab);
void rv_stack_slab_destroy(struct rv_stack_slabs *all, struct rv_stack_slab *slab);
/* Size of the next slab in bytes. */
size_t rv_stack_slab_next_bytes_locked(const struct rv_stack_slabs *all);

/* Takes up to *count fresh slots, neighbours of one slab; the first one's name. *count 0: none. */
rv_stack_name rv_stack_slab_carve_locked(struct rv_stack_slabs *all, uint32_t *count);
/* Takes up to max trimmed slots into names; returns how many. */
uint32_t rv_stack_slab_untrim_locked(struct rv_stack_slabs *all, rv_stack_name *names,
                                     uint32_t max);
/* Puts one slot that rv_stack_slab_discard has emptied into the list. */
void rv_stack_slab_trim_locked(struct rv_stack_slabs *all, rv_stack_name name);

/* Guards for freshly carved neighbours, and their blocks' pages. */
void rv_stack_slab_prepare(struct rv_stack_slabs *all, rv_stack_name first, uint32_t count);
/* The slot's block gets its struct rv_stack. */
struct rv_stack *rv_stack_slab_init_slot(struct rv_stack_slabs *all, rv_stack_name name);
/* Bytes of the slot that are in memory, and giving them back. */
size_t rv_stack_slab_resident(struct rv_stack_slabs *all, rv_stack_name name);
RV_WARN_UNUSED int rv_stack_slab_discard(struct rv_stack_slabs *all, rv_stack_name name);

/* Bytes of all slots that are in memory. */
size_t rv_stack_slab_resident_all(struct rv_stack_slabs *all);
void rv_stack_slab_for_each(struct rv_stack_slabs *all, void (*visit)(void *block, void *ctx),
                            void *ctx);
void *rv_stack_slab_find(struct rv_stack_slabs *all, const void *addr, int *is_guard);
/* Under the lock: the list has `trimmed` slots, all marked. */
void rv_stack_slab_check_locked(struct rv_stack_slabs *all);

static inline rv_stack_name rv_stack_slab_name(uint32_t slab_idx, uint32_t slot_idx)
{
    return (uint64_t)slab_idx << 32 | slot_idx;
}

#endif
