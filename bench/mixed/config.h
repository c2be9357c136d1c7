// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. One task computes HOG_MS between two yields, for
 * ever; another sleeps TICK_US, TICKS times, and notes how late it woke. */
#define HOG_MS      10
#define TICK_US     1000
#define TICKS       200
#define TICKS_SMOKE 10
