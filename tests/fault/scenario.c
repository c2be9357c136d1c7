// SPDX-License-Identifier: MIT
/*
 * Purpose: what the scenarios share, scenario.h.
 */
#include "fault/scenario.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASKS_MAX = 16 };

int rv_scenario_run_all(unsigned n, rove_coro *fn, void *arg)
{
    rove_task *tasks[TASKS_MAX];
    int rc = 0;
    for (unsigned i = 0; i < n; i++) {
        tasks[i] = rove_create_task(fn, arg);
    }
    for (unsigned i = 0; i < n; i++) {
        int ended = tasks[i] == NULL ? -ENOMEM : rove_await(tasks[i], NULL);
        rc = rv_scenario_worse(rc, ended);
        rove_release(tasks[i]);
    }
    return rc;
}

void rv_scenario_call_peer(const struct rv_scenario_settings *settings, int port)
{
    if (settings->peer_fd >= 0) {
        ssize_t written = write(settings->peer_fd, &port, sizeof port);
        (void)written; /* a peer that has gone is one more kind of bad peer */
    }
}

int rv_scenario_fork(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        rove_task *none = rove_create_task(NULL, NULL); /* the runtime is dead here: refused */
        _exit(none == NULL && rove_sleep(0) == -EPERM ? 0 : 1);
    }
    int status = 0;
    if (pid < 0) {
        return -errno;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : RV_SCENARIO_WRONG;
}
