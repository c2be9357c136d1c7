// SPDX-License-Identifier: MIT
/*
 * Purpose: scenes on one worker whose order of events is compared with CPython's.
 * Idea:    a ticker counts the rounds of the ready queue: a task that notes a number and yields.
 *          Each scene notes what it sees between the numbers, and "M" when it is over.
 * Threads: the one worker; rv_rounds_play on the main thread.
 */
#ifndef RV_TESTS_ROUNDS_H
#define RV_TESTS_ROUNDS_H

#include "support/fixture.h"

#include <stdio.h>

enum { RV_ROUNDS = 9, RV_ROUNDS_BYTES = 256 };

struct rv_scene {
    const char *name;
    void (*play)(void);
    const char *expected; /* what CPython prints, unless said otherwise */
};

static char rv_rounds_trace[RV_ROUNDS_BYTES];

static inline void rv_note(const char *name, const char *what)
{
    size_t used = strlen(rv_rounds_trace);
    (void)snprintf(rv_rounds_trace + used, sizeof rv_rounds_trace - used, "%s%s%s",
                   used == 0 ? "" : " ", name, what);
}

static inline int rv_rounds_ticker(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < RV_ROUNDS; i++) {
        const char number[] = {(char)('0' + i), '\0'};
        rv_note(number, "");
        int rc = rove_yield();
        if (rc < 0)
            return rc;
    }
    return 0;
}

static inline int rv_rounds_play_scene(void *arg, RV_UNUSED void **result)
{
    const struct rv_scene *s = arg;
    rv_rounds_trace[0] = '\0';
    rove_task *t = rove_create_task(rv_rounds_ticker, NULL);
    s->play();
    rv_note("M", "");
    rove_cancel(t);
    rove_release(t);
    if (!RV_EXPECT_STR(rv_rounds_trace, s->expected))
        print_message("scene %s\n", s->name);
    return 0;
}

static inline void rv_rounds_play(const struct rv_scene *scenes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct rv_scene scene = scenes[i];
        rv_test_run_on(1, rv_rounds_play_scene, &scene);
    }
}

#endif
