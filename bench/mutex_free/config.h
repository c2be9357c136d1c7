// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. One task locks, adds one, unlocks. */
#define PROGRAMS_OF mutex
#define ONE_WORKER  1
#define TASKS       1
#define LOCKS       4000000
#define LOCKS_SMOKE 6400
