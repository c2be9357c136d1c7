// SPDX-License-Identifier: MIT
/*
 * Purpose: the decisions of a simulated kernel from a row of bytes, core/sim_tape.h.
 */
#include "core/sim_tape.h"

static const uint8_t *tape_at;
static const uint8_t *tape_end;

void rv_sim_tape_set(const uint8_t *bytes, size_t n)
{
    tape_at = n == 0 ? NULL : bytes;
    tape_end = n == 0 ? NULL : bytes + n;
}

uint32_t rv_sim_tape_draw(struct rv_rand *rand, uint32_t n)
{
    if (tape_at == tape_end)
        return rv_rand_below(rand, n);
    return *tape_at++ % n; /* draws of more than 256 are of sizes, where small ones matter */
}
