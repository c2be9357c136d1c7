// SPDX-License-Identifier: MIT
/*
 * Purpose: the file of file_read, for the programs in C: unlinked at once, each of its 64-bit words
 *          its own offset, so that a block of another place is seen.
 * Threads: blocks_create once; blocks_next and blocks_check with a state of the caller's own.
 */
#ifndef BENCH_FILE_READ_BLOCKS_H
#define BENCH_FILE_READ_BLOCKS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/bench.h"

static inline int blocks_create(long mib)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    static uint64_t words[1 << 17]; /* a MiB */
    snprintf(path, sizeof path, "%s/rove-bench-XXXXXX", folder ? folder : "/tmp");
    int fd = mkstemp(path);
    bench_check(fd >= 0 && unlink(path) == 0, "no temporary file");
    for (long i = 0; i < mib; i++) {
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
            words[k] = (uint64_t)i * sizeof words + k * sizeof *words;
        }
        bench_check(write(fd, words, sizeof words) == (ssize_t)sizeof words, "disk full");
    }
    return fd;
}

/* The offset of the next block to read; *state is any number to begin with. */
static inline int64_t blocks_next(uint64_t *state, long mib, long bytes)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((*state >> 33) % ((uint64_t)mib * 1048576 / (uint64_t)bytes)) * bytes;
}

/* n is what the read returned: a count, or whatever else means failure. */
static inline void blocks_check(const void *block, int64_t n, long bytes, int64_t at)
{
    const uint64_t *words = block;
    bench_check(n == bytes, "a short read");
    bench_check(words[0] == (uint64_t)at && words[bytes / 8 - 1] == (uint64_t)(at + bytes - 8),
                "the bytes of another block");
}

#endif
