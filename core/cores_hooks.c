// SPDX-License-Identifier: MIT
/*
 * Purpose: what a compiler calls under -fsanitize=thread, here to price accesses: core/cores.h.
 * Idea:    an atomic access is made when every other core has come as far: then the price, then it.
 * Threads: the simulation's; outside a run they are what they were, plain accesses.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "core/cores.h"

#define SITE __builtin_return_address(0)
#define SEQ_CST 5 /* as the compilers number the orders */

#define PLAIN(name, bytes, kind)                                                           \
    void name##bytes(void *at);                                                            \
    void name##bytes(void *at)                                                             \
    {                                                                                      \
        rv_cores_access(at, kind, SITE);                                                   \
    }
#define PLAIN_BYTES(bytes)                                                                 \
    PLAIN(__tsan_read, bytes, RV_CORES_READ)                                               \
    PLAIN(__tsan_write, bytes, RV_CORES_WRITE)                                             \
    PLAIN(__tsan_unaligned_read, bytes, RV_CORES_READ)                                     \
    PLAIN(__tsan_unaligned_write, bytes, RV_CORES_WRITE)                                   \
    PLAIN(__tsan_volatile_read, bytes, RV_CORES_READ)                                      \
    PLAIN(__tsan_volatile_write, bytes, RV_CORES_WRITE)

PLAIN_BYTES(1)
PLAIN_BYTES(2)
PLAIN_BYTES(4)
PLAIN_BYTES(8)
PLAIN_BYTES(16)

static void range(const void *at, size_t bytes, enum rv_cores_kind kind, const void *site)
{
    const char *end = (const char *)at + bytes;

    for (const char *p = at; p < end; p += RV_CACHE_LINE)
        rv_cores_access(p, kind, site);
}

void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void *pc);
void __tsan_read_range(void *at, size_t bytes);
void __tsan_write_range(void *at, size_t bytes);
void *__tsan_memcpy(void *to, const void *from, size_t bytes);
void *__tsan_memmove(void *to, const void *from, size_t bytes);
void *__tsan_memset(void *to, int byte, size_t bytes);
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
    (void)pc;
}

void __tsan_func_exit(void *pc)
{
    (void)pc;
}

void __tsan_read_range(void *at, size_t bytes)
{
    range(at, bytes, RV_CORES_READ, SITE);
}

void __tsan_write_range(void *at, size_t bytes)
{
    range(at, bytes, RV_CORES_WRITE, SITE);
}

void *__tsan_memcpy(void *to, const void *from, size_t bytes)
{
    range(from, bytes, RV_CORES_READ, SITE);
    range(to, bytes, RV_CORES_WRITE, SITE);
    return __builtin_memcpy(to, from, bytes);
}

void *__tsan_memmove(void *to, const void *from, size_t bytes)
{
    range(from, bytes, RV_CORES_READ, SITE);
    range(to, bytes, RV_CORES_WRITE, SITE);
    return __builtin_memmove(to, from, bytes);
}

void *__tsan_memset(void *to, int byte, size_t bytes)
{
    range(to, bytes, RV_CORES_WRITE, SITE);
    return __builtin_memset(to, byte, bytes);
}

/* The weaker fences are the compiler's business on x86-64. */
void __tsan_atomic_thread_fence(int order)
{
    if (order == SEQ_CST)
        rv_cores_fence();
}

void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}

/* One thread runs all cores, so the accesses themselves can be plain ones. */
#define UPDATE(bits, name, result)                                                         \
    uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *at,               \
                                                uint##bits##_t by, int order);             \
    uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *at,               \
                                                uint##bits##_t by, int order)              \
    {                                                                                      \
        (void)order;                                                                       \
        rv_cores_atomic(at, RV_CORES_UPDATE, SITE);                                        \
        uint##bits##_t old = *at;                                                          \
        *at = (uint##bits##_t)(result);                                                    \
        return old;                                                                        \
    }
#define COMPARE(bits, name)                                                                \
    bool __tsan_atomic##bits##_compare_exchange_##name(                                    \
        volatile uint##bits##_t *at, uint##bits##_t *expected, uint##bits##_t desired,     \
        int order, int failure_order);                                                     \
    bool __tsan_atomic##bits##_compare_exchange_##name(                                    \
        volatile uint##bits##_t *at, uint##bits##_t *expected, uint##bits##_t desired,     \
        int order, int failure_order)                                                      \
    {                                                                                      \
        (void)order, (void)failure_order;                                                  \
        rv_cores_atomic(at, RV_CORES_UPDATE, SITE);                                        \
        uint##bits##_t old = *at;                                                          \
        bool is_done = old == *expected;                                                   \
        *(is_done ? at : expected) = is_done ? desired : old;                              \
        return is_done;                                                                    \
    }
/* clang's: the value that was there, and the compiler compares. */
#define COMPARE_VALUE(bits)                                                                \
    uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                             \
        volatile uint##bits##_t *at, uint##bits##_t expected, uint##bits##_t desired,      \
        int order, int failure_order);                                                     \
    uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                             \
        volatile uint##bits##_t *at, uint##bits##_t expected, uint##bits##_t desired,      \
        int order, int failure_order)                                                      \
    {                                                                                      \
        (void)order, (void)failure_order;                                                  \
        rv_cores_atomic(at, RV_CORES_UPDATE, SITE);                                        \
        uint##bits##_t old = *at;                                                          \
        *at = old == expected ? desired : old;                                             \
        return old;                                                                        \
    }
#define ATOMIC(bits)                                                                       \
    uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *at, int order); \
    void __tsan_atomic##bits##_store(volatile uint##bits##_t *at, uint##bits##_t value,    \
                                     int order);                                           \
    uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *at, int order)\
    {                                                                                      \
        (void)order;                                                                       \
        rv_cores_atomic(at, RV_CORES_READ, SITE);                                          \
        return *at;                                                                        \
    }                                                                                      \
    void __tsan_atomic##bits##_store(volatile uint##bits##_t *at, uint##bits##_t value,    \
                                     int order)                                            \
    {                                                                                      \
        rv_cores_atomic(at, order == SEQ_CST ? RV_CORES_UPDATE : RV_CORES_WRITE, SITE);    \
        *at = value;                                                                       \
    }                                                                                      \
    UPDATE(bits, exchange, by)                                                             \
    UPDATE(bits, fetch_add, old + by)                                                      \
    UPDATE(bits, fetch_sub, old - by)                                                      \
    UPDATE(bits, fetch_or, old | by)                                                       \
    UPDATE(bits, fetch_and, old & by)                                                      \
    COMPARE(bits, strong)                                                                  \
    COMPARE(bits, weak)                                                                    \
    COMPARE_VALUE(bits)

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)
