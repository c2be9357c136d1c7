// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. FEW, then MANY tasks wait for one event; what they
 * cost while they do. ASLEEP_MS is how long the sleeping process is watched. */
#define FEW             100000
#define FEW_SMOKE       200
#define MANY            1000000
#define MANY_SMOKE      2000
#define ASLEEP_MS       500
#define ASLEEP_MS_SMOKE 20
/* What they cost does not depend on how many workers there are. */
#define ONE_WORKER      1
/* A stack's page and page tables for each: rove needs 4500. */
#define NEEDS_MIB       6000
#define NEEDS_MIB_SMOKE 100
