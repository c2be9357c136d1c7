// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. TASKS tasks yield YIELDS times each. */
#define TASKS        1000
#define YIELDS       2000
#define YIELDS_SMOKE 20
