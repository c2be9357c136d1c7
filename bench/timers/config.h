// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. TASKS tasks are asleep at once; their deadlines are
 * spread evenly over SPREAD_MS, beginning LEAD_MS after the first is made; where somebody cannot
 * make them all in that time, bench/run doubles it for all, up to twice. */
#define TASKS           1000000
#define TASKS_SMOKE     1000
#define LEAD_MS         4000
#define LEAD_MS_SMOKE   100
#define SPREAD_MS       1000
#define SPREAD_MS_SMOKE 20
/* A stack's page and page tables for each: rove needs 4500. */
#define NEEDS_MIB       6000
#define NEEDS_MIB_SMOKE 100
