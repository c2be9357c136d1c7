// SPDX-License-Identifier: MIT
/*
 * Purpose: the ages in a call graph, on a virtual clock: for how long a task has waited, and for
 *          how long what it waits for has been held.
 * Idea:    compared up to half a second, which is more than a simulated machine stalls anybody.
 */
#include <rove.h>
#include <rove/sim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base.h"

enum { SEEDS = 120 };

static int wait_for_lock(void *arg, RV_UNUSED void **result)
{
    return rove_mutex_lock(arg);
}

/* The seconds behind `words` in the graph's line of task "patient", or -1. */
static double age_in_graph(const char *words)
{
    char *text = NULL;
    size_t bytes = 0;
    double age = -1;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        return age;
    int rc = rove_print_call_graph(rove_current_runtime(), out);
    fclose(out);
    const char *line = rc < 0 ? NULL : strstr(text, "patient has waited for a mutex");
    const char *at = line == NULL ? NULL : strstr(line, words);
    if (at != NULL && at < line + strcspn(line, "\n"))
        sscanf(at + strlen(words), " for %lf s", &age);
    free(text);
    return age;
}

static bool is_near(double age, double expected)
{
    return age > expected - 0.5 && age < expected + 0.5;
}

static int wait_and_look(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_mutex m = {0};
    ROVE_TRY(rove_mutex_lock(&m));
    ROVE_TRY(rove_sleep(ROVE_SEC(7)));
    rove_task *t =
        rove_create_task_with(&(rove_task_options){.name = "patient"}, wait_for_lock, &m);
    ROVE_TRY(rove_sleep(ROVE_SEC(100)));
    double waited = age_in_graph("a mutex"), held = age_in_graph("held");
    rove_cancel(t);
    int rc = rove_join(t, NULL);
    rove_mutex_unlock(&m);
    return rc == -ECANCELED && is_near(waited, 100) && is_near(held, 107) ? 0 : -EPROTO;
}

static void test_ages_are_in_the_call_graph(RV_UNUSED void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        rove_sim_report report;
        int rc = rove_sim_run(seed, &(rove_sim_options){.report = &report}, wait_and_look, NULL);
        if (rc != 0)
            fail_msg("seed %d: %s: %s", (int)seed, rove_strerror(rc), report.trouble);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ages_are_in_the_call_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
