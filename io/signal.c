// SPDX-License-Identifier: MIT
/*
 * Purpose: waiting for signals in a task.
 *
 * Idea: workers block every asynchronous signal, so a signal that all threads block stays pending
 * until a signalfd takes it. Threads that the runtime did not start, main above all, may not block
 * it. For them the signal gets a handler, if it has none of the program's: it makes the thread it
 * hit block the signal, by the mask that the return restores, and sends the same signal to the
 * process again. After one such turn per thread it stays pending.
 *
 *     kill -> main (open) -> handler: block it here, queue it again -> all block it -> signalfd
 *
 * Owner: the dispositions are the process's; `table` counts the runtimes that use each. The last
 * one to end gives the old disposition back; rove_run gives its caller the old mask back.
 * Threads: rove_signal_wait by tasks, the handler on any thread.
 * Rejected: a handler that writes to a pipe: it runs on whatever stack it hits and loses what does
 * not fit into the pipe.
 */
#include "io/signal.h"

#include "core/base.h"
#include "core/check.h"
#include "core/lock.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/interrupt.h"
#include "sched/task.h"

#include <rove/io.h>
#include <rove/process.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define RV_SIGNALS 64

static struct {
    struct rv_lock lock; /* guards the rest; sigaction(2) is called under it, once a signal */
    unsigned users[RV_SIGNALS];
    struct sigaction old[RV_SIGNALS];
    bool is_ours[RV_SIGNALS];
} table;

static void defer(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    ucontext_t *interrupted = context;
    (void)sigaddset(&interrupted->uc_sigmask, sig);
    if (syscall(SYS_rt_sigqueueinfo, getpid(), sig, info) < 0) {
        (void)kill(getpid(), sig); /* the queue is full: at least the signal itself */
    }
    errno = saved;
}

/* Lock held: the first user. A handler of the program's own stays. */
static void install(int sig)
{
    struct sigaction now;
    struct sigaction ours = {.sa_sigaction = defer,
                             .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    int idx = sig - 1;
    table.is_ours[idx] = false;
    if (sig == SIGINT) {
        rv_interrupt_give_up();
    }
    if (sigaction(sig, NULL, &now) < 0 || (now.sa_flags & SA_SIGINFO) != 0 ||
        (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)) {
        return;
    }
    (void)sigfillset(&ours.sa_mask);
    table.old[idx] = now;
    table.is_ours[idx] = sigaction(sig, &ours, NULL) == 0;
}

/* Lock held: the last user. */
static void uninstall(int sig)
{
    struct sigaction now;
    int idx = sig - 1;
    if (table.is_ours[idx] && sigaction(sig, NULL, &now) == 0 && now.sa_sigaction == defer) {
        (void)sigaction(sig, &table.old[idx], NULL);
    }
}

void rv_signal_forget(uint64_t signals)
{
    for (int sig = 1; sig <= RV_SIGNALS; sig++) {
        if ((signals >> (sig - 1) & 1) == 0) {
            continue;
        }
        rv_lock_acquire(&table.lock);
        RV_CHECK(table.users[sig - 1] > 0, "a signal that is given up was in use");
        if (--table.users[sig - 1] == 0) {
            uninstall(sig);
        }
        rv_lock_release(&table.lock);
    }
}

/* From now on until the runtime ends, these signals wait for a task. -EINVAL: the set is empty. */
static RV_NOINLINE int keep(struct rv_io *io, const sigset_t *set)
{
    bool is_empty = true;
    for (int sig = 1; sig <= RV_SIGNALS; sig++) {
        uint64_t bit = UINT64_C(1) << (sig - 1);
        if (sigismember(set, sig) != 1) {
            continue;
        }
        is_empty = false;
        rv_lock_acquire(&table.lock);
        if ((io->signals & bit) == 0) {
            io->signals |= bit;
            if (table.users[sig - 1]++ == 0) {
                install(sig);
            }
        }
        rv_lock_release(&table.lock);
    }
    return is_empty ? -EINVAL : 0;
}

/* A signalfd's record as the siginfo_t that a handler would have got. */
static void translate(const struct signalfd_siginfo *from, siginfo_t *info)
{
    *info = (siginfo_t){0};
    info->si_signo = (int)from->ssi_signo;
    info->si_errno = from->ssi_errno;
    info->si_code = from->ssi_code;
    if (from->ssi_code == SI_TIMER) {
        info->si_timerid = (int)from->ssi_tid;
        info->si_overrun = (int)from->ssi_overrun;
        info->si_value.sival_ptr = (void *)(uintptr_t)from->ssi_ptr;
        return;
    }
    /* From a descriptor: SIGIO, or whichever signal F_SETSIG has chosen for it. */
    if (from->ssi_code >= POLL_IN && from->ssi_code <= POLL_HUP && from->ssi_signo != SIGCHLD) {
        info->si_band = (long)from->ssi_band;
        info->si_fd = from->ssi_fd;
        return;
    }
    info->si_pid = (pid_t)from->ssi_pid;
    info->si_uid = from->ssi_uid;
    if (from->ssi_signo == SIGCHLD && from->ssi_code > 0) {
        info->si_status = from->ssi_status;
        info->si_utime = (clock_t)from->ssi_utime;
        info->si_stime = (clock_t)from->ssi_stime;
    } else {
        info->si_value.sival_ptr = (void *)(uintptr_t)from->ssi_ptr;
    }
}

/* The number of a signal that has come, or -EAGAIN: another waiter was quicker. */
static RV_NOINLINE int take(int fd, siginfo_t *info)
{
    struct signalfd_siginfo record;
    ssize_t n;
    do {
        n = read(fd, &record, sizeof(record));
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return -errno;
    }
    if (info != NULL) {
        translate(&record, info);
    }
    return (int)record.ssi_signo;
}

static RV_NOINLINE int open_signalfd(const sigset_t *set)
{
    int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int rove_signal_wait(const sigset_t *set, siginfo_t *info)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    int fd = set == NULL ? -EINVAL : keep(rv_io_of(self->runtime), set);
    if (fd == 0) {
        fd = open_signalfd(set);
    }
    if (fd < 0) {
        return fd;
    }
    int rc;
    do {
        rc = rove_poll(fd, POLLIN, ROVE_FOREVER);
        if (rc > 0) {
            rc = take(fd, info);
        }
    } while (rc == -EAGAIN);
    rove_close(fd);
    return rc;
}
