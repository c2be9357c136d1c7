// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. Four put, four get, one queue. */
#define PROGRAMS_OF     channel
#define SENDERS         4
#define RECEIVERS       4
#define BUFFER          64
#define TRANSFERS       4000000
#define TRANSFERS_SMOKE 8000
