// SPDX-License-Identifier: MIT
/*
 * Purpose: models of core/block.c: who walks all blocks while one more slab comes; a pool that dies
 *          with the last block that is given back.
 *
 * Idea: chunks of a page and slabs of a chunk, so that one block more is one slab more. What a walk
 * finds of a slab must be whole, for it takes no lock.
 *
 * Threads: any.
 */
#include "double.h"

#include "core/block.h"

#define BLOCK_BYTES (RV_BLOCK_CHUNK / 16)
#define PER_SLAB    15u /* what is left of a chunk behind the pool's address */

static struct rv_block_pool *pool;
static void *blocks[PER_SLAB + 2];

/* The first slab is used up. */
static void setup(void)
{
    rv_double_map_afresh();
    RV_MODEL_CHECK(rv_block_pool_create(BLOCK_BYTES, &pool) == 0, "memory");
    for (unsigned i = 0; i < PER_SLAB; i++) {
        blocks[i] = rv_block_alloc_remote(pool);
    }
    blocks[PER_SLAB] = blocks[PER_SLAB + 1] = NULL;
}

static void take_one(void)
{
    unsigned i = PER_SLAB + rv_model_self() - 1;
    blocks[i] = rv_block_alloc_remote(pool);
    RV_MODEL_CHECK(blocks[i] != NULL, "memory");
}

static void visit(void)
{
    unsigned n = 0;
    rv_block_pool_for_each(pool, rv_double_count_block, &n);
    RV_MODEL_CHECK(n >= PER_SLAB && n <= PER_SLAB + 2, "each carved block once");
}

static void finish(void)
{
    rv_block_pool_check(pool);
    for (unsigned i = 0; i < PER_SLAB + 2; i++) {
        if (blocks[i] != NULL) {
            rv_block_free_remote(blocks[i]);
        }
    }
    rv_block_pool_release(pool);
}

/* Two blocks are out, the pool has been let go: the second to come back ends it. */
static void setup_released(void)
{
    rv_double_map_afresh();
    RV_MODEL_CHECK(rv_block_pool_create(BLOCK_BYTES, &pool) == 0, "memory");
    blocks[0] = rv_block_alloc_remote(pool);
    blocks[1] = rv_block_alloc_remote(pool);
}

static void give_first(void)
{
    rv_block_free_remote(blocks[0]);
}

static void give_second(void)
{
    rv_block_free_remote(blocks[1]);
}

static void let_go(void)
{
    rv_block_pool_release(pool);
}

static void finish_released(void)
{
}

static const struct rv_model models[] = {
    {"block/for_each", setup, {take_one, visit}, finish, 0},
    {"block/two_take", setup, {take_one, take_one, visit}, finish, 0},
    {"block/release", setup_released, {give_first, give_second, let_go}, finish_released, 0},
};

const struct rv_model_list rv_models_block = {models, sizeof models / sizeof models[0]};
