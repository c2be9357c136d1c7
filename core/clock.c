// SPDX-License-Identifier: MIT
/*
 * Purpose: the replaceable source behind rv_clock_now.
 * Threads: see the header.
 */
#include "core/clock.h"

RV_ATOMIC(uintptr_t) rv_clock_source;

void rv_clock_set_source(int64_t (*source)(void))
{
    rv_store_relaxed(&rv_clock_source, (uintptr_t)source);
}
