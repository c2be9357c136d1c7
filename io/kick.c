// SPDX-License-Identifier: MIT
/*
 * Purpose: to reach a worker's thread wherever it is, io/kick.h.
 *
 * The handler stays installed: another runtime may be about to start, and a signal that is still
 * on its way must find it.
 */
#include "io/kick.h"

#include "core/lock.h"
#include "core/os.h"
#include "io/reactor.h"
#include "sched/current.h"

#include <errno.h>

static struct rv_lock init_lock;
static RV_ATOMIC(int) kick_signal; /* 0: not chosen yet */

static void on_kick(int signal_number)
{
    int saved_errno = errno;
    struct rv_worker *w = rv_current_worker();
    (void)signal_number;
    if (w != NULL) {
        rv_reactor_of(w->runtime)->kicked(w);
    }
    errno = saved_errno;
}

/* The highest real-time signal with nobody's handler: programs count from SIGRTMIN up. */
static int install(void)
{
    struct sigaction action = {.sa_handler = on_kick, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigfillset(&action.sa_mask);
    for (int number = SIGRTMAX; number >= SIGRTMIN; number--) {
        struct sigaction old;
        if (sigaction(number, NULL, &old) == 0 && (old.sa_flags & SA_SIGINFO) == 0 &&
            old.sa_handler == SIG_DFL && sigaction(number, &action, NULL) == 0) {
            return number;
        }
    }
    return 0;
}

int rv_kick_init(void)
{
    rv_lock_acquire(&init_lock);
    int number = rv_load_relaxed(&kick_signal);
    if (number == 0) {
        number = install();
        rv_store_relaxed(&kick_signal, number);
    }
    rv_lock_release(&init_lock);
    return number == 0 ? -EAGAIN : 0;
}

static void change_mask(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, rv_load_relaxed(&kick_signal));
    (void)pthread_sigmask(how, &set, NULL);
}

void rv_kick_allow(void)
{
    change_mask(SIG_UNBLOCK);
}

void rv_kick_forbid(void)
{
    change_mask(SIG_BLOCK);
}

void rv_kick_mask(sigset_t *mask)
{
    (void)pthread_sigmask(SIG_BLOCK, NULL, mask);
    sigdelset(mask, rv_load_relaxed(&kick_signal));
}

void rv_kick(const struct rv_worker *w)
{
    (void)rv_os_tgkill(w->tid, rv_load_relaxed(&kick_signal));
}
