// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. As channel, without a buffer. */
#define PROGRAMS_OF     channel
#define SENDERS         4
#define RECEIVERS       4
#define BUFFER          0
#define TRANSFERS       1000000
#define TRANSFERS_SMOKE 8000
