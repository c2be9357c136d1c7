// SPDX-License-Identifier: MIT
/*
 * Purpose: the run queue's tests again on a ring of four with batches of two, where full, empty and
 *          wrapped come up at every step.
 */
#define RV_RUNQ_CAPACITY 4
#define RV_RUNQ_BATCH 2

#include "core/runq.c"

#include "tests/core/test_runq.c"
