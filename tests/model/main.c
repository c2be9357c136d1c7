// SPDX-License-Identifier: MIT
/*
 * Purpose: run models: count out their executions, draw some, or replay one.
 *
 *     model [options] [group or group/model ..]
 *     --list              names only
 *     --preemptions N     bound of the counting out (3)
 *     --stale N           bound of stale values and other surprises (2)
 *     --executions N      count out at most so many, then draw (default: all)
 *     --random N          draw so many afterwards (0)
 *     --only-random       do not count out
 *     --seed N            of the drawing (1)
 *     --replay "17t1 .."  one execution, with its trace; one model
 *     --quiet             one line for a failure only
 *     --first             stop at the first model that fails
 *     --sites             the places of the source that a few drawn executions reach
 */
#include "engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lists.h"

#define WARM_UP 300 /* drawn first: which locations are shared, and what is easy to find */

static struct options {
    uint64_t executions, random, seed;
    bool only_random, is_quiet, is_list, is_first, is_sites;
    const char *replay;
} options = {.executions = UINT64_MAX, .seed = 1};

static bool run_once(const struct rv_model *model, const char *how, uint64_t number)
{
    rv_engine_run(model);
    if (!rv_engine.has_failed) {
        return true;
    }
    bool is_meant = (model->flags & RV_MODEL_MUST_FAIL) != 0 && options.replay == NULL;
    if (!is_meant) {
        printf("%s: FAILED: %s\n", model->name, rv_engine.message);
    }
    if (!options.is_quiet && !is_meant) {
        rv_trace_print(60);
        printf("%s, execution %" PRIu64 "; again: --replay \"", how, number);
        rv_explore_print();
        printf("\" %s\n", model->name);
    }
    return false;
}

static bool draw(const struct rv_model *model, uint64_t n, uint64_t seed)
{
    rv_engine.explore = RV_EXPLORE_RANDOM;
    for (uint64_t i = 0; i < n; i++) {
        rv_explore_begin_random(seed * 1000003 + i);
        if (!run_once(model, "drawn", i)) {
            return false;
        }
    }
    return true;
}

/* How many executions, and whether these were all. */
static bool count_out(const struct rv_model *model, uint64_t *n, bool *is_complete)
{
    rv_engine.explore = RV_EXPLORE_ALL;
    rv_engine.is_newly_shared = false;
    *is_complete = false;
    rv_explore_reset();
    for (*n = 0; *n < options.executions; (*n)++) {
        if (!run_once(model, "counted out", *n)) {
            return false;
        }
        if (rv_engine.is_newly_shared) {
            rv_engine.is_newly_shared = false;
            rv_explore_reset();
        } else if (!rv_explore_advance()) {
            *is_complete = true;
            (*n)++;
            return true;
        }
    }
    return true;
}

static bool run_model(const struct rv_model *model)
{
    uint64_t n = 0;
    bool is_complete = false;
    rv_memory_forget_shared();
    if (options.replay != NULL) {
        rv_engine.explore = RV_EXPLORE_REPLAY;
        return rv_explore_parse(options.replay) && run_once(model, "replayed", 0);
    }
    rv_engine.is_learning = true;
    bool has_passed = draw(model, WARM_UP, 0);
    rv_engine.is_learning = false;
    if (!has_passed) {
        return false;
    }
    if (options.is_sites) {
        printf("%s", model->name);
        rv_trace_print_sites();
        return true;
    }
    bool is_wide = (model->flags & RV_MODEL_WIDE) != 0;
    if (!options.only_random && !is_wide && !count_out(model, &n, &is_complete)) {
        return false;
    }
    uint64_t drawn = options.random;
    if (!is_complete && drawn < options.executions && options.executions != UINT64_MAX) {
        drawn += options.executions;
    }
    if (!draw(model, drawn, options.seed)) {
        return false;
    }
    if (!options.is_quiet) {
        printf("%-32s %10" PRIu64 " executions %-9s %8" PRIu64 " drawn, %u steps\n", model->name, n,
               is_complete ? "(all)" : "", drawn + WARM_UP, rv_engine.steps);
        fflush(stdout);
    }
    return true;
}

static bool is_wanted(const char *name, int count, char *wanted[])
{
    for (int i = 0; i < count; i++) {
        size_t n = strlen(wanted[i]);
        if (strncmp(name, wanted[i], n) == 0 && (name[n] == '\0' || name[n] == '/')) {
            return true;
        }
    }
    return count == 0;
}

static const struct {
    const char *name;
    bool has_value;
} known[] = {{"--list", false},     {"--only-random", false}, {"--quiet", false},
             {"--first", false},    {"--sites", false},
             {"--preemptions", true}, {"--stale", true},      {"--executions", true},
             {"--random", true},    {"--seed", true},         {"--replay", true}};

static void set_option(size_t which, const char *value)
{
    uint64_t number = value == NULL ? 0 : strtoull(value, NULL, 10);
    switch (which) {
    case 0:
        options.is_list = true;
        break;
    case 1:
        options.only_random = true;
        break;
    case 2:
        options.is_quiet = true;
        break;
    case 3:
        options.is_first = true;
        break;
    case 4:
        options.is_sites = true;
        rv_engine.is_tracing = true;
        break;
    case 5:
        rv_engine.max_preemptions = (unsigned)number;
        break;
    case 6:
        rv_engine.max_stale = (unsigned)number;
        break;
    case 7:
        options.executions = number;
        break;
    case 8:
        options.random = number;
        break;
    case 9:
        options.seed = number;
        break;
    default:
        options.replay = value;
        break;
    }
}

/* The index of the first argument that is no option; -1: a wrong one. */
static int parse(int argc, char *argv[])
{
    int i = 1;
    while (i < argc && strncmp(argv[i], "--", 2) == 0) {
        size_t k = 0;
        while (k < RV_ARRAY_LEN(known) && strcmp(known[k].name, argv[i]) != 0) {
            k++;
        }
        if (k == RV_ARRAY_LEN(known) || i + known[k].has_value >= argc) {
            fprintf(stderr, "model: %s?\n", argv[i]);
            return -1;
        }
        set_option(k, known[k].has_value ? argv[i + 1] : NULL);
        i += 1 + known[k].has_value;
    }
    return i;
}

/* A model with an error built in passes when it fails. */
static bool does_as_it_should(const struct rv_model *model)
{
    bool has_passed = run_model(model);
    if ((model->flags & RV_MODEL_MUST_FAIL) == 0 || options.replay != NULL || options.is_sites) {
        return has_passed;
    }
    if (has_passed) {
        printf("%s: FAILED: the error that is built in is not found\n", model->name);
    } else if (!options.is_quiet) {
        printf("%-32s found: %s\n", model->name, rv_engine.message);
    }
    return !has_passed;
}

/* How many of a list were run, how many failed. */
static void run_list(const struct rv_model_list *list, int count, char *wanted[], unsigned *run,
                     unsigned *failed)
{
    for (size_t i = 0; i < list->n && (*failed == 0 || !options.is_first); i++) {
        const struct rv_model *model = &list->models[i];
        if (!is_wanted(model->name, count, wanted)) {
            continue;
        }
        (*run)++;
        if (options.is_list) {
            puts(model->name);
        } else if (!does_as_it_should(model)) {
            (*failed)++;
        }
    }
}

int main(int argc, char *argv[])
{
    rv_engine.max_preemptions = 3;
    rv_engine.max_stale = 2;
    int first = parse(argc, argv);
    unsigned run = 0, failed = 0;
    for (size_t l = 0; first > 0 && l < RV_ARRAY_LEN(lists); l++) {
        run_list(lists[l], argc - first, argv + first, &run, &failed);
    }
    return first < 0 || run == 0 || failed > 0;
}
