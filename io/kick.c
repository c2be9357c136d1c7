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
static RV_ATOMIC(int) break_signal; /* the same */

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

/* That it came is all there is to it. */
static void on_break(int signal_number)
{
    (void)signal_number;
}

/* The highest real-time signal with nobody's handler: programs count from SIGRTMIN up. */
static int install(void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags | SA_ONSTACK};
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

/* The number, installed at the first call; 0: none is free. */
static int ensure(RV_ATOMIC(int) *chosen, void (*handler)(int), int flags)
{
    rv_lock_acquire(&init_lock);
    int number = rv_load_relaxed(chosen);
    if (number == 0) {
        number = install(handler, flags);
        rv_store_relaxed(chosen, number);
    }
    rv_lock_release(&init_lock);
    return number;
}

int rv_kick_init(void)
{
    return ensure(&kick_signal, on_kick, SA_RESTART) == 0 ? -EAGAIN : 0;
}

static void change_mask(int how, int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    (void)pthread_sigmask(how, &set, NULL);
}

void rv_kick_allow(void)
{
    change_mask(SIG_UNBLOCK, rv_load_relaxed(&kick_signal));
}

void rv_kick_forbid(void)
{
    change_mask(SIG_BLOCK, rv_load_relaxed(&kick_signal));
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

pid_t rv_kick_break_begin(void)
{
    int number = rv_load_relaxed(&break_signal);
    if (number == 0) {
        number = ensure(&break_signal, on_break, 0);
    }
    if (number == 0) {
        return 0;
    }
    change_mask(SIG_UNBLOCK, number);
    return rv_os_gettid();
}

void rv_kick_break_end(void)
{
    change_mask(SIG_BLOCK, rv_load_relaxed(&break_signal));
}

void rv_kick_break(pid_t tid)
{
    (void)rv_os_tgkill(tid, rv_load_relaxed(&break_signal));
}
