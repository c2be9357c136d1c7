// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. All ways to put N queens on a board of N x N so that
 * none attacks another, a task for each queen that may stand: 14,200 ways and 856,188 tasks for 12.
 * A board is N bytes, the row of the queen in each column, and a child gets its own copy. */
#define N       12
#define N_SMOKE 6
