// SPDX-License-Identifier: MIT
/*
 * Purpose: what every seed program shares: the length of a second, the run, awaiting.
 * Idea: argv[1] is the milliseconds one second of the note lasts (default 1000), argv[2] the
 *   number of workers (default 1, which gives asyncio's order). Lines leave the program one by
 *   one, so that a reader of the pipe can tell at which second each was printed.
 */
#ifndef ROVE_EXAMPLES_SEED_H
#define ROVE_EXAMPLES_SEED_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rove.h>

/* Python's await: an error of the callee ends the caller, as an exception would. */
#define AWAIT(call) ROVE_TRY(call)

/* Written once, before any worker exists. */
static long seed_ms_per_second = 1000;

/* n seconds of the note. */
static inline rove_duration second(double n)
{
    return ROVE_MS((rove_duration)(n * (double)seed_ms_per_second));
}

/* asyncio.sleep(n) as a coroutine object; arg points to n, a double. */
static inline int seed_sleep(void *arg, void **result)
{
    (void)result;
    return rove_sleep(second(*(const double *)arg));
}

/* time.strftime('%X') */
struct seed_clock { char text[16]; };

static inline struct seed_clock seed_clock(void)
{
    struct seed_clock clock = {""};
    struct tm tm;
    time_t now = time(NULL);
    localtime_r(&now, &tm);
    strftime(clock.text, sizeof clock.text, "%X", &tm);
    return clock;
}

static inline rove_options seed_options(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1)
        seed_ms_per_second = strtol(argv[1], NULL, 10);
    unsigned workers = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    return (rove_options){.workers = workers};
}

static inline int seed_exit(int rc)
{
    if (rc < 0)
        fprintf(stderr, "seed: %s\n", rove_strerror(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* asyncio.run(fn()); returns what C's main returns. */
static inline int seed_run(int argc, char **argv, rove_coro *fn)
{
    rove_options options = seed_options(argc, argv);
    return seed_exit(rove_run_with(&options, fn, NULL, NULL));
}

#endif
