// SPDX-License-Identifier: MIT
/*
 * Purpose: runs something in a child process that may die of it, and keeps what it says.
 */
#ifndef RV_TESTS_CHILD_H
#define RV_TESTS_CHILD_H

#include <stdbool.h>

struct rv_child {
    int status;          /* as waitpid gives it */
    char text[16384];    /* its standard error */
};

/* Calls body in a child; it exits with what that returns. On the main thread. */
void rv_child_run(struct rv_child *child, int (*body)(void));
/* It died of a segmentation fault, which a sanitizer turns into an exit status of its own. */
bool rv_child_was_killed(const struct rv_child *child);
/* body breaks a rule: the child stops itself (RV_CHECK, rv_panic) and names the rule. Else prints
 * what the child said. */
bool rv_child_breaks(int (*body)(void), const char *rule);

#endif
