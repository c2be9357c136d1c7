// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. A task creates the next and ends, which creates the
 * next, CHAIN in all; the last one says so to the one that waits. */
#define CHAIN       500000
#define CHAIN_SMOKE 2000
