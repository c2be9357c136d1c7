// SPDX-License-Identifier: MIT
/*
 * Purpose: what is left of a runtime in a child of fork. fork.h has the idea.
 * Threads: on_fork in the only thread of the child; rv_fork_start any.
 */
#include "sched/fork.h"

#include "core/os_process.h"
#include "sched/current.h"
#include "sched/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

unsigned rv_fork_count;
bool rv_fork_in_task;

static void on_fork(void)
{
    rv_fork_count++;
    if (rv_current_worker() != NULL) {
        rv_fork_in_task = true;
        rv_current_set_worker(NULL);
    }
}

int rv_fork_start(struct rove_runtime *runtime)
{
    if (rv_fork_in_task) {
        return -EPERM;
    }
    runtime->fork_count = rv_fork_count;
    return rv_os_watch_forks(on_fork);
}

void rv_fork_end_child(const struct rv_task *t)
{
    fprintf(stderr, "rove: task %s returned in a child of fork, which can only exec or _exit\n",
            t->name == NULL ? "without a name" : t->name);
    rv_os_exit_now(EXIT_FAILURE);
}
