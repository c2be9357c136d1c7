// SPDX-License-Identifier: MIT
/*
 * Purpose: models of core/stack_slab.c: who looks at all stacks while one more slab comes.
 *
 * Idea: one thread maps, appends and carves, under the lock as the pool does; the others read the
 * directory without. What they find of a slab must be whole.
 *
 * Threads: 1 appends; the others look.
 */
#include "double.h"

#include "core/lock.h"
#include "core/os.h"
#include "core/stack_slab.h"

#define BLOCK_BYTES 256u
#define STACK_OFFSET 128u

static struct rv_stack_slabs slabs;
static struct rv_lock lock;
static RV_ATOMIC(void *) handed; /* a block of the new slab */

size_t rv_os_page_size(void)
{
    return 4096;
}

size_t rv_os_max_mappings(void)
{
    return 65536;
}

size_t rv_os_resident(void *addr, size_t bytes)
{
    return addr == NULL ? 0 : bytes;
}

static void add_slab(void)
{
    uint32_t count = 2;
    struct rv_stack_slab *slab = rv_stack_slab_create(&slabs, 2 * slabs.slot_bytes);
    RV_MODEL_CHECK(slab != NULL, "memory");
    rv_lock_acquire(&lock);
    RV_MODEL_CHECK(rv_stack_slab_append_locked(&slabs, slab), "room");
    rv_stack_name name = rv_stack_slab_carve_locked(&slabs, &count);
    rv_lock_release(&lock);
    RV_MODEL_CHECK(count == 2, "a slab of two");
    rv_store_relaxed(&handed, rv_stack_slab_init_slot(&slabs, name));
}

static void setup(void)
{
    rv_double_map_afresh();
    RV_MODEL_CHECK(rv_stack_slab_init(&slabs, NULL, RV_STACK_MIN_BYTES, BLOCK_BYTES,
                                      STACK_OFFSET) == 0, "memory");
    rv_lock_init(&lock);
    add_slab();
    rv_store_relaxed(&handed, NULL);
}

static void visit(void)
{
    unsigned n = 0;
    rv_stack_slab_for_each(&slabs, rv_double_count_block, &n);
    RV_MODEL_CHECK(n >= 2 && n <= 4, "each carved slot once");
}

/* As the handler of a fault, for the stack it stands on: that one is always found. */
static void find(void)
{
    int is_guard = 0;
    const char *stack;
    while ((stack = rv_load_relaxed(&handed)) == NULL) {
        rv_cpu_relax();
    }
    void *found = rv_stack_slab_find(&slabs, stack, &is_guard);
    RV_MODEL_CHECK(found == NULL || found == stack - STACK_OFFSET, "the block around it");
}

static void measure(void)
{
    size_t bytes = rv_stack_slab_resident_all(&slabs);
    RV_MODEL_CHECK(bytes >= 2 * slabs.slot_bytes && bytes <= 4 * slabs.slot_bytes, "all carved");
}

static void finish(void)
{
    rv_stack_slab_check_locked(&slabs);
    rv_stack_slab_fini(&slabs);
}

static const struct rv_model models[] = {
    {"stack/for_each", setup, {add_slab, visit}, finish, 0},
    {"stack/find", setup, {add_slab, find}, finish, 0},
    {"stack/resident", setup, {add_slab, measure}, finish, 0},
    {"stack/two_look", setup, {add_slab, visit, measure}, finish, 0},
};

const struct rv_model_list rv_models_stack = {models, sizeof models / sizeof models[0]};
