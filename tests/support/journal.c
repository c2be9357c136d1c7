// SPDX-License-Identifier: MIT
/*
 * Purpose: see journal.h.
 */
#include "support/journal.h"

#include <string.h>

static void note(void *ctx, int level, const char *message)
{
    struct rv_journal *j = ctx;
    size_t n = strlen(message);
    (void)level;
    if (strstr(message, "back-end is refused here") != NULL)
        return; /* a word on the machine, not on what is tested */
    pthread_mutex_lock(&j->mutex);
    if (n + 2 <= sizeof j->text - j->used) {
        memcpy(j->text + j->used, message, n);
        j->text[j->used + n] = '\n';
        j->used += n + 1;
        j->text[j->used] = '\0';
    }
    pthread_mutex_unlock(&j->mutex);
    if (j->on_line != NULL)
        j->on_line(j->ctx, message);
}

void rv_journal_open(struct rv_journal *j, rove_options *options)
{
    memset(j, 0, sizeof *j);
    pthread_mutex_init(&j->mutex, NULL);
    options->log = note;
    options->log_ctx = j;
}

unsigned rv_journal_count(struct rv_journal *j, const char *part)
{
    unsigned n = 0;
    pthread_mutex_lock(&j->mutex);
    for (const char *line = j->text; *line != '\0';) {
        const char *end = strchr(line, '\n');
        const char *at = strstr(line, part);
        n += at != NULL && at < end;
        line = end + 1;
    }
    pthread_mutex_unlock(&j->mutex);
    return n;
}
