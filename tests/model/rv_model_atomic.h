// SPDX-License-Identifier: MIT
/*
 * Purpose: the primitives of core/atomic.h in a model build (RV_MODEL): every access is a step of
 *          the explored execution.
 * Idea:    an atomic is storage of its plain type, so that all layouts stay what they are; the
 *          history of each location is kept by the model (memory.c), by address.
 * Threads: those of the model: coroutines on one thread.
 */
#ifndef RV_MODEL_ATOMIC_H
#define RV_MODEL_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RV_ATOMIC(T) __typeof__(T)

/* Bits: acquire, release, member of the one total order. */
#define RV_PRIM_RELAXED 0u
#define RV_PRIM_ACQUIRE 1u
#define RV_PRIM_RELEASE 2u
#define RV_PRIM_ACQ_REL 3u
#define RV_PRIM_SEQ_CST 7u

enum rv_model_op { RV_MODEL_SWAP, RV_MODEL_ADD, RV_MODEL_SUB, RV_MODEL_OR, RV_MODEL_AND };

uint64_t rv_model_load(const void *at, size_t bytes, const char *site, unsigned order);
void rv_model_store(void *at, size_t bytes, const char *site, uint64_t value, unsigned order);
uint64_t rv_model_update(void *at, size_t bytes, const char *site, enum rv_model_op op,
                         uint64_t value, unsigned order);
/* `expected` has `bytes` bytes; `orders`: of success, failure << 8, may fail for nothing << 16. */
bool rv_model_cas(void *at, size_t bytes, const char *site, void *expected, uint64_t desired,
                  unsigned orders);
void rv_model_fence(unsigned order, const char *site);
/* A turn of a spin loop: the thread goes on when somebody else has written. */
void rv_model_relax(void);

#define RV_MODEL_TEXT_(x)  #x
#define RV_MODEL_TEXT(x)   RV_MODEL_TEXT_(x)
#define RV_MODEL_SITE      (__FILE__ ":" RV_MODEL_TEXT(__LINE__))
#define RV_MODEL_AT(p)     (void *)(uintptr_t)(p), sizeof(*(p)), RV_MODEL_SITE
#define RV_MODEL_IN(p, v)  ((uint64_t)(uintptr_t)(__typeof__(*(p)))(v))
#define RV_MODEL_OUT(p, w) ((__typeof__(*(p)))(uintptr_t)(w))

#define RV_PRIM_LOAD(p, o) RV_MODEL_OUT(p, rv_model_load(RV_MODEL_AT(p), o))
#define RV_PRIM_STORE(p, v, o) rv_model_store(RV_MODEL_AT(p), RV_MODEL_IN(p, v), o)
#define RV_MODEL_UPDATE(p, op, v, o) \
    RV_MODEL_OUT(p, rv_model_update(RV_MODEL_AT(p), op, RV_MODEL_IN(p, v), o))
#define RV_PRIM_EXCHANGE(p, v, o)  RV_MODEL_UPDATE(p, RV_MODEL_SWAP, v, o)
#define RV_PRIM_FETCH_ADD(p, v, o) RV_MODEL_UPDATE(p, RV_MODEL_ADD, v, o)
#define RV_PRIM_FETCH_SUB(p, v, o) RV_MODEL_UPDATE(p, RV_MODEL_SUB, v, o)
#define RV_PRIM_FETCH_OR(p, v, o)  RV_MODEL_UPDATE(p, RV_MODEL_OR, v, o)
#define RV_PRIM_FETCH_AND(p, v, o) RV_MODEL_UPDATE(p, RV_MODEL_AND, v, o)
#define RV_PRIM_CAS(p, e, d, o, f) \
    rv_model_cas(RV_MODEL_AT(p), e, RV_MODEL_IN(p, d), (o) | (f) << 8)
#define RV_PRIM_CAS_WEAK(p, e, d, o, f) \
    rv_model_cas(RV_MODEL_AT(p), e, RV_MODEL_IN(p, d), (o) | (f) << 8 | 1u << 16)
#define RV_PRIM_COMPILER_BARRIER() ((void)0)
#define RV_PRIM_FENCE_FULL()       rv_model_fence(RV_PRIM_SEQ_CST, RV_MODEL_SITE)
#define RV_PRIM_FENCE_ACQUIRE()    rv_model_fence(RV_PRIM_ACQUIRE, RV_MODEL_SITE)
#define RV_PRIM_FENCE_RELEASE()    rv_model_fence(RV_PRIM_RELEASE, RV_MODEL_SITE)
#define RV_PRIM_RELAX()            rv_model_relax()

#endif
