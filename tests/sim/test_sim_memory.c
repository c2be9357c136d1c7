// SPDX-License-Identifier: MIT
/*
 * Purpose: core/sim_memory.h: the same addresses each time, zero where promised, counted, and a
 *          write to what was freed is found.
 */
#include "core/sim_memory.h"

#include "core/base.h"
#include "core/sim.h"
#include "support/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { BLOCKS = 60, MANY_BYTES = 100000000 };

static bool is_all(const void *at, size_t n, unsigned char value)
{
    const unsigned char *c = at;
    while (n > 0 && *c == value) {
        c++;
        n--;
    }
    return n == 0;
}

/* Goal: blocks of any size are apart, aligned, counted to the byte, and used again last first. */
static void test_sim_memory_blocks_are_counted(void **state)
{
    void *blocks[BLOCKS];
    size_t all = 0;
    (void)state;
    assert_int_equal(rv_sim_memory_reset(), 0);
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t bytes = i * i;
        blocks[i] = rv_sim_malloc(bytes);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, bytes);
        all += bytes;
        assert_int_equal(rv_sim_memory_blocks(), all);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        assert_true(is_all(blocks[i], i * i, (unsigned char)i));
    rv_sim_free(blocks[7]);
    rv_sim_free(blocks[6]); /* 36 and 49 bytes: different classes */
    assert_ptr_equal(rv_sim_malloc(49), blocks[7]);
    assert_ptr_equal(rv_sim_malloc(36), blocks[6]);
    for (size_t i = 0; i < BLOCKS; i++)
        rv_sim_free(blocks[i]);
    rv_sim_free(NULL);
    assert_int_equal(rv_sim_memory_blocks(), 0);
}

static void collect(uintptr_t at[], size_t n)
{
    assert_int_equal(rv_sim_memory_reset(), 0);
    for (size_t i = 0; i < n; i++) {
        char *block = i % 3 == 2 ? rv_sim_aligned_alloc(64, 100 * i) : rv_sim_calloc(i + 1, 7);
        at[i] = (uintptr_t)block;
        assert_true(i % 3 == 2 || is_all(block, (i + 1) * 7, 0));
        memset(block, 0x77, 7);
        if (i % 2 == 0)
            rv_sim_free(block);
    }
    at[n] = (uintptr_t)rv_sim_map(8192);
    assert_true(is_all((void *)at[n], 8192, 0));
    memset((void *)at[n], 1, 8192);
}

/* Goal: after a reset the same calls give the same addresses, empty again. */
static void test_sim_memory_addresses_repeat(void **state)
{
    uintptr_t first[BLOCKS + 1];
    uintptr_t second[BLOCKS + 1];
    (void)state;
    collect(first, BLOCKS);
    collect(second, BLOCKS);
    assert_memory_equal(first, second, sizeof first);
}

/* Goal: zero, contents, lengths and alignment as in the C library. */
static void test_sim_memory_keeps_the_c_librarys_promises(void **state)
{
    (void)state;
    assert_int_equal(rv_sim_memory_reset(), 0);
    char *block = rv_sim_malloc(100);
    memset(block, 'q', 100);
    rv_sim_free(block);
    assert_ptr_equal(rv_sim_calloc(10, 10), block);
    assert_true(is_all(block, 100, 0));
    memset(block, 'q', 100);
    block = rv_sim_realloc(block, 5000);
    assert_true(is_all(block, 100, 'q'));
    block = rv_sim_realloc(block, 10);
    assert_true(is_all(block, 10, 'q'));
    assert_int_equal(rv_sim_memory_blocks(), 10);
    rv_sim_free(block);
    block = rv_sim_realloc(NULL, 3);
    rv_sim_free(block);
    char *text = rv_sim_strdup("pear");
    assert_string_equal(text, "pear");
    assert_int_equal(rv_sim_memory_blocks(), 5);
    rv_sim_free(text);
    assert_null(rv_sim_calloc(SIZE_MAX / 2, 3));
    for (size_t alignment = 16; alignment <= 4096; alignment *= 2) {
        block = rv_sim_aligned_alloc(alignment, 3 * alignment);
        assert_int_equal((uintptr_t)block % alignment, 0);
        memset(block, 1, 3 * alignment);
        rv_sim_free(block);
    }
    assert_int_equal(rv_sim_memory_blocks(), 0);
}

/* Goal: pages are zero, apart from each other, counted, and finite. */
static void test_sim_memory_pages_are_counted(void **state)
{
    (void)state;
    assert_int_equal(rv_sim_memory_reset(), 0);
    char *first = rv_sim_map(4096);
    char *second = rv_sim_map(12288);
    assert_true(second >= first + 4096 || first >= second + 12288);
    assert_int_equal(rv_sim_memory_pages(), 16384);
    memset(first, 1, 4096);
    rv_sim_unmap(first, 4096);
    assert_int_equal(rv_sim_memory_pages(), 12288);
    rv_sim_unmap(second, 12288);
    assert_null(rv_sim_map((size_t)1 << 45));
    assert_int_equal(rv_sim_memory_pages(), 0);
}

/* Goal: each virtual thread has a stack of its own. */
static void test_sim_memory_stacks_are_apart(void **state)
{
    size_t bytes;
    (void)state;
    assert_int_equal(rv_sim_memory_reset(), 0);
    char *before = rv_sim_memory_stack(0, &bytes);
    assert_true(bytes >= 64 * 1024);
    for (unsigned i = 1; i < RV_SIM_THREADS; i++) {
        char *stack = rv_sim_memory_stack(i, &bytes);
        assert_true(stack >= before + bytes);
        stack[0] = stack[bytes - 1] = 1;
        before = stack;
    }
}

/* Goal: what the system maps, and how many processors it has, is the machine's, too. */
static void test_sim_memory_stands_for_the_system(void **state)
{
    (void)state;
    assert_int_equal(rv_sim_memory_reset(), 0);
    char *first = rv_sim_mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
    char *second = rv_sim_mmap(NULL, MANY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
    assert_int_equal(rv_sim_memory_pages(), 100 + MANY_BYTES);
    first[99] = second[MANY_BYTES - 1] = 1;
    assert_int_equal(rv_sim_madvise(first, 100, MADV_DONTFORK), 0);
    assert_int_equal(rv_sim_munmap(first, 100), 0); /* behind so many pages they go at once */
    assert_int_equal(rv_sim_munmap(second, MANY_BYTES), 0);
    assert_int_equal(rv_sim_memory_pages(), 0);
    assert_ptr_equal(rv_sim_mmap(NULL, SIZE_MAX / 2, PROT_READ, MAP_PRIVATE, -1, 0), MAP_FAILED);
    assert_int_equal(rv_sim_memory_reset(), 0);
    assert_ptr_equal(rv_sim_mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0), first);
    assert_int_equal(first[99], 0);
    assert_int_equal(rv_sim_munmap(first, 100), 0);
    assert_int_equal(rv_sim_sysconf(_SC_NPROCESSORS_CONF), 2);
}

/* Goal: blocks are zero in the next run, whether they are few or many. */
static void test_sim_memory_is_empty_again(void **state)
{
    (void)state;
    for (size_t bytes = 1000; bytes <= 1000000; bytes *= 1000) {
        assert_int_equal(rv_sim_memory_reset(), 0);
        char *block = rv_sim_malloc(bytes);
        memset(block, 0x55, bytes);
        assert_int_equal(rv_sim_memory_reset(), 0);
        assert_ptr_equal(rv_sim_calloc(1, bytes), block);
        assert_true(is_all(block, bytes, 0));
    }
}

static int write_after_free(void)
{
    if (rv_sim_memory_reset() < 0)
        return 0;
    volatile char *block = rv_sim_malloc(200);
    rv_sim_free((void *)(uintptr_t)block);
    block[150] = 1; /* a sanitizer sees it here, else the next allocation does */
    (void)rv_sim_malloc(200);
    return 0;
}

static int free_twice(void)
{
    if (rv_sim_memory_reset() < 0)
        return 0;
    void *block = rv_sim_malloc(20);
    rv_sim_free(block);
    rv_sim_free(block);
    return 0;
}

static int free_the_middle(void)
{
    if (rv_sim_memory_reset() < 0)
        return 0;
    char *block = rv_sim_calloc(1, 400);
    rv_sim_free(block + 64);
    return 0;
}

/* Goal: what is wrong with memory stops the program. */
static void test_sim_memory_misuse_is_found(void **state)
{
    static struct rv_child child;
    (void)state;
    rv_child_run(&child, write_after_free);
    assert_int_not_equal(child.status, 0);
    assert_non_null(strstr(child.text, RV_ASAN ? "AddressSanitizer" : "of a freed block"));
    assert_true(rv_child_breaks(free_twice, "is a block in use"));
    assert_true(rv_child_breaks(free_the_middle, "is a block in use"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_memory_blocks_are_counted),
        cmocka_unit_test(test_sim_memory_addresses_repeat),
        cmocka_unit_test(test_sim_memory_keeps_the_c_librarys_promises),
        cmocka_unit_test(test_sim_memory_pages_are_counted),
        cmocka_unit_test(test_sim_memory_stacks_are_apart),
        cmocka_unit_test(test_sim_memory_stands_for_the_system),
        cmocka_unit_test(test_sim_memory_is_empty_again),
        cmocka_unit_test(test_sim_memory_misuse_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
