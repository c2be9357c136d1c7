// SPDX-License-Identifier: MIT
/*
 * Purpose: the corners of asyncio's meanings: little programs on one worker that say what they see,
 *          in the words of the same program in Python, and what CPython 3.13 says.
 * Idea:    a value is said as Python would print it with 1 and 0 for True and False, an outcome as
 *          one letter: 0 none, C CancelledError, T TimeoutError, E the program's own error.
 * Threads: the one worker; rv_corners_play on the main thread. What the programs share is in
 *          statics, as one of them runs at a time.
 */
#ifndef RV_TESTS_CORNERS_H
#define RV_TESTS_CORNERS_H

#include "support/fixture.h"

#include <errno.h>
#include <stdio.h>

#define RV_CORNER_E (-5001)

enum { RV_CORNER_BYTES = 128 };

struct rv_corner {
    const char *name;
    int (*play)(void);
    const char *expected; /* what CPython says, unless said otherwise */
};

static char rv_corner_text[RV_CORNER_BYTES];

static inline void rv_say(const char *word)
{
    size_t used = strlen(rv_corner_text);
    (void)snprintf(rv_corner_text + used, sizeof rv_corner_text - used, "%s%s",
                   used == 0 ? "" : " ", word);
}

static inline void rv_say_number(long long n)
{
    char word[24];
    (void)snprintf(word, sizeof word, "%lld", n);
    rv_say(word);
}

/* An outcome, as a letter. */
static inline void rv_say_rc(long rc)
{
    rv_say(rc >= 0              ? "0"
           : rc == -ECANCELED   ? "C"
           : rc == -ETIMEDOUT   ? "T"
           : rc == RV_CORNER_E  ? "E"
                                : "?");
}

/* try: await sleep(0); say(0) except CancelledError: say("C") */
static inline void rv_say_pause(void)
{
    rv_say_rc(rove_yield());
}

static inline void rv_say_cancelling(void)
{
    rv_say_number(rove_cancelling(rove_current_task()));
}

static inline int rv_corner_body(void *arg, RV_UNUSED void **result)
{
    const struct rv_corner *c = arg;
    rv_corner_text[0] = '\0';
    RV_EXPECT_EQ(c->play(), 0);
    if (!RV_EXPECT_STR(rv_corner_text, c->expected))
        print_message("corner %s\n", c->name);
    RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    return 0;
}

static inline void rv_corners_play(const struct rv_corner *corners, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct rv_corner corner = corners[i];
        rv_test_run_on(1, rv_corner_body, &corner);
    }
}

/* await sleep(100) */
static inline int rv_corner_sleep(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_sleep(ROVE_FOREVER);
}

/* raise E */
static inline int rv_corner_fail(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return RV_CORNER_E;
}

/* try: await sleep(100) except CancelledError: raise E */
static inline int rv_corner_fail_cancelled(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_sleep(ROVE_FOREVER) == -ECANCELED ? RV_CORNER_E : 0;
}

/* try: await sleep(100) except CancelledError: say("c!"); raise */
static inline int rv_corner_sleep_aloud(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int rc = rove_sleep(ROVE_FOREVER);
    if (rc == -ECANCELED)
        rv_say("c!");
    return rc;
}

/* say("other") */
static inline int rv_corner_other(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rv_say("other");
    return 0;
}

/* t = create_task(body) that is awaited, said and released */
static inline void rv_say_join(rove_task *t)
{
    rv_say_rc(rove_join(t, NULL));
}

#endif
