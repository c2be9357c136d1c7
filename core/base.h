// SPDX-License-Identifier: MIT
/*
 * Purpose: compiler attributes, the cache line, container_of, the sanitizer switches; no more.
 * Idea:    every attribute that differs between gcc and clang is spelled here once, so that no
 *          other file needs an #ifdef on the compiler.
 */
#ifndef RV_CORE_BASE_H
#define RV_CORE_BASE_H

#include <stddef.h>

#ifndef RV_DEBUG
#define RV_DEBUG 0
#endif

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#ifndef __has_attribute
#define __has_attribute(x) 0
#endif

/* 1 in a build under the sanitizer, else 0: gcc says it by a macro, clang by a feature. */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define RV_ASAN 1
#else
#define RV_ASAN 0
#endif
/* Two builds have TSan's hooks but not TSan: tests/model/shadow.c, core/cores_hooks.c. */
#if !defined(RV_MODEL) && !defined(RV_CORES) && \
    (defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer))
#define RV_TSAN 1
#else
#define RV_TSAN 0
#endif
#ifndef RV_VALGRIND
#define RV_VALGRIND 0
#endif

#define RV_LIKELY(c)   __builtin_expect(!!(c), 1)
#define RV_UNLIKELY(c) __builtin_expect(!!(c), 0)

#define RV_NOINLINE      __attribute__((noinline))
#ifndef RV_ALWAYS_INLINE /* scripts/coverage counts each branch once, not at each place */
#define RV_ALWAYS_INLINE inline __attribute__((always_inline))
#endif
/* On the way of each request: such functions lie side by side in the program, so that a worker that
 * wakes finds its code on few pages. 1 to 3 % of an echo on the only connection. */
#define RV_HOT           __attribute__((hot))
#define RV_COLD          __attribute__((cold, noinline))
#define RV_UNUSED        __attribute__((unused))
#define RV_NORETURN      __attribute__((noreturn))
#define RV_WARN_UNUSED   __attribute__((warn_unused_result))
#define RV_PRINTF(a, b)  __attribute__((format(printf, a, b)))
#define RV_UNREACHABLE() __builtin_unreachable()

/* The canary costs an eighth of a switch, where no buffer is. */
#if __has_attribute(no_stack_protector)
#define RV_NO_STACK_PROTECTOR __attribute__((no_stack_protector))
#else
#define RV_NO_STACK_PROTECTOR
#endif

#define RV_NO_ASAN __attribute__((no_sanitize_address))
/* clang's no_sanitize keeps the entry and exit calls; the second attribute drops those too. */
#if __has_attribute(disable_sanitizer_instrumentation)
#define RV_NO_TSAN __attribute__((no_sanitize_thread, disable_sanitizer_instrumentation))
#else
#define RV_NO_TSAN __attribute__((no_sanitize_thread))
#endif

#define RV_CACHE_LINE 64
#define RV_ALIGNED_LINE __attribute__((aligned(RV_CACHE_LINE)))

#define RV_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The dead branch makes the compiler compare the pointer's type with the member's. */
#define rv_container_of(ptr, type, member) \
    ((type *)(void *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

#endif
