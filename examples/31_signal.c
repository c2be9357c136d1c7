// SPDX-License-Identifier: MIT
/*
 * Purpose: wait for a signal in a task.
 * Idea: signals waited for are blocked on every worker, so no handler ever interrupts a task;
 *   they arrive as results. Ctrl-C can thus end a program as an ordinary event.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <rove.h>

static int watch(void *arg, void **result)
{
    (void)result;
    for (;;) {
        siginfo_t info;
        int signal = rove_signal_wait(arg, &info);
        if (signal < 0)
            return signal;
        printf("%s, from myself: %d\n", signal == SIGUSR1 ? "SIGUSR1" : "SIGTERM",
               info.si_pid == getpid());
        if (signal == SIGTERM)
            return 0;
        kill(getpid(), SIGTERM);
    }
}

static int async_main(void *arg, void **result)
{
    (void)result;
    rove_task *watcher = rove_create_task(watch, arg);
    rove_yield(); /* it waits now */
    kill(getpid(), SIGUSR1);
    int rc = rove_join(watcher, NULL);
    printf("ended as an ordinary event: %d\n", rc);
    return rc;
}

int main(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL); /* this thread too must leave them to the task */
    return rove_run_with(&(rove_options){.workers = 1}, async_main, &set, NULL) < 0;
}
