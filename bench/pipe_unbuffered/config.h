// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. As pipe, without a buffer. */
#define PROGRAMS_OF     fan_in
#define SENDERS         1
#define RECEIVERS       1
#define BUFFER          0
#define TRANSFERS       1000000
#define TRANSFERS_SMOKE 8000
