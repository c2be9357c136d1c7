// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. A task makes FANOUT tasks, DEPTH times over, and
 * adds up the numbers of the leaves: 10 to the 6th of them. */
#define FANOUT      10
#define DEPTH       6
#define DEPTH_SMOKE 3
