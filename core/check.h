// SPDX-License-Identifier: MIT
/*
 * Purpose: the asserts that survive NDEBUG, and the one way this library stops the program.
 * Idea:    RV_CHECK always looks, RV_ASSERT only when RV_DEBUG is nonzero. Both name the broken
 *          rule in words, then the worker and task (by the hook the scheduler installs), and abort.
 * Threads: any; also on a task's small stack: buffers of at most 512 bytes, write(2), no stdio.
 */
#ifndef RV_CORE_CHECK_H
#define RV_CORE_CHECK_H

#include "core/base.h"

/* RV_CHECK(cond, "rule in words, printf style", values...) */
#define RV_CHECK(cond, ...)                                              \
    do {                                                                 \
        if (RV_UNLIKELY(!(cond)))                                        \
            rv_check_failed(__FILE__, __LINE__, #cond, __VA_ARGS__);     \
    } while (0)

#if RV_DEBUG
#define RV_ASSERT(cond, ...) RV_CHECK(cond, __VA_ARGS__)
#else
/* sizeof: the condition is compiled, so it cannot rot, and its variables count as used. */
#define RV_ASSERT(cond, ...)        \
    do {                            \
        (void)sizeof(!(cond));      \
    } while (0)
#endif

RV_COLD RV_NORETURN RV_PRINTF(4, 5)
void rv_check_failed(const char *file, int line, const char *condition, const char *rule, ...);

/* Stops the program with a message where no single condition says what is wrong. */
RV_COLD RV_NORETURN RV_PRINTF(1, 2)
void rv_panic(const char *rule, ...);

/* Process-wide, set once before threads start. `describe` writes one line (no newline) about the
 * calling worker and task into buf; it must take no lock and may leave the buffer empty. */
void rv_check_set_hook(void (*describe)(char *buf, size_t n));

#endif
