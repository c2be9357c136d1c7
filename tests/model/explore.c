// SPDX-License-Identifier: MIT
/*
 * Purpose: which of several things happens next: counted out, drawn, or as a schedule says.
 *
 * Idea: an execution is the list of its choices. Counting out is a depth-first walk of the tree of
 * choices: each execution repeats all choices of the last one but the deepest that has an
 * alternative left. The tree is bounded: so many preemptions (a thread that could go on does not)
 * and so many surprises (a stale value, a compare-exchange that fails for nothing).
 * Drawing is half a random walk, half PCT: random priorities, lowered at a few random steps.
 * A printed schedule lists what is not the usual choice, by step: "17t1 23s2".
 *
 * Source: Musuvathi, Qadeer: Iterative context bounding, PLDI 2007; Burckhardt et al.: A
 * randomized scheduler with probabilistic guarantees of finding bugs, ASPLOS 2010.
 */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH  100000
#define MAX_EVENTS 4000
#define MAX_LOWERS 4

struct event {
    unsigned step;
    enum rv_choice kind;
    unsigned chosen;
};

static struct branch {
    unsigned char n, chosen;
} path[MAX_DEPTH];
static unsigned path_length, path_at;

static struct event events[MAX_EVENTS]; /* of this execution */
static unsigned event_count;
static struct event replayed[MAX_EVENTS];
static unsigned replayed_count;

static uint64_t random_state;
static bool is_walk;
static unsigned lowers[MAX_LOWERS]; /* at which steps the running thread loses its priority */
static unsigned lower_count;
static int lowest;
static unsigned usual_steps = 50; /* about how long executions are */

static const char kind_letters[] = "tso";

static unsigned draw(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 33) % n);
}

static void log_event(enum rv_choice kind, unsigned chosen)
{
    if (chosen != 0 && event_count < MAX_EVENTS) {
        events[event_count++] = (struct event){rv_engine.steps, kind, chosen};
    }
}

static unsigned walk_tree(unsigned n)
{
    if (path_at == path_length) {
        if (path_length == MAX_DEPTH) {
            rv_model_fail("the execution has too many choices");
        }
        path[path_length++] = (struct branch){(unsigned char)n, 0};
    }
    const struct branch *b = &path[path_at++];
    if (b->n != n) {
        rv_model_fail("the model is not deterministic: %u choices were %u", n, b->n);
    }
    return b->chosen;
}

static unsigned replay(enum rv_choice kind, unsigned n)
{
    for (unsigned i = 0; i < replayed_count; i++) {
        const struct event *e = &replayed[i];
        if (e->step == rv_engine.steps && e->kind == kind) {
            return e->chosen < n ? e->chosen : 0;
        }
    }
    return 0;
}

bool rv_explore_may_be_stale(void)
{
    return !rv_engine.is_in_order &&
           (rv_engine.explore != RV_EXPLORE_ALL || rv_engine.stale < rv_engine.max_stale);
}

unsigned rv_explore_choose(enum rv_choice kind, unsigned n)
{
    unsigned chosen = 0;
    if (n <= 1 || rv_engine.current == 0) {
        return 0;
    }
    switch (rv_engine.explore) {
    case RV_EXPLORE_ALL:
        chosen = walk_tree(n);
        break;
    case RV_EXPLORE_RANDOM:
        chosen = draw(kind == RV_CHOICE_STORE ? 3 : 6) == 0 ? draw(n) : 0;
        break;
    case RV_EXPLORE_REPLAY:
        chosen = replay(kind, n);
        break;
    }
    log_event(kind, chosen);
    return chosen;
}

/* The one of highest priority; at some steps the running thread's falls below all others. */
static unsigned draw_by_priority(const unsigned candidates[], unsigned n)
{
    unsigned best = 0;
    for (unsigned i = 0; i < lower_count; i++) {
        if (lowers[i] == rv_engine.steps) {
            rv_engine.threads[candidates[0]].priority = --lowest;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        struct rv_model_thread *t = &rv_engine.threads[candidates[i]];
        if (t->priority == 0) {
            t->priority = 1 + (int)draw(1000);
        }
        if (t->priority > rv_engine.threads[candidates[best]].priority) {
            best = i;
        }
    }
    return best;
}

unsigned rv_explore_thread(const unsigned candidates[], unsigned n, bool is_free)
{
    unsigned chosen = 0;
    if (n == 1) {
        return 0;
    }
    switch (rv_engine.explore) {
    case RV_EXPLORE_ALL:
        if (is_free || rv_engine.preemptions < rv_engine.max_preemptions) {
            chosen = walk_tree(n);
        }
        break;
    case RV_EXPLORE_RANDOM:
        if (!is_walk) {
            chosen = draw_by_priority(candidates, n);
        } else if (is_free || draw(4) == 0) {
            chosen = draw(n);
        }
        break;
    case RV_EXPLORE_REPLAY:
        chosen = replay(RV_CHOICE_THREAD, n);
        break;
    }
    log_event(RV_CHOICE_THREAD, chosen);
    return chosen;
}

/* Before each drawn execution. */
void rv_explore_begin_random(uint64_t seed)
{
    usual_steps = (usual_steps * 7 + rv_engine.steps) / 8 + 1;
    random_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    draw(2);
    is_walk = draw(2) == 0;
    lower_count = draw(MAX_LOWERS);
    lowest = 0;
    for (unsigned i = 0; i < lower_count; i++) {
        lowers[i] = draw(usual_steps) + 1;
    }
    event_count = 0;
}

/* A new walk through the tree. */
void rv_explore_reset(void)
{
    path_length = 0;
    path_at = 0;
    event_count = 0;
}

bool rv_explore_advance(void)
{
    while (path_length > 0 && path[path_length - 1].chosen + 1 >= path[path_length - 1].n) {
        path_length--;
    }
    path_at = 0;
    event_count = 0;
    if (path_length == 0) {
        return false;
    }
    path[path_length - 1].chosen++;
    return true;
}

bool rv_explore_parse(const char *schedule)
{
    replayed_count = 0;
    event_count = 0;
    while (*schedule != '\0') {
        char *end;
        struct event e = {.step = (unsigned)strtoul(schedule, &end, 10)};
        const char *kind = *end == '\0' ? NULL : strchr(kind_letters, *end);
        if (kind == NULL || replayed_count == MAX_EVENTS) {
            return false;
        }
        e.kind = (enum rv_choice)(kind - kind_letters);
        e.chosen = (unsigned)strtoul(end + 1, &end, 10);
        replayed[replayed_count++] = e;
        schedule = end + strspn(end, " ");
    }
    return true;
}

void rv_explore_print(void)
{
    for (unsigned i = 0; i < event_count; i++) {
        printf("%s%u%c%u", i == 0 ? "" : " ", events[i].step, kind_letters[events[i].kind],
               events[i].chosen);
    }
}
