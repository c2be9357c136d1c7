// SPDX-License-Identifier: MIT
/*
 * Purpose: the kernel calls behind core/os.h.
 * Idea:    raw system calls where glibc 2.36 has no wrapper or hides the error; errno is read right
 *          after the call and goes no further.
 * Threads: any.
 */
#include "core/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* since Linux 6.13, younger than our headers */
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define RV_OS_PIDFD_SELF (-10001) /* since Linux 6.14; -EBADF before */
#define RV_OS_RANGES 32           /* a process_madvise call; half a KiB of stack; arbitrary */
#define RV_OS_ARCH_SHSTK_STATUS 0x5005
#define RV_OS_SHSTK_ENABLED 1ul

#define RV_OS_DEFAULT_MAPPINGS 65530 /* the kernel's */
#define RV_OS_NS_PER_S INT64_C(1000000000)

static int result_of(long rc)
{
    return rc < 0 ? -errno : (int)rc;
}

RV_HOT int64_t rv_os_clock_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * RV_OS_NS_PER_S + ts.tv_nsec;
}

int rv_os_futex_wait(RV_ATOMIC(uint32_t) *word, uint32_t expected, int64_t timeout_ns)
{
    struct timespec ts;
    struct timespec *timeout = NULL;

    if (timeout_ns >= 0) {
        ts.tv_sec = (time_t)(timeout_ns / RV_OS_NS_PER_S);
        ts.tv_nsec = (long)(timeout_ns % RV_OS_NS_PER_S);
        timeout = &ts;
    }
    return result_of(
        syscall(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, expected, timeout, NULL, 0));
}

int rv_os_futex_wake(RV_ATOMIC(uint32_t) *word, int n)
{
    return result_of(syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL, NULL, 0));
}

/* Only so that early boot or a seccomp filter cannot stop us: not secret, but not constant. */
static void mix_clock(unsigned char *out, size_t n)
{
    uint64_t x = (uint64_t)rv_os_clock_ns() ^ ((uint64_t)(uintptr_t)out << 20);

    while (n-- > 0) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        *out++ = (unsigned char)((x ^ (uint64_t)rv_os_clock_ns()) >> 56);
    }
}

void rv_os_random(void *buf, size_t n)
{
    unsigned char *out = buf;

    while (n > 0) {
        ssize_t got = getrandom(out, n, GRND_NONBLOCK);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            mix_clock(out, n);
            return;
        }
        out += got;
        n -= (size_t)got;
    }
}

void *rv_os_map(size_t bytes)
{
    void *addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (addr == MAP_FAILED)
        return NULL;
    /* One touched byte of a stack must cost one small page; kernels without huge ones refuse. */
    (void)madvise(addr, bytes, MADV_NOHUGEPAGE);
    return addr;
}

void rv_os_unmap(void *addr, size_t bytes)
{
    (void)munmap(addr, bytes);
}

int rv_os_guard_install(void *addr, size_t bytes)
{
    return result_of(madvise(addr, bytes, MADV_GUARD_INSTALL));
}

/* One advice for many ranges; how many of them it has reached. */
static unsigned advise_strided(char *first, size_t bytes, size_t stride, unsigned count,
                               int advice)
{
    struct iovec ranges[RV_OS_RANGES];
    unsigned done = 0;

    while (done < count) {
        unsigned n = count - done < RV_OS_RANGES ? count - done : RV_OS_RANGES;
        long advised;

        for (unsigned i = 0; i < n; i++) {
            ranges[i].iov_base = first + (done + i) * stride;
            ranges[i].iov_len = bytes;
        }
        advised = syscall(SYS_process_madvise, RV_OS_PIDFD_SELF, ranges, n, advice, 0);
        if (advised <= 0)
            return done;
        done += (unsigned)((size_t)advised / bytes);
        if ((size_t)advised != n * bytes)
            return done;
    }
    return done;
}

unsigned rv_os_guard_install_strided(void *first, size_t bytes, size_t stride, unsigned count)
{
    unsigned done = advise_strided(first, bytes, stride, count, MADV_GUARD_INSTALL);

    while (done < count && rv_os_guard_install((char *)first + done * stride, bytes) == 0)
        done++;
    return done;
}

void rv_os_populate_strided(void *first, size_t bytes, size_t stride, unsigned count)
{
    (void)advise_strided(first, bytes, stride, count, MADV_POPULATE_WRITE);
}

int rv_os_protect_none(void *addr, size_t bytes)
{
    return result_of(mprotect(addr, bytes, PROT_NONE));
}

int rv_os_discard(void *addr, size_t bytes)
{
    return result_of(madvise(addr, bytes, MADV_DONTNEED));
}

size_t rv_os_resident(void *addr, size_t bytes)
{
    unsigned char in_core[256];
    size_t page = rv_os_page_size();
    size_t pages = bytes / page;
    size_t resident = 0;
    char *at = addr;

    while (pages > 0) {
        size_t chunk = pages < sizeof(in_core) ? pages : sizeof(in_core);

        if (mincore(at, chunk * page, in_core) != 0)
            return resident;
        for (size_t i = 0; i < chunk; i++)
            resident += (in_core[i] & 1u) != 0 ? page : 0;
        at += chunk * page;
        pages -= chunk;
    }
    return resident;
}

size_t rv_os_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t rv_os_max_mappings(void)
{
    char text[32];
    int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        (void)close(fd);
    if (got <= 0)
        return RV_OS_DEFAULT_MAPPINGS;
    text[got] = '\0';
    return (size_t)strtoul(text, NULL, 10);
}

int rv_os_membarrier_register(void)
{
    return result_of(
        syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
}

int rv_os_membarrier(void)
{
    return result_of(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
}

int rv_os_thread_create(pthread_t *thread, void *(*main)(void *arg), void *arg)
{
    return -pthread_create(thread, NULL, main, arg);
}

void rv_os_thread_join(pthread_t thread)
{
    (void)pthread_join(thread, NULL);
}

pid_t rv_os_gettid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

int rv_os_tgkill(pid_t tid, int sig)
{
    return result_of(syscall(SYS_tgkill, getpid(), tid, sig));
}

void rv_os_sched_yield(void)
{
    (void)sched_yield();
}

unsigned rv_os_current_cpu(void)
{
    int cpu = sched_getcpu();

    return cpu < 0 ? 0 : (unsigned)cpu;
}

int rv_os_set_timer_slack(uint64_t slack_ns)
{
    return result_of(prctl(PR_SET_TIMERSLACK, (unsigned long)slack_ns, 0, 0, 0));
}

int rv_os_set_thread_name(const char *name)
{
    char cut[16];
    size_t n = strnlen(name, sizeof(cut) - 1);

    memcpy(cut, name, n);
    cut[n] = '\0';
    return result_of(prctl(PR_SET_NAME, cut, 0, 0, 0));
}

int rv_os_block_async_signals(sigset_t *old)
{
    static const int kept[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF};
    sigset_t set;

    (void)sigfillset(&set);
    for (size_t i = 0; i < RV_ARRAY_LEN(kept); i++)
        (void)sigdelset(&set, kept[i]);
    return -pthread_sigmask(SIG_SETMASK, &set, old);
}

int rv_os_restore_signals(const sigset_t *old)
{
    return -pthread_sigmask(SIG_SETMASK, old, NULL);
}

int rv_os_read_signals(sigset_t *now)
{
    return -pthread_sigmask(SIG_SETMASK, NULL, now);
}

bool rv_os_has_shadow_stack(void)
{
#if defined(__x86_64__) && defined(SYS_arch_prctl)
    unsigned long features = 0;

    /* -EINVAL from a kernel without user shadow stacks: there are none, then. */
    return syscall(SYS_arch_prctl, RV_OS_ARCH_SHSTK_STATUS, &features) == 0 &&
           (features & RV_OS_SHSTK_ENABLED) != 0;
#else
    return false;
#endif
}

static void (*interrupt_handler)(int sig); /* written before the signal can come */

static void on_interrupt(int sig)
{
    int saved = errno;
    interrupt_handler(sig);
    errno = saved;
}

bool rv_os_catch_interrupt(void (*handler)(int sig))
{
    struct sigaction now;
    /* SA_RESETHAND: whoever presses Ctrl-C twice means it. */
    struct sigaction ours = {.sa_handler = on_interrupt,
                             .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigset_t mask;

    if (rv_os_gettid() != getpid() || rv_os_read_signals(&mask) != 0 ||
        sigismember(&mask, SIGINT) != 0 || sigaction(SIGINT, NULL, &now) < 0 ||
        (now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL)
        return false;
    interrupt_handler = handler;
    (void)sigfillset(&ours.sa_mask);
    return sigaction(SIGINT, &ours, NULL) == 0;
}

void rv_os_release_interrupt(void)
{
    struct sigaction now;
    if (sigaction(SIGINT, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 &&
        now.sa_handler == on_interrupt)
        (void)signal(SIGINT, SIG_DFL);
}
