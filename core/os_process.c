// SPDX-License-Identifier: MIT
/*
 * Purpose: the kernel calls behind core/os_process.h.
 * Idea:    a fault that is explained kills as it would have: the handler that was there before is
 *          put back and the faulting instruction runs again. One that is not explained is handed
 *          on with our handler still in place, as the one before may repair it and return.
 * Threads: any.
 */
#include "core/os_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/atomic.h"
#include "core/base.h"

#define RV_OS_STAT_FLAGS 9 /* the field of /proc/PID/stat, counted from 1 */
#define RV_OS_PF_IO_WORKER 0x10ul /* the kernel's own, include/linux/sched.h */
#define RV_OS_ALT_STACK_BYTES ((size_t)64 * 1024) /* the report unwinds: 5 KB, and loads symbols */

static RV_ATOMIC(uintptr_t) fault_look;  /* rv_os_fault_look */
static struct sigaction before_segv;     /* written before fault_look */
static struct sigaction before_bus;

/* The process dies of the signal, by the handler that was there before, if there was one. */
static void give_back(int sig, const siginfo_t *info, const struct sigaction *before)
{
    (void)sigaction(sig, before, NULL);
    if (info->si_code <= 0) /* sent by somebody: it does not come again by itself */
        (void)raise(sig);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    const struct sigaction *before = sig == SIGBUS ? &before_bus : &before_segv;
    /* order: acquire X1. The handlers before; pairs with rv_os_watch_faults. */
    rv_os_fault_look look = (rv_os_fault_look)rv_load_acquire(&fault_look);
    bool is_explained = info->si_code > 0 && look != NULL && look(info->si_addr);

    if (is_explained || (!(before->sa_flags & SA_SIGINFO) &&
                         (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN)))
        give_back(sig, info, before);
    else if (before->sa_flags & SA_SIGINFO)
        before->sa_sigaction(sig, info, context);
    else
        before->sa_handler(sig);
}

void rv_os_watch_faults(rv_os_fault_look look)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct sigaction action;

    (void)pthread_mutex_lock(&mutex);
    if (rv_load_relaxed(&fault_look) == 0) {
        memset(&action, 0, sizeof(action));
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        (void)sigaction(SIGSEGV, NULL, &before_segv);
        (void)sigaction(SIGBUS, NULL, &before_bus);
        /* order: release X1. The handlers before what uses them; pairs with on_fault. */
        rv_store_release(&fault_look, (uintptr_t)look);
        (void)sigaction(SIGSEGV, &action, NULL);
        (void)sigaction(SIGBUS, &action, NULL);
    }
    (void)pthread_mutex_unlock(&mutex);
}

void rv_os_alt_stack_enter(struct rv_os_alt_stack *alt)
{
    stack_t ss = {.ss_size = RV_OS_ALT_STACK_BYTES};

    alt->memory = mmap(NULL, ss.ss_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (alt->memory == MAP_FAILED) {
        alt->memory = NULL;
        return;
    }
    ss.ss_sp = alt->memory;
    if (sigaltstack(&ss, &alt->before) != 0) {
        (void)munmap(alt->memory, ss.ss_size);
        alt->memory = NULL;
    }
}

void rv_os_alt_stack_leave(struct rv_os_alt_stack *alt)
{
    if (alt->memory == NULL)
        return;
    (void)sigaltstack(&alt->before, NULL);
    (void)munmap(alt->memory, RV_OS_ALT_STACK_BYTES);
    alt->memory = NULL;
}

int rv_os_watch_forks(void (*in_child)(void))
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static bool is_watching;
    int rc = 0;

    (void)pthread_mutex_lock(&mutex);
    if (!is_watching)
        rc = -pthread_atfork(NULL, NULL, in_child);
    is_watching = is_watching || rc == 0;
    (void)pthread_mutex_unlock(&mutex);
    return rc;
}

void rv_os_exit_now(int status)
{
    _exit(status);
}

void rv_os_refuse_thread_cancel(void)
{
    int old;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
}

static pthread_key_t end_key;
static bool has_end_key;

static void call_at_exit(void *value)
{
    const struct rv_os_end_watch *watch = value;

    watch->at_exit();
}

static void make_end_key(void)
{
    has_end_key = pthread_key_create(&end_key, call_at_exit) == 0;
}

void rv_os_watch_thread_end(const struct rv_os_end_watch *watch)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, make_end_key);
    if (has_end_key)
        (void)pthread_setspecific(end_key, watch);
}

void rv_os_end_thread_watch(void)
{
    if (has_end_key)
        (void)pthread_setspecific(end_key, NULL);
}

uint64_t rv_os_signal_mask(void)
{
    sigset_t set;
    uint64_t words = 0;

    (void)sigemptyset(&set);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &set);
    memcpy(&words, &set, sizeof(words)); /* the kernel's 64 signals come first */
    return words;
}

/* As a string; empty if it is not to be had. */
static void read_small_file(const char *path, char *text, size_t bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, bytes - 1);

    text[n < 0 ? 0 : n] = '\0';
    if (fd >= 0)
        (void)close(fd);
}

/* Unknown: it is not. */
static bool is_io_worker(const char *tid)
{
    char path[64];
    char text[512];
    const char *at;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%.16s/stat", tid);
    read_small_file(path, text, sizeof(text));
    at = strrchr(text, ')'); /* the end of the name, field 2, which may contain anything */
    for (int field = 2; at != NULL && field < RV_OS_STAT_FLAGS; field++)
        at = strchr(at + 1, ' ');
    return at != NULL && (strtoul(at, NULL, 10) & RV_OS_PF_IO_WORKER) != 0;
}

/* A thread of the sanitizer's blocks what no program blocks. */
static bool is_sanitizers(const char *tid)
{
    char path[64];
    char text[4096];
    const char *at;

    if (!RV_TSAN)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/self/task/%.16s/status", tid);
    read_small_file(path, text, sizeof(text));
    at = strstr(text, "SigBlk:");
    return at != NULL && (strtoull(at + strlen("SigBlk:"), NULL, 16) >> (SIGSEGV - 1) & 1) != 0;
}

static bool append(pid_t **tids, size_t n, pid_t tid)
{
    if ((n & (n - 1)) == 0) { /* full at each power of two */
        pid_t *grown = realloc(*tids, (n == 0 ? 1 : n * 2) * sizeof(**tids));

        if (grown == NULL)
            return false;
        *tids = grown;
    }
    (*tids)[n] = tid;
    return true;
}

ssize_t rv_os_list_threads(pid_t **tids)
{
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *entry;
    size_t n = 0;
    bool is_complete = true;

    *tids = NULL;
    if (dir == NULL)
        return -ENOENT;
    while (is_complete && (entry = readdir(dir)) != NULL) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (tid <= 0 || is_io_worker(entry->d_name) || is_sanitizers(entry->d_name))
            continue;
        is_complete = append(tids, n, tid);
        n += is_complete;
    }
    (void)closedir(dir);
    if (is_complete && n > 0) /* who calls is one of them */
        return (ssize_t)n;
    free(*tids);
    *tids = NULL;
    return is_complete ? -ENOENT : -ENOMEM;
}

/* The kernel clears the number of a thread that has ended and wakes whoever sleeps on it, as on a
 * word that processes share; so that is what a thread in pthread_join does. */
pid_t rv_os_joined_by(pid_t tid)
{
    char path[64];
    char text[256];
    long call = 0;
    unsigned long word = 0;
    unsigned long op = 0;
    unsigned long value = 0;
    unsigned long timeout = 0;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)tid);
    read_small_file(path, text, sizeof(text));
    if (sscanf(text, "%ld %lx %lx %lx %lx", &call, &word, &op, &value, &timeout) != 5)
        return 0; /* it runs */
    if (call != SYS_futex || timeout != 0 || (op & FUTEX_PRIVATE_FLAG) != 0)
        return 0;
    op &= ~(unsigned long)FUTEX_CLOCK_REALTIME;
    return op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET ? (pid_t)value : 0;
}
