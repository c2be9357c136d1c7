// SPDX-License-Identifier: MIT
/*
 * Purpose: the last steps of a failed execution, for whoever has to understand it; and which places
 *          of the source a model has reached, for tools/mutate.
 */
#include "engine.h"

#include <stdio.h>
#include <string.h>

#define KEPT 400u

static struct entry {
    unsigned thread, step;
    const char *what;
    const void *at;
    uint64_t value;
    const char *site;
} entries[KEPT];
static unsigned count;

#define MAX_SITES 2048u
static const char *sites[MAX_SITES]; /* a hash set of string constants */

static void note_site(const char *site)
{
    unsigned i = (unsigned)((uintptr_t)site >> 3) % MAX_SITES;
    while (sites[i] != NULL && sites[i] != site) {
        i = (i + 1) % MAX_SITES;
    }
    sites[i] = site;
}

void rv_trace_print_sites(void)
{
    for (unsigned i = 0; i < MAX_SITES; i++) {
        if (sites[i] != NULL && sites[i][0] != '\0') {
            printf(" %s", sites[i]);
        }
        sites[i] = NULL;
    }
    printf("\n");
}

void rv_trace_reset(void)
{
    count = 0;
}

void rv_trace_note(const char *what, const void *at, uint64_t value, const char *site)
{
    entries[count++ % KEPT] =
        (struct entry){rv_engine.current, rv_engine.steps, what, at, value, site};
    if (rv_engine.is_tracing && site != NULL) {
        note_site(site);
    }
}

void rv_trace_print(unsigned last)
{
    last = last < KEPT ? last : KEPT;
    for (unsigned i = count < last ? 0 : count - last; i < count; i++) {
        const struct entry *e = &entries[i % KEPT];
        const char *file = e->site == NULL ? "" : strrchr(e->site, '/');
        printf("  %5u  thread %u  %-14s %06llx = %llx  %s\n", e->step, e->thread, e->what,
               (unsigned long long)(uintptr_t)e->at & 0xffffff, (unsigned long long)e->value,
               file == NULL ? e->site : file + (file[0] != '\0'));
    }
}
