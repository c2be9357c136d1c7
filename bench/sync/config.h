// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages of this workload use (go.go reads them from here). */
#define LOCKS 4000000
#define HOPS 4000000
#define TRANSFERS 4000000
#define BUFFER 64
#define WORK_TURNS 200
