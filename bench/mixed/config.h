// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. One task computes HOG_MS between two yields, for
 * ever; TICKERS others sleep TICK_US, TICKS times each, and note how late they woke. With one
 * worker a tick waits for the hog's next yield, whoever schedules. */
#define HOG_MS        10
#define TICKERS       200
#define TICK_US       1000
#define TICKS         200
#define TICKS_SMOKE   10
#define LEAST_WORKERS 2
