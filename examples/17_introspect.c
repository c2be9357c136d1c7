// SPDX-License-Identifier: MIT
/*
 * Purpose: look into a running program: all tasks, and who awaits whom.
 * Idea: the call graph has times in it, which change; so here only names are looked for in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rove.h>

static int baker(void *arg, void **result)
{
    return rove_await(arg, result); /* the flour, or another baker */
}

static void show_tasks(void)
{
    rove_task *tasks[8];
    size_t count = rove_all_tasks(rove_current_runtime(), tasks, 8);
    printf("%zu tasks\n", count);
    for (size_t i = 0; i < count; i++) {
        if (rove_get_coro(tasks[i]) == baker)
            printf("%s runs baker()\n", rove_get_name(tasks[i]));
        rove_release(tasks[i]);
    }
}

static void show_graph(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int rc = rove_print_call_graph(rove_current_runtime(), out);
    fclose(out);
    const char *awaiting = strstr(text, "waiter"), *stranger = strstr(text, "miller");
    printf("graph %d: waiter %d, miller %d\n", rc, awaiting != NULL, stranger != NULL);
    free(text);
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_future *flour = rove_create_future();
    rove_task *a = rove_create_task_with(&(rove_task_options){.name = "baker"}, baker, flour);
    rove_task *b = rove_create_task_with(&(rove_task_options){.name = "waiter"}, baker, a);
    rove_yield();
    show_tasks();
    show_graph();
    rove_set_result(flour, NULL);
    int rc = rove_join(b, NULL);
    rove_release(a);
    rove_release(flour);
    return rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
