// SPDX-License-Identifier: MIT
/*
 * Purpose: the one header a user of rove names. It includes the parts in reading order; each part
 *          also stands alone. <rove/errno.h> is not among them: it redefines errno, so a
 *          translation unit asks for it by name.
 *
 *     #include <rove.h>
 *
 *     static int hello(void *arg, void **result)
 *     {
 *         (void)result;
 *         int rc = rove_sleep(ROVE_MS(100));
 *         return rc < 0 ? rc : puts(arg) < 0 ? -EIO : 0;
 *     }
 *
 *     int main(void) { return rove_run(hello, "hello", NULL) < 0; }
 */
#ifndef ROVE_H
#define ROVE_H

// clang-format off
#include <rove/base.h>
#include <rove/task.h>
#include <rove/runtime.h>
#include <rove/wait.h>
#include <rove/group.h>
#include <rove/thread.h>
#include <rove/sync.h>
#include <rove/chan.h>
#include <rove/broadcast.h>
#include <rove/blocking.h>
#include <rove/io.h>
#include <rove/net.h>
#include <rove/process.h>
#include <rove/debug.h>
// clang-format on

#endif
