// SPDX-License-Identifier: MIT
/*
 * Purpose: the command `rove`: what a user asks of an installed rove without writing a program.
 */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(FILE *out, int status)
{
    fprintf(out, "usage: rove doctor    what this machine allows, what is missing, what it costs\n"
                 "       rove version\n");
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "doctor") == 0) {
        return rv_doctor_main();
    }
    if (argc == 2 && (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0)) {
        puts("rove " RV_TOOL_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)) {
        return usage(stdout, EXIT_SUCCESS);
    }
    return usage(stderr, EXIT_FAILURE);
}
