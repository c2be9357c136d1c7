// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. Two tasks, an unbuffered channel each way; one
 * operation is a round trip. */
#define TRIPS       1000000
#define TRIPS_SMOKE 2000
