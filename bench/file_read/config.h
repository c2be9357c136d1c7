// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. TASKS tasks read blocks of BYTES at random places of
 * a file of MIB mebibytes that the page cache holds, READS in all. */
#define TASKS       32
#define BYTES       4096
#define MIB         64
#define MIB_SMOKE   1
#define READS       200000
#define READS_SMOKE 2000
