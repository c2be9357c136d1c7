// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. One sender, one receiver, one channel. */
#define PROGRAMS_OF     fan_in
#define SENDERS         1
#define RECEIVERS       1
#define BUFFER          64
#define TRANSFERS       4000000
#define TRANSFERS_SMOKE 8000
