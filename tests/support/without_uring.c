// SPDX-License-Identifier: MIT
/*
 * Purpose: run a program where the kernel refuses io_uring, as containers and hardened hosts do.
 * Idea:    a seccomp filter answers io_uring_setup with the errno of the container runtimes, EPERM,
 *          or with that of a kernel without it, ENOSYS; the filter survives the exec. Descriptors
 *          can be made scarce at the same time.
 *
 *              without_uring EPERM|ENOSYS DESCRIPTORS PROGRAM [ARGUMENT...]
 *
 * Threads: one.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXIT_CANNOT = 126 };

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

static int limit_descriptors(rlim_t count)
{
    struct rlimit limit = {.rlim_cur = count, .rlim_max = count};
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : -errno;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s EPERM|ENOSYS DESCRIPTORS PROGRAM [ARGUMENT...]\n", argv[0]);
        return EXIT_CANNOT;
    }
    int rc = refuse_io_uring(strcmp(argv[1], "ENOSYS") == 0 ? ENOSYS : EPERM);
    if (rc == 0) {
        rc = limit_descriptors((rlim_t)strtoul(argv[2], NULL, 10));
    }
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", argv[0], strerror(-rc));
        return EXIT_CANNOT;
    }
    execv(argv[3], &argv[3]);
    perror(argv[3]);
    return EXIT_CANNOT;
}
