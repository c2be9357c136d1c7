// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. TASKS tasks lock, add one, unlock. */
#define TASKS       64
#define LOCKS       4000000
#define LOCKS_SMOKE 6400
