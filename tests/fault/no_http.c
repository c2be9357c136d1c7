// SPDX-License-Identifier: MIT
/*
 * Purpose: where there is no llhttp, the HTTP scenario says so instead of passing.
 */
#include "fault/scenario.h"

#include <errno.h>

int rv_scenario_http(void *arg, void **result)
{
    (void)arg;
    (void)result;
    return -ENOTSUP;
}

void rv_scenario_http_forget(void)
{
}
