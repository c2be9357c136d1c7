// SPDX-License-Identifier: MIT
/*
 * Purpose: nobody goes on before all have arrived.
 * Idea: rove_barrier_wait returns a place 0 .. parties-1, each once, so one task can be picked
 *   for the work between two rounds. Aborting breaks the barrier for everyone (-EPIPE).
 */
#include <stdio.h>

#include <rove.h>

static rove_barrier barrier;
static int arrived, places;

static int climber(void *arg, void **result)
{
    (void)arg, (void)result;
    arrived++;
    int place = rove_barrier_wait(&barrier);
    if (place < 0)
        return place;
    places += place;
    if (place == 0)
        printf("all %d have arrived\n", arrived);
    return 0;
}

static int loner(void *arg, void **result)
{
    (void)arg, (void)result;
    return rove_barrier_wait(&barrier);
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_barrier_init(&barrier, 3);
    const rove_call climbers[] = {{climber, NULL}, {climber, NULL}, {climber, NULL}};
    int rc = rove_gather_calls(3, climbers, NULL);
    if (rc < 0)
        return rc;
    printf("places 0 + 1 + 2 = %d\n", places);

    rove_task *task = rove_create_task(loner, NULL);
    rove_yield();
    rove_barrier_abort(&barrier);
    rc = rove_join(task, NULL);
    printf("loner: %s\n", rc == -EPIPE ? "barrier broken" : "?");
    rove_barrier_reset(&barrier);
    return 0;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
