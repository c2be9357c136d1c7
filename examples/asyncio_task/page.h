// SPDX-License-Identifier: MIT
/*
 * Purpose: what the build puts before each program of this folder so that a second of it costs the
 *   tests little. The programs themselves do not know; compiled alone they take their time.
 * Idea: PAGE_SIM 0: a second is as long as the environment's PAGE_MS says, 1000 milliseconds unless
 *   it does. PAGE_SIM 1: the runtime is simulated, time is virtual, workers and luck follow from
 *   PAGE_SEED, and each line is stamped with its second: `<second>|<line>`.
 */
#ifndef ROVE_EXAMPLES_PAGE_H
#define ROVE_EXAMPLES_PAGE_H

#include <rove.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static inline long page_number(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtol(text, NULL, 10);
}

#if PAGE_SIM
#include <rove/sim.h>

/* One call of printf is one line in these programs. The C library may have a macro of its own. */
#undef printf
#define printf(...)                                                                                \
    ((void)fprintf(stdout, "%d|", (int)((rove_now() - ROVE_SEC(1)) / ROVE_SEC(1))),                \
     (void)fprintf(stdout, __VA_ARGS__))

static inline int page_run_with(const rove_options *options, rove_coro *fn, void *arg,
                                void **result)
{
    rove_sim_report report = {.trouble = ""};
    rove_sim_options sim = {.no_faults = true, .report = &report};
    if (options != NULL)
        sim.runtime = *options;
    (void)result;
    int rc = rove_sim_run((uint64_t)page_number("PAGE_SEED", 1), &sim, fn, arg);
    if (report.trouble[0] != '\0')
        fprintf(stderr, "%s\n", report.trouble);
    return rc;
}

#define rove_run(fn, arg, result) page_run_with(NULL, fn, arg, result)
#define rove_run_with page_run_with
#define sleep(n) rove_sim_work(ROVE_SEC(n))
#else
static inline rove_duration page_seconds(double n)
{
    return (rove_duration)(n * 1e6 * (double)page_number("PAGE_MS", 1000));
}

static inline void page_sleep(double n)
{
    struct timespec left = {0, 0};
    left.tv_nsec = page_seconds(n);
    while (left.tv_nsec >= 1000000000) {
        left.tv_nsec -= 1000000000;
        left.tv_sec++;
    }
    nanosleep(&left, NULL);
}

#undef ROVE_SEC
#define ROVE_SEC(n) page_seconds(n)
#define sleep(n) page_sleep(n)
#endif

#endif
