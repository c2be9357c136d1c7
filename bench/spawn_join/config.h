// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. One task after the other is created and awaited. */
#define TASKS       500000
#define TASKS_SMOKE 2000
