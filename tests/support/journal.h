// SPDX-License-Identifier: MIT
/*
 * Purpose: keeps what a runtime logs, for tests that look for it.
 * Threads: note on any; read the text when the runtime has ended, or with rv_journal_has.
 */
#ifndef RV_TESTS_JOURNAL_H
#define RV_TESTS_JOURNAL_H

#include <rove.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct rv_journal {
    pthread_mutex_t mutex;
    size_t used;
    char text[16384];                              /* lines; what does not fit is dropped */
    void (*on_line)(void *ctx, const char *line);  /* called on the thread that logs; may be NULL */
    void *ctx;
};

/* Empty; the options' log goes there. */
void rv_journal_open(struct rv_journal *j, rove_options *options);
/* How many lines contain it. */
unsigned rv_journal_count(struct rv_journal *j, const char *part);

#endif
