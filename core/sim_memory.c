// SPDX-License-Identifier: MIT
/*
 * Purpose: the memory of a simulation, core/sim_memory.h.
 *
 *     base      stacks of the virtual threads | blocks, growing | pages, growing
 *
 *          A block has a header of 16 bytes with its size class and size. Freed blocks of a class
 *          are linked through the header, so that all bytes behind it can be painted.
 */
#include "core/sim_memory.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/check.h"
#include "core/sim.h"

#if RV_ASAN
#include <sanitizer/asan_interface.h>
#define hide(addr, bytes) ASAN_POISON_MEMORY_REGION(addr, bytes)
#define show(addr, bytes) ASAN_UNPOISON_MEMORY_REGION(addr, bytes)
#else
#define hide(addr, bytes) ((void)(addr), (void)(bytes))
#define show(addr, bytes) ((void)(addr), (void)(bytes))
#endif

#define RANGE_AT ((uintptr_t)0x200000000000) /* arbitrary: nobody else's in practice */
#define STACK_BYTES ((size_t)256 * 1024)
#define STACKS_BYTES (RV_SIM_THREADS * STACK_BYTES)
#define BLOCKS_BYTES ((size_t)1 << 30)
#define PAGE_BYTES ((size_t)4096)
#define PAGES_BYTES ((size_t)64 << 30)
#define KEPT_BYTES ((size_t)64 << 20) /* of pages; arbitrary */
#define CLEARED_BYTES ((size_t)256 << 10) /* of blocks; arbitrary */
#define CPUS 2 /* arbitrary */
#define RANGE_BYTES (STACKS_BYTES + BLOCKS_BYTES + PAGES_BYTES)
#define CLASSES 40
#define PAINT 0xdb
#define PAINT_MAX 1024 /* of each freed block; the simulation is not to be slow */

struct block {
    uint32_t class;      /* 1 << class bytes, header included */
    uint32_t is_used;
    union {
        size_t bytes;        /* used: as asked for */
        struct block *next;  /* free */
    };
};

_Static_assert(sizeof(struct block) == 16, "blocks keep the alignment of malloc");

static struct {
    char *range;
    size_t blocks_used, pages_used; /* cut off so far */
    size_t blocks_live, pages_live; /* and not given back */
    struct block *free[CLASSES];
} memory;

static char *blocks_at(void)
{
    return memory.range + STACKS_BYTES;
}

static char *pages_at(void)
{
    return memory.range + STACKS_BYTES + BLOCKS_BYTES;
}

/* As new, for the next run. */
static void clear_blocks(void)
{
    if (memory.blocks_used <= CLEARED_BYTES)
        memset(blocks_at(), 0, memory.blocks_used);
    else
        (void)madvise(blocks_at(), memory.blocks_used, MADV_DONTNEED);
}

int rv_sim_memory_reset(void)
{
    char *range = memory.range;

    if (range == NULL) {
        range = mmap((void *)RANGE_AT, RANGE_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (range != (char *)RANGE_AT)
            return -ENOMEM;
        (void)madvise(range, RANGE_BYTES, MADV_NOHUGEPAGE);
    } else {
        show(blocks_at(), memory.blocks_used); /* stacks: when they are handed out */
        show(pages_at(), memory.pages_used);
        clear_blocks();
        (void)madvise(pages_at(), memory.pages_used, MADV_DONTNEED);
    }
    memset(&memory, 0, sizeof(memory));
    memory.range = range;
    return 0;
}

void *rv_sim_memory_stack(unsigned i, size_t *bytes)
{
    *bytes = STACK_BYTES;
    show(memory.range + i * STACK_BYTES, STACK_BYTES);
    return memory.range + i * STACK_BYTES;
}

static size_t painted_bytes(const struct block *b)
{
    size_t bytes = ((size_t)1 << b->class) - sizeof(*b);
    return bytes < PAINT_MAX ? bytes : PAINT_MAX;
}

static void check_paint(struct block *b)
{
    const unsigned char *at = (const unsigned char *)(b + 1);
    size_t n = painted_bytes(b);

    show(b + 1, ((size_t)1 << b->class) - sizeof(*b));
    for (size_t i = 0; i < n; i++)
        RV_CHECK(at[i] == PAINT, "byte %zu of a freed block at %p was written to", i,
                 (const void *)at);
}

void *rv_sim_malloc(size_t bytes)
{
    uint32_t class = 5;
    struct block *b;

    while (((size_t)1 << class) < bytes + sizeof(*b))
        class++;
    b = memory.free[class];
    if (b != NULL) {
        memory.free[class] = b->next;
        check_paint(b);
    } else {
        RV_CHECK(memory.blocks_used + ((size_t)1 << class) <= BLOCKS_BYTES,
                 "the simulation's blocks fit their range");
        b = (struct block *)(void *)(blocks_at() + memory.blocks_used);
        memory.blocks_used += (size_t)1 << class;
    }
    *b = (struct block){.class = class, .is_used = 1, .bytes = bytes};
    memory.blocks_live += bytes;
    return b + 1;
}

void rv_sim_free(void *block)
{
    struct block *b;

    if (block == NULL)
        return;
    b = (struct block *)block - 1;
    RV_CHECK(b->is_used == 1 && b->class < CLASSES, "what is freed at %p is a block in use", block);
    memory.blocks_live -= b->bytes;
    b->is_used = 0;
    memset(block, PAINT, painted_bytes(b));
    b->next = memory.free[b->class];
    memory.free[b->class] = b;
    hide(block, ((size_t)1 << b->class) - sizeof(*b));
}

void *rv_sim_calloc(size_t n, size_t each)
{
    char *before = blocks_at() + memory.blocks_used;
    void *block;

    if (each != 0 && n > SIZE_MAX / each)
        return NULL;
    block = rv_sim_malloc(n * each);
    if ((char *)block < before) /* what is cut off anew is zero */
        memset(block, 0, n * each);
    return block;
}

void *rv_sim_realloc(void *block, size_t bytes)
{
    void *grown = rv_sim_malloc(bytes);

    if (block != NULL) {
        size_t old = ((struct block *)block - 1)->bytes;
        memcpy(grown, block, old < bytes ? old : bytes);
        rv_sim_free(block);
    }
    return grown;
}

/* A block of a class is aligned to 16 bytes; a larger alignment is cut out of pages that stay. */
void *rv_sim_aligned_alloc(size_t alignment, size_t bytes)
{
    size_t at = memory.blocks_used + sizeof(struct block);
    size_t gap = (alignment - at % alignment) % alignment;
    uint32_t class = 5;

    while (((size_t)1 << class) < bytes + sizeof(struct block))
        class++;
    memory.blocks_used += gap;
    struct block *b = (struct block *)(void *)(blocks_at() + memory.blocks_used);
    memory.blocks_used += (size_t)1 << class;
    *b = (struct block){.class = class, .is_used = 1, .bytes = bytes};
    memory.blocks_live += bytes;
    return b + 1;
}

char *rv_sim_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(rv_sim_malloc(bytes), text, bytes);
}

void *rv_sim_map(size_t bytes)
{
    void *addr = pages_at() + memory.pages_used;

    if (bytes > PAGES_BYTES - memory.pages_used)
        return NULL;
    memory.pages_used += (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    memory.pages_live += bytes;
    return addr;
}

/* Nothing is mapped at the same place again, so most of it can wait for the next reset. */
void rv_sim_unmap(void *addr, size_t bytes)
{
    memory.pages_live -= bytes;
    if (memory.pages_used > KEPT_BYTES)
        (void)madvise(addr, bytes, MADV_DONTNEED);
    hide(addr, bytes);
}

void *rv_sim_mmap(RV_UNUSED void *addr, size_t bytes, RV_UNUSED int access, RV_UNUSED int flags,
                  RV_UNUSED int fd, RV_UNUSED off_t at)
{
    void *pages = rv_sim_map(bytes);
    return pages == NULL ? MAP_FAILED : pages;
}

int rv_sim_munmap(void *addr, size_t bytes)
{
    rv_sim_unmap(addr, bytes);
    return 0;
}

int rv_sim_madvise(RV_UNUSED void *addr, RV_UNUSED size_t bytes, RV_UNUSED int advice)
{
    return 0;
}

long rv_sim_sysconf(int name)
{
    RV_CHECK(name == _SC_NPROCESSORS_CONF, "the library asks for nothing else");
    return CPUS;
}

size_t rv_sim_memory_blocks(void)
{
    return memory.blocks_live;
}

size_t rv_sim_memory_pages(void)
{
    return memory.pages_live;
}
