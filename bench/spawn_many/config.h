// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. TASKS created, then all awaited; ROUNDS times. */
#define TASKS        100000
#define TASKS_SMOKE  500
#define ROUNDS       3
#define ROUNDS_SMOKE 1
