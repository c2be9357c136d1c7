// SPDX-License-Identifier: MIT
/*
 * Purpose: format the last words of the program and abort.
 * Idea:    one write(2) a line, so that lines of two dying threads do not interleave. The hook runs
 *          last and only for the first panic: a hook that itself fails cannot recurse.
 * Threads: any; small stacks.
 */
#include "core/check.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/atomic.h"

#define RV_CHECK_LINE 512

static RV_ATOMIC(uintptr_t) check_hook; /* void (*)(char *, size_t), or 0 */
static RV_ATOMIC(uint32_t) check_panics;

void rv_check_set_hook(void (*describe)(char *buf, size_t n))
{
    rv_store_relaxed(&check_hook, (uintptr_t)describe);
}

/* Ends the text in buf (possibly cut by snprintf) with a newline and writes it out. */
static void write_line(char *buf)
{
    size_t n = strnlen(buf, RV_CHECK_LINE - 2);

    buf[n++] = '\n';
    while (n > 0) {
        ssize_t written = write(STDERR_FILENO, buf, n);

        if (written <= 0)
            return;
        buf += written;
        n -= (size_t)written;
    }
}

static RV_NORETURN void describe_and_abort(char *buf)
{
    uintptr_t hook = rv_load_relaxed(&check_hook);

    if (rv_fetch_add_relaxed(&check_panics, 1u) == 0 && hook != 0) {
        buf[0] = '\0';
        ((void (*)(char *, size_t))hook)(buf, RV_CHECK_LINE - 2);
        if (buf[0] != '\0')
            write_line(buf);
    }
    abort();
}

static RV_PRINTF(2, 0) void append_rule(char *buf, const char *rule, va_list args)
{
    size_t n = strnlen(buf, RV_CHECK_LINE - 2);

    (void)vsnprintf(buf + n, RV_CHECK_LINE - 1 - n, rule, args);
}

void rv_check_failed(const char *file, int line, const char *condition, const char *rule, ...)
{
    char buf[RV_CHECK_LINE];
    va_list args;

    (void)snprintf(buf, sizeof(buf) - 1, "rove: %s:%d: check failed: %s", file, line, condition);
    write_line(buf);
    (void)snprintf(buf, sizeof(buf) - 1, "rove: rule: ");
    va_start(args, rule);
    append_rule(buf, rule, args);
    va_end(args);
    write_line(buf);
    describe_and_abort(buf);
}

void rv_panic(const char *rule, ...)
{
    char buf[RV_CHECK_LINE];
    va_list args;

    (void)snprintf(buf, sizeof(buf) - 1, "rove: panic: ");
    va_start(args, rule);
    append_rule(buf, rule, args);
    va_end(args);
    write_line(buf);
    describe_and_abort(buf);
}
