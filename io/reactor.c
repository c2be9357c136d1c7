// SPDX-License-Identifier: MIT
/*
 * Purpose: what both back-ends do alike.
 */
#include "io/reactor.h"

#include "io/loan.h"
#include "io/signal.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

int rv_io_init(struct rv_io *io, unsigned workers)
{
    rv_loan_forget_parent();
    int rc = rv_fdtab_init(&io->fds);
    return rc < 0 ? rc : rv_steer_init(&io->steer, workers);
}

void rv_io_fini(struct rv_io *io)
{
    for (uint32_t i = 0; i < io->pipe_count; i++) {
        close(io->pipes[i][0]);
        close(io->pipes[i][1]);
    }
    io->pipe_count = 0;
    rv_signal_forget(io->signals);
    rv_steer_fini(&io->steer);
    rv_fdtab_fini(&io->fds);
}

void rv_io_forget_sigpipe(const struct rv_io *io)
{
    if (rv_load_relaxed(&io->had_epipe) == 0) {
        return;
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    (void)sigtimedwait(&set, NULL, &(struct timespec){0});
}
