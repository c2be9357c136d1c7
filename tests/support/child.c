// SPDX-License-Identifier: MIT
/*
 * Purpose: see child.h.
 */
#include "support/child.h"

#include "core/base.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

void rv_child_run(struct rv_child *child, int (*body)(void))
{
    int fds[2];
    size_t used = 0;
    ssize_t n;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* Not cmocka's handlers: the process is to die as it would without a test around it. */
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        _exit(body());
    }
    close(fds[1]);
    while ((n = read(fds[0], child->text + used, sizeof child->text - 1 - used)) > 0)
        used += (size_t)n;
    child->text[used] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(pid, &child->status, 0), pid);
}

bool rv_child_was_killed(const struct rv_child *child)
{
    if (WIFSIGNALED(child->status))
        return WTERMSIG(child->status) == SIGSEGV || WTERMSIG(child->status) == SIGBUS;
    return (RV_ASAN || RV_TSAN) && WEXITSTATUS(child->status) != 0;
}

bool rv_child_breaks(int (*body)(void), const char *rule)
{
    struct rv_child child;
    rv_child_run(&child, body);
    bool is_stopped = WIFSIGNALED(child.status) || (RV_TSAN && WEXITSTATUS(child.status) != 0);
    bool is_named = strstr(child.text, rule) != NULL;
    if (!is_stopped || !is_named)
        printf("status %#x, said: %s\n", (unsigned)child.status, child.text);
    return is_stopped && is_named;
}
