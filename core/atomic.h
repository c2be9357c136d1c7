// SPDX-License-Identifier: MIT
/*
 * Purpose: every atomic access and fence of the library, the order spelled in the name.
 * Idea:    the named macros below expand to a dozen primitives (RV_PRIM_*). A model build
 *          (RV_MODEL) supplies those in rv_model_atomic.h and explores the very same source. A
 *          simulation (RV_SIM) keeps them and may switch threads before each.
 *          Asymmetric fence pairs order store->load on a hot side for the price of a compiler
 *          barrier: the rare side makes every running thread of the process pass a full barrier
 *          (membarrier). Either the hot side's store was visible before that barrier, or its load
 *          comes after it: the two sides cannot both miss each other.
 *
 *              hot side                rare side
 *              store X                 store Y
 *              rv_fence_light          rv_fence_heavy
 *              load Y                  load X          never both old
 *
 * Threads: any. rv_fence_init must return before the first light fence that has a partner.
 * Rejected: plain _Atomic operators (hide a seq_cst); mfence (slower than a locked or, measured
 *          with clang 14); fences under TSan, which does not model them: there every fence is a
 *          seq_cst read-modify-write of one dummy word, so each fence happens before the next.
 * Source:  membarrier(2); C11 7.17.
 */
#ifndef RV_CORE_ATOMIC_H
#define RV_CORE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"

#ifdef RV_MODEL
#include "rv_model_atomic.h"
#else
#include <stdatomic.h>

#ifdef RV_SIM
#include "core/sim_point.h"
#endif
#if defined(RV_SIM) && !defined(RV_CORES) /* there the compiler marks every access */
#define RV_PRIM_POINT() rv_sim_point_at(RV_SIM_SITE) /* another thread may run here */
#else
#define RV_PRIM_POINT() ((void)0)
#endif

#define RV_ATOMIC(T) _Atomic(T)

#define RV_PRIM_RELAXED memory_order_relaxed
#define RV_PRIM_ACQUIRE memory_order_acquire
#define RV_PRIM_RELEASE memory_order_release
#define RV_PRIM_ACQ_REL memory_order_acq_rel
#define RV_PRIM_SEQ_CST memory_order_seq_cst

/* An access in its order, after the point. */
#define RV_PRIM(access, ...) (RV_PRIM_POINT(), atomic_##access##_explicit(__VA_ARGS__))
#define RV_PRIM_LOAD(p, o)               RV_PRIM(load, p, o)
#define RV_PRIM_STORE(p, v, o)           RV_PRIM(store, p, v, o)
#define RV_PRIM_EXCHANGE(p, v, o)        RV_PRIM(exchange, p, v, o)
#define RV_PRIM_CAS(p, e, d, o, f)       RV_PRIM(compare_exchange_strong, p, e, d, o, f)
#define RV_PRIM_CAS_WEAK(p, e, d, o, f)  RV_PRIM(compare_exchange_weak, p, e, d, o, f)
#define RV_PRIM_FETCH_ADD(p, v, o)       RV_PRIM(fetch_add, p, v, o)
#define RV_PRIM_FETCH_SUB(p, v, o)       RV_PRIM(fetch_sub, p, v, o)
#define RV_PRIM_FETCH_OR(p, v, o)        RV_PRIM(fetch_or, p, v, o)
#define RV_PRIM_FETCH_AND(p, v, o)       RV_PRIM(fetch_and, p, v, o)
#define RV_PRIM_COMPILER_BARRIER()       atomic_signal_fence(memory_order_seq_cst)

#if RV_TSAN
extern RV_ATOMIC(uint32_t) rv_fence_dummy;
#define RV_PRIM_FENCE_FULL() \
    ((void)atomic_fetch_add_explicit(&rv_fence_dummy, 0u, memory_order_seq_cst))
#define RV_PRIM_FENCE_ACQUIRE() RV_PRIM_FENCE_FULL()
#define RV_PRIM_FENCE_RELEASE() RV_PRIM_FENCE_FULL()
#else
#if defined(__x86_64__) && defined(__clang__) && !defined(RV_CORES)
#define RV_PRIM_FENCE_FULL() __asm__ volatile("lock; orl $0, (%%rsp)" ::: "memory", "cc")
#else
#define RV_PRIM_FENCE_FULL() atomic_thread_fence(memory_order_seq_cst)
#endif
#define RV_PRIM_FENCE_ACQUIRE() atomic_thread_fence(memory_order_acquire)
#define RV_PRIM_FENCE_RELEASE() atomic_thread_fence(memory_order_release)
#endif
#endif /* RV_MODEL */

#define rv_load_relaxed(p) RV_PRIM_LOAD(p, RV_PRIM_RELAXED)
#define rv_load_acquire(p) RV_PRIM_LOAD(p, RV_PRIM_ACQUIRE)
#define rv_load_seq_cst(p) RV_PRIM_LOAD(p, RV_PRIM_SEQ_CST)

#define rv_store_relaxed(p, v) RV_PRIM_STORE(p, v, RV_PRIM_RELAXED)
#define rv_store_release(p, v) RV_PRIM_STORE(p, v, RV_PRIM_RELEASE)
#define rv_store_seq_cst(p, v) RV_PRIM_STORE(p, v, RV_PRIM_SEQ_CST)

#define rv_exchange_relaxed(p, v) RV_PRIM_EXCHANGE(p, v, RV_PRIM_RELAXED)
#define rv_exchange_acquire(p, v) RV_PRIM_EXCHANGE(p, v, RV_PRIM_ACQUIRE)
#define rv_exchange_release(p, v) RV_PRIM_EXCHANGE(p, v, RV_PRIM_RELEASE)
#define rv_exchange_acq_rel(p, v) RV_PRIM_EXCHANGE(p, v, RV_PRIM_ACQ_REL)
#define rv_exchange_seq_cst(p, v) RV_PRIM_EXCHANGE(p, v, RV_PRIM_SEQ_CST)

/* A failed exchange is a load: acquire where success acquires, relaxed otherwise. */
#define rv_cas_relaxed(p, e, d) RV_PRIM_CAS(p, e, d, RV_PRIM_RELAXED, RV_PRIM_RELAXED)
#define rv_cas_acquire(p, e, d) RV_PRIM_CAS(p, e, d, RV_PRIM_ACQUIRE, RV_PRIM_ACQUIRE)
#define rv_cas_release(p, e, d) RV_PRIM_CAS(p, e, d, RV_PRIM_RELEASE, RV_PRIM_RELAXED)
#define rv_cas_acq_rel(p, e, d) RV_PRIM_CAS(p, e, d, RV_PRIM_ACQ_REL, RV_PRIM_ACQUIRE)
#define rv_cas_seq_cst(p, e, d) RV_PRIM_CAS(p, e, d, RV_PRIM_SEQ_CST, RV_PRIM_SEQ_CST)

#define rv_cas_weak_relaxed(p, e, d) RV_PRIM_CAS_WEAK(p, e, d, RV_PRIM_RELAXED, RV_PRIM_RELAXED)
#define rv_cas_weak_acquire(p, e, d) RV_PRIM_CAS_WEAK(p, e, d, RV_PRIM_ACQUIRE, RV_PRIM_ACQUIRE)
#define rv_cas_weak_release(p, e, d) RV_PRIM_CAS_WEAK(p, e, d, RV_PRIM_RELEASE, RV_PRIM_RELAXED)
#define rv_cas_weak_acq_rel(p, e, d) RV_PRIM_CAS_WEAK(p, e, d, RV_PRIM_ACQ_REL, RV_PRIM_ACQUIRE)
#define rv_cas_weak_seq_cst(p, e, d) RV_PRIM_CAS_WEAK(p, e, d, RV_PRIM_SEQ_CST, RV_PRIM_SEQ_CST)

#define rv_fetch_add_relaxed(p, v) RV_PRIM_FETCH_ADD(p, v, RV_PRIM_RELAXED)
#define rv_fetch_add_acquire(p, v) RV_PRIM_FETCH_ADD(p, v, RV_PRIM_ACQUIRE)
#define rv_fetch_add_release(p, v) RV_PRIM_FETCH_ADD(p, v, RV_PRIM_RELEASE)
#define rv_fetch_add_acq_rel(p, v) RV_PRIM_FETCH_ADD(p, v, RV_PRIM_ACQ_REL)
#define rv_fetch_add_seq_cst(p, v) RV_PRIM_FETCH_ADD(p, v, RV_PRIM_SEQ_CST)

#define rv_fetch_sub_relaxed(p, v) RV_PRIM_FETCH_SUB(p, v, RV_PRIM_RELAXED)
#define rv_fetch_sub_acquire(p, v) RV_PRIM_FETCH_SUB(p, v, RV_PRIM_ACQUIRE)
#define rv_fetch_sub_release(p, v) RV_PRIM_FETCH_SUB(p, v, RV_PRIM_RELEASE)
#define rv_fetch_sub_acq_rel(p, v) RV_PRIM_FETCH_SUB(p, v, RV_PRIM_ACQ_REL)
#define rv_fetch_sub_seq_cst(p, v) RV_PRIM_FETCH_SUB(p, v, RV_PRIM_SEQ_CST)

#define rv_fetch_or_relaxed(p, v) RV_PRIM_FETCH_OR(p, v, RV_PRIM_RELAXED)
#define rv_fetch_or_acquire(p, v) RV_PRIM_FETCH_OR(p, v, RV_PRIM_ACQUIRE)
#define rv_fetch_or_release(p, v) RV_PRIM_FETCH_OR(p, v, RV_PRIM_RELEASE)
#define rv_fetch_or_acq_rel(p, v) RV_PRIM_FETCH_OR(p, v, RV_PRIM_ACQ_REL)
#define rv_fetch_or_seq_cst(p, v) RV_PRIM_FETCH_OR(p, v, RV_PRIM_SEQ_CST)

#define rv_fetch_and_relaxed(p, v) RV_PRIM_FETCH_AND(p, v, RV_PRIM_RELAXED)
#define rv_fetch_and_acquire(p, v) RV_PRIM_FETCH_AND(p, v, RV_PRIM_ACQUIRE)
#define rv_fetch_and_release(p, v) RV_PRIM_FETCH_AND(p, v, RV_PRIM_RELEASE)
#define rv_fetch_and_acq_rel(p, v) RV_PRIM_FETCH_AND(p, v, RV_PRIM_ACQ_REL)
#define rv_fetch_and_seq_cst(p, v) RV_PRIM_FETCH_AND(p, v, RV_PRIM_SEQ_CST)

/* A counter's only writer adds to it. On x86 in one instruction, of which others see a load and a
 * store as they do elsewhere. */
static RV_ALWAYS_INLINE void rv_bump_relaxed(RV_ATOMIC(uint64_t) *counter, uint64_t n)
{
#if defined(__x86_64__) && !RV_TSAN && !defined(RV_MODEL) && !defined(RV_SIM) && !defined(RV_CORES)
    __asm__ volatile("addq %1, %0" : "+m"(*(uint64_t *)counter) : "er"(n) : "cc");
#else
    rv_store_relaxed(counter, rv_load_relaxed(counter) + n);
#endif
}

static RV_ALWAYS_INLINE void rv_compiler_barrier(void)
{
    RV_PRIM_COMPILER_BARRIER();
}

static RV_ALWAYS_INLINE void rv_fence_acquire(void)
{
    RV_PRIM_FENCE_ACQUIRE();
}

static RV_ALWAYS_INLINE void rv_fence_release(void)
{
    RV_PRIM_FENCE_RELEASE();
}

/* Orders everything, store->load included. */
static RV_ALWAYS_INLINE void rv_fence_full(void)
{
    RV_PRIM_FENCE_FULL();
}

/* A full fence just after an update of any order: on x86 that has been one. Elsewhere, and in C11,
 * a relaxed load may overtake the update's store. */
static RV_ALWAYS_INLINE void rv_fence_after_update(void)
{
#if defined(__x86_64__) && !defined(RV_MODEL)
    rv_compiler_barrier();
#else
    rv_fence_full();
#endif
}

/* One turn of a spin loop: tells the core to let its sibling thread run. */
static RV_ALWAYS_INLINE void rv_cpu_relax(void)
{
#if defined(RV_MODEL)
    RV_PRIM_RELAX();
#elif defined(RV_SIM)
    rv_sim_spin();
#elif defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    rv_compiler_barrier();
#endif
}

/* Written once by rv_fence_init, before workers start; false means "both sides pay in full". */
extern bool rv_fence_asymmetric;

static RV_ALWAYS_INLINE bool rv_fence_is_asymmetric(void)
{
    return rv_fence_asymmetric;
}

/* order: light F1. The caller's store before its load, given rv_fence_heavy on the other side. */
static RV_ALWAYS_INLINE void rv_fence_light(void)
{
    if (RV_LIKELY(rv_fence_asymmetric))
        rv_compiler_barrier();
    else
        rv_fence_full();
}

/* The rare side: 1 to 5 microseconds when asymmetric. Any thread. */
void rv_fence_heavy(void);

/* Registers with the kernel and chooses the mode; idempotent, any thread, but the first call must
 * return before another thread executes a light fence. Refusal by the kernel means symmetric. */
void rv_fence_init(void);

#endif
