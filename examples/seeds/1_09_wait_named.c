// SPDX-License-Identifier: MIT
/*
 * Purpose: note 1, 2.4, second example: a list of named tasks, asyncio.wait, and the printed set of
 * those done. Python's repr also names the file and line of func, and its set has no order; here
 * it is the order given.
 */
#include "seed.h"

static int func(void *arg, void **result)
{
    (void)arg;
    printf("1\n");
    AWAIT(rove_sleep(second(5)));
    printf("3\n");
    *result = "返回值";
    return 0;
}

/* repr(task) */
static void print_task(rove_task *task)
{
    void *result = NULL;
    int rc = rove_result(task, &result);
    const char *state = rc == -EINPROGRESS ? "pending" : "finished";
    printf("<Task %s name='%s' coro=<func() done>", state, rove_get_name(task));
    printf(" result='%s'>", (char *)result);
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("main开始\n");
    rove_task *task_list[] = {
        rove_create_task_with(&(rove_task_options){.name = "yan1"}, func, NULL),
        rove_create_task_with(&(rove_task_options){.name = "yan2"}, func, NULL),
    };
    printf("main结束\n");
    bool done[2];
    ssize_t count = rove_wait(2, task_list, ROVE_ALL_COMPLETED, ROVE_FOREVER, done);
    for (size_t i = 0, shown = 0; i < 2; i++) {
        if (done[i]) {
            printf(shown++ == 0 ? "{" : ", ");
            print_task(task_list[i]);
        }
        rove_release(task_list[i]);
    }
    printf("}\n");
    return count < 0 ? (int)count : 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
