// SPDX-License-Identifier: MIT
/*
 * Purpose: names of errors, the version, and an errno that survives a change of thread.
 * Idea:    the texts come from the table in rove/base.h and from nowhere else; codes that are not
 *          in it fall through to the C library's own static strings.
 * Threads: any.
 */
#include <rove/base.h>

#include "core/base.h"

#include <string.h>

/* Stands above the include that gives the name another meaning. */
static inline int *libc_errno_location(void)
{
    return &errno;
}

#include <rove/errno.h>

static const char *listed_text(int code)
{
    switch (code) {
#define TEXT_CASE(name, text) \
    case name: \
        return text;
        ROVE_ERROR_MAP(TEXT_CASE)
#undef TEXT_CASE
    default: /* the table is open: most of errno is not in it */
        return NULL;
    }
}

const char *rove_strerror(int error)
{
    if (error == 0)
        return "success";
    if (error < ROVE_ERRNO_MIN || error > -ROVE_ERRNO_MIN)
        return "application error";
    int code = error < 0 ? -error : error;
    const char *text = listed_text(code);
    if (text == NULL)
        text = strerrordesc_np(code);
    return text != NULL ? text : "unknown error";
}

const char *rove_version(void)
{
    return ROVE_VERSION_STRING;
}

/* The clobber keeps an optimiser that sees this body (LTO) from treating two calls as one. */
RV_NOINLINE int *rove_errno_location(void)
{
    __asm__ volatile("" ::: "memory");
    return libc_errno_location();
}
