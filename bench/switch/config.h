// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. Two tasks yield to each other; on two workers each
 * would have one to itself, and nothing to switch to. */
#define PROGRAMS_OF  yield_many
#define ONE_WORKER   1
#define TASKS        2
#define YIELDS       2000000
#define YIELDS_SMOKE 2000
