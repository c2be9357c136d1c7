// SPDX-License-Identifier: MIT
/*
 * Purpose: what both back-ends do alike.
 */
#include "io/reactor.h"

#include <signal.h>
#include <time.h>

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
