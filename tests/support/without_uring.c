// SPDX-License-Identifier: MIT
/*
 * Purpose: run a program where the kernel refuses io_uring, as containers and hardened hosts do.
 * Idea:    a seccomp filter answers io_uring_setup with the errno of the container runtimes, EPERM,
 *          or with that of a kernel without it, ENOSYS; the filter survives the exec. Or no memory
 *          may be locked, which is what rings count as for who has no privilege. Descriptors can be
 *          made scarce at the same time.
 *
 *              without_uring EPERM|ENOSYS|MEMLOCK DESCRIPTORS PROGRAM [ARGUMENT...]
 *
 *          Exits with 77 where MEMLOCK does not keep this kernel from making a ring.
 *
 * Threads: one.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_CANNOT = 126, EXIT_SKIPPED = 77 };

/* The number alone decides: the tests run no program of another architecture. */
static int refuse_io_uring(unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        return -errno;
    }
    /* A filter that does not bite would make every test after it prove nothing. */
    long rc = syscall(SYS_io_uring_setup, 1, NULL);
    return rc == -1 && errno == (int)error ? 0 : -ENOTSUP;
}

/* The privilege is gone after the exec only, so a child sees whether that will bite. */
static int lock_no_memory(void)
{
    struct rlimit none = {0};
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0) {
        return -errno;
    }
    (void)prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0); /* who may not has no such privilege */
    return 0;
}

/* Run again through an exec, as `without_uring TRY`: can a ring be made? */
static int try_ring(void)
{
    struct io_uring_params params = {0};
    return syscall(SYS_io_uring_setup, 8, &params) < 0 ? EXIT_SUCCESS : EXIT_SKIPPED;
}

static int memlock_bites(void)
{
    pid_t child = fork();
    int status = 0;
    if (child == 0) {
        execl("/proc/self/exe", "without_uring", "TRY", (char *)NULL);
        _exit(EXIT_CANNOT);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        return -errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_CANNOT;
}

static int limit_descriptors(rlim_t count)
{
    struct rlimit limit = {.rlim_cur = count, .rlim_max = count};
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : -errno;
}

static int forbid(const char *how)
{
    if (strcmp(how, "MEMLOCK") != 0) {
        return refuse_io_uring(strcmp(how, "ENOSYS") == 0 ? ENOSYS : EPERM);
    }
    int rc = lock_no_memory();
    return rc < 0 ? rc : memlock_bites();
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "TRY") == 0) {
        return try_ring();
    }
    if (argc < 4) {
        fprintf(stderr, "usage: %s EPERM|ENOSYS|MEMLOCK DESCRIPTORS PROGRAM [ARGUMENT...]\n",
                argv[0]);
        return EXIT_CANNOT;
    }
    int rc = forbid(argv[1]);
    if (rc == 0) {
        rc = limit_descriptors((rlim_t)strtoul(argv[2], NULL, 10));
    }
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", argv[0], strerror(-rc));
        return EXIT_CANNOT;
    }
    if (rc > 0) {
        return rc;
    }
    execv(argv[3], &argv[3]);
    perror(argv[3]);
    return EXIT_CANNOT;
}
