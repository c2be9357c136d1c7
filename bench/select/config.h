// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. A sender each on four unbuffered channels; one
 * receiver selects among them. */
#define CHANNELS        4
#define TRANSFERS       1000000
#define TRANSFERS_SMOKE 4000
