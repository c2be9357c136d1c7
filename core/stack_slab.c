// SPDX-License-Identifier: MIT
/*
 * Purpose: map slabs, carve slots, install guards, keep the list of trimmed slots.
 * Idea:    guards are installed when a slot is carved, not when its slab is mapped: 168 ns then,
 *          and page tables only for slots in use. A guard that cannot be had costs only itself: it
 *          is counted as a failure. A guard by mprotect costs two mappings; together they may use
 *          half of what the kernel allows the process, or nothing else could be mapped any more.
 *          S1: a slab is complete before it enters the directory, its count before readers look.
 * Threads: see the header.
 */
#include "core/stack_slab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/check.h"
#include "core/os.h"

/* Of all pools: the limit on mappings is the process's. */
static RV_ATOMIC(size_t) protected_total;

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

int rv_stack_slab_init(struct rv_stack_slabs *all, struct rv_stack_pool *pool, size_t stack_bytes,
                       size_t block_bytes, size_t stack_offset)
{
    size_t page = rv_os_page_size();
    size_t slot, block, overhead;

    if (stack_bytes > SIZE_MAX / 4 || block_bytes > SIZE_MAX / 4 ||
        stack_offset > block_bytes || block_bytes - stack_offset < sizeof(struct rv_stack))
        return -EINVAL;
    slot = round_up(stack_bytes < RV_STACK_MIN_BYTES ? RV_STACK_MIN_BYTES : stack_bytes, page);
    block = round_up(block_bytes, RV_CACHE_LINE);
    overhead = page + block + (size_t)(RV_STACK_COLOURS - 1) * RV_CACHE_LINE;
    if (overhead > slot / 2)
        return -EINVAL;
    memset(all, 0, sizeof(*all));
    all->directory = rv_os_map(RV_STACK_SLABS_MAX * sizeof(all->directory[0]));
    if (all->directory == NULL)
        return -ENOMEM;
    all->page_bytes = page;
    all->slot_bytes = slot;
    all->block_bytes = block;
    all->stack_offset = stack_offset;
    all->pool = pool;
    all->protect_limit = rv_os_max_mappings() / 4;
    all->trimmed_head = RV_STACK_LINK_END;
    return 0;
}

void rv_stack_slab_fini(struct rv_stack_slabs *all)
{
    for (uint32_t i = 0; i < rv_load_relaxed(&all->count); i++)
        rv_stack_slab_destroy(all, rv_load_relaxed(&all->directory[i]));
    rv_os_unmap((void *)all->directory, RV_STACK_SLABS_MAX * sizeof(all->directory[0]));
    (void)rv_fetch_sub_relaxed(&protected_total, rv_load_relaxed(&all->protected_count));
}

struct rv_stack_slab *rv_stack_slab_create(struct rv_stack_slabs *all, size_t bytes)
{
    size_t slots = bytes / all->slot_bytes;
    struct rv_stack_slab *slab;
    char *base = NULL;

    if (slots == 0)
        slots = 1;
    /* A limit on address space may leave room for a smaller slab. */
    for (;; slots = slots / 2) {
        base = rv_os_map(slots * all->slot_bytes);
        if (base != NULL || slots == 1)
            break;
    }
    if (base == NULL)
        return NULL;
    slab = calloc(1, sizeof(*slab) + slots * sizeof(slab->links[0]));
    if (slab == NULL) {
        rv_os_unmap(base, slots * all->slot_bytes);
        return NULL;
    }
    slab->base = base;
    slab->slots = (uint32_t)slots;
    return slab;
}

void rv_stack_slab_destroy(struct rv_stack_slabs *all, struct rv_stack_slab *slab)
{
    size_t bytes = slab->slots * all->slot_bytes;

#if RV_ASAN
    /* The next owner of this address range knows nothing of our poison. */
    __asan_unpoison_memory_region(slab->base, bytes);
#endif
    rv_os_unmap(slab->base, bytes);
    free(slab);
}

bool rv_stack_slab_append_locked(struct rv_stack_slabs *all, struct rv_stack_slab *slab)
{
    uint32_t count = rv_load_relaxed(&all->count);

    if (count == RV_STACK_SLABS_MAX)
        return false;
    slab->first_colour = (uint32_t)(all->mapped_bytes / all->slot_bytes % RV_STACK_COLOURS);
    rv_store_relaxed(&all->directory[count], slab);
    /* order: release S1. The slab before its number; pairs with rv_stack_slab_find. */
    rv_store_release(&all->count, count + 1);
    all->mapped_bytes += slab->slots * all->slot_bytes;
    return true;
}

size_t rv_stack_slab_next_bytes_locked(const struct rv_stack_slabs *all)
{
    size_t bytes = all->mapped_bytes;

    if (bytes < RV_STACK_SLAB_FIRST)
        return RV_STACK_SLAB_FIRST;
    return bytes < RV_STACK_SLAB_LAST ? bytes : RV_STACK_SLAB_LAST;
}

rv_stack_name rv_stack_slab_carve_locked(struct rv_stack_slabs *all, uint32_t *count)
{
    uint32_t slabs = rv_load_relaxed(&all->count);

    for (; all->current < slabs; all->current++) {
        struct rv_stack_slab *slab = rv_load_relaxed(&all->directory[all->current]);
        uint32_t carved = rv_load_relaxed(&slab->carved);
        uint32_t left = slab->slots - carved;

        if (left == 0)
            continue;
        if (*count > left)
            *count = left;
        rv_store_relaxed(&slab->carved, carved + *count);
        all->carved += *count;
        return rv_stack_slab_name(all->current, carved);
    }
    *count = 0;
    return 0;
}

static struct rv_stack_slab *slab_of(struct rv_stack_slabs *all, rv_stack_name name)
{
    return rv_load_relaxed(&all->directory[name >> 32]);
}

static char *slot_of(struct rv_stack_slabs *all, rv_stack_name name)
{
    return slab_of(all, name)->base + (uint32_t)name * all->slot_bytes;
}

static RV_ATOMIC(uint64_t) *link_of(struct rv_stack_slabs *all, rv_stack_name name)
{
    return &slab_of(all, name)->links[(uint32_t)name];
}

uint32_t rv_stack_slab_untrim_locked(struct rv_stack_slabs *all, rv_stack_name *names,
                                     uint32_t max)
{
    uint32_t count = 0;

    while (count < max && all->trimmed_head != RV_STACK_LINK_END) {
        rv_stack_name name = all->trimmed_head - 1;
        RV_ATOMIC(uint64_t) *link = link_of(all, name);

        all->trimmed_head = rv_load_relaxed(link);
        rv_store_relaxed(link, 0u);
        names[count++] = name;
    }
    all->trimmed -= count;
    return count;
}

void rv_stack_slab_trim_locked(struct rv_stack_slabs *all, rv_stack_name name)
{
    RV_CHECK(rv_load_relaxed(link_of(all, name)) == 0, "a slot is trimmed once");
    rv_store_relaxed(link_of(all, name), all->trimmed_head);
    all->trimmed_head = name + 1;
    all->trimmed++;
}

static bool protect(struct rv_stack_slabs *all, char *slot)
{
    if (rv_fetch_add_relaxed(&protected_total, (size_t)1) < all->protect_limit &&
        rv_os_protect_none(slot, all->page_bytes) == 0) {
        (void)rv_fetch_add_relaxed(&all->protected_count, (size_t)1);
        return true;
    }
    (void)rv_fetch_sub_relaxed(&protected_total, (size_t)1);
    return false;
}

static void install_guards(struct rv_stack_slabs *all, char *slot, uint32_t count)
{
    uint32_t guard = rv_load_relaxed(&all->guard);
    uint32_t done = 0;

    if (guard == RV_STACK_GUARD_NONE)
        return;
    if (guard == RV_STACK_GUARD_MADVISE) {
        done = rv_os_guard_install_strided(slot, all->page_bytes, all->slot_bytes, count);
        if (done < count)
            rv_store_relaxed(&all->guard, (uint32_t)RV_STACK_GUARD_MPROTECT);
    }
    for (; done < count; done++)
        if (!protect(all, slot + done * all->slot_bytes))
            (void)rv_fetch_add_relaxed(&all->guard_failures, (size_t)1);
}

void rv_stack_slab_prepare(struct rv_stack_slabs *all, rv_stack_name first, uint32_t count)
{
    char *slot = slot_of(all, first);

    install_guards(all, slot, count);
    /* Measured: 1.3 us a slot for both together, against 1.7 for a guard and a page fault each. */
    rv_os_populate_strided(slot + all->slot_bytes - all->page_bytes, all->page_bytes,
                           all->slot_bytes, count);
}

static char *block_of(const struct rv_stack_slabs *all, const struct rv_stack_slab *slab,
                      uint32_t slot_idx)
{
    uint32_t colour = (slab->first_colour + slot_idx) % RV_STACK_COLOURS;
    char *slot_end = slab->base + (slot_idx + 1) * all->slot_bytes;

    return slot_end - (size_t)colour * RV_CACHE_LINE - all->block_bytes;
}

struct rv_stack *rv_stack_slab_init_slot(struct rv_stack_slabs *all, rv_stack_name name)
{
    char *slot = slot_of(all, name);
    char *block = block_of(all, slab_of(all, name), (uint32_t)name);
    struct rv_stack *s = (struct rv_stack *)(void *)(block + all->stack_offset);

    s->batch = NULL;
    s->low = slot + all->page_bytes;
    s->high = block;
    s->pool = all->pool;
    s->slab_idx = (uint32_t)(name >> 32);
    s->slot_idx = (uint32_t)name;
    return s;
}

size_t rv_stack_slab_resident(struct rv_stack_slabs *all, rv_stack_name name)
{
    return rv_os_resident(slot_of(all, name) + all->page_bytes,
                          all->slot_bytes - all->page_bytes);
}

int rv_stack_slab_discard(struct rv_stack_slabs *all, rv_stack_name name)
{
    return rv_os_discard(slot_of(all, name) + all->page_bytes, all->slot_bytes - all->page_bytes);
}

size_t rv_stack_slab_resident_all(struct rv_stack_slabs *all)
{
    /* order: acquire S1. The slab before its number; pairs with rv_stack_slab_append_locked. */
    uint32_t count = rv_load_acquire(&all->count);
    size_t bytes = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct rv_stack_slab *slab = rv_load_relaxed(&all->directory[i]);

        bytes += rv_os_resident(slab->base, rv_load_relaxed(&slab->carved) * all->slot_bytes);
    }
    return bytes;
}

void rv_stack_slab_for_each(struct rv_stack_slabs *all, void (*visit)(void *block, void *ctx),
                            void *ctx)
{
    /* order: acquire S1. The slabs below the number; pairs with rv_stack_slab_append_locked. */
    uint32_t slabs = rv_load_acquire(&all->count);

    for (uint32_t i = 0; i < slabs; i++) {
        struct rv_stack_slab *slab = rv_load_relaxed(&all->directory[i]);
        uint32_t carved = rv_load_relaxed(&slab->carved);

        /* A slot carved this moment, or trimmed this moment, is a block of zeroes. */
        for (uint32_t slot = 0; slot < carved; slot++) {
            if (rv_load_relaxed(&slab->links[slot]) == 0)
                visit(block_of(all, slab, slot), ctx);
        }
    }
}

void *rv_stack_slab_find(struct rv_stack_slabs *all, const void *addr, int *is_guard)
{
    /* order: acquire S1. The slabs below the number; pairs with rv_stack_slab_append_locked. */
    uint32_t slabs = rv_load_acquire(&all->count);

    for (uint32_t i = 0; i < slabs; i++) {
        struct rv_stack_slab *slab = rv_load_relaxed(&all->directory[i]);
        size_t offset = (uintptr_t)addr - (uintptr_t)slab->base;
        size_t slot = offset / all->slot_bytes;

        if ((uintptr_t)addr < (uintptr_t)slab->base || slot >= rv_load_relaxed(&slab->carved))
            continue;
        *is_guard = offset % all->slot_bytes < all->page_bytes;
        return block_of(all, slab, (uint32_t)slot);
    }
    return NULL;
}

void rv_stack_slab_check_locked(struct rv_stack_slabs *all)
{
    size_t carved = 0, marked = 0, listed = 0;

    for (uint32_t i = 0; i < rv_load_relaxed(&all->count); i++) {
        struct rv_stack_slab *slab = rv_load_relaxed(&all->directory[i]);
        uint32_t slots = rv_load_relaxed(&slab->carved);

        RV_CHECK(slots <= slab->slots, "slab %u: %u of %u slots carved", i, slots, slab->slots);
        carved += slots;
        for (uint32_t slot = 0; slot < slab->slots; slot++)
            marked += rv_load_relaxed(&slab->links[slot]) != 0;
    }
    for (uint64_t link = all->trimmed_head; link != RV_STACK_LINK_END; listed++)
        link = rv_load_relaxed(link_of(all, link - 1));
    RV_CHECK(carved == all->carved, "the slabs' counts add up");
    RV_CHECK(listed == all->trimmed, "%zu slots listed, %zu counted", listed, all->trimmed);
    RV_CHECK(marked == all->trimmed, "%zu slots marked, %zu counted", marked, all->trimmed);
}
