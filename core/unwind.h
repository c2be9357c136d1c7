// SPDX-License-Identifier: MIT
/*
 * Purpose: the return addresses on a stack, of the caller or of a context that stands still.
 * Idea:    exact, by the unwind tables that compilers emit anyway: no frame pointers needed, and
 *          nothing runs on the stack that is looked at.
 * Threads: any, as long as the context is not switched to meanwhile.
 */
#ifndef RV_CORE_UNWIND_H
#define RV_CORE_UNWIND_H

#include <stddef.h>

#include "core/context.h"

/* Both fill pcs, innermost first, and return how many: at most capacity. */

/* From the frame of `from`, a __builtin_return_address, outwards; NULL: from the caller's. */
size_t rv_unwind_self(const void *from, void *pcs[], size_t capacity);
/* ctx has been switched away from; it ran before. */
size_t rv_unwind_context(const struct rv_context *ctx, void *pcs[], size_t capacity);

#endif
