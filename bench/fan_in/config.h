// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. Sixteen senders, one receiver, one channel. */
#define PROGRAMS_OF     channel
#define SENDERS         16
#define RECEIVERS       1
#define BUFFER          64
#define TRANSFERS       4000000
#define TRANSFERS_SMOKE 8000
