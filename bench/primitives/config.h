// SPDX-License-Identifier: MIT
/* Purpose: the number that every primitive gets: how many rounds are timed, after a tenth as many
 * to warm up. A mutex needs a thousand before it is at home (sched/mutex.c). */
#define ONE_WORKER   1
#define ROUNDS       100000
#define ROUNDS_SMOKE 500
