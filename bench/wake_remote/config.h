// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. A thread wakes a sleeping task, WAKES times, with
 * GAP_US between, so that the worker has gone to sleep. Both sides need a processor. */
#define WAKES       3000
#define WAKES_SMOKE 50
#define GAP_US      100
#define ALL_CPUS    1
