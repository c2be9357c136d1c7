// SPDX-License-Identifier: MIT
/*
 * Purpose: io/process_spawn.c: what a child is given and what it is not; no child without a handle.
 * Idea:    the child says what it sees through a pipe; calls that could fail after the child exists
 *          are made to, by way of the linker.
 */
#include "io/process.h"

#include "support/child.h"
#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

int __real_pidfd_open(pid_t pid, unsigned flags);
int __wrap_pidfd_open(pid_t pid, unsigned flags);

static bool is_pidfd_refused;
static bool is_child_taken;   /* by the program, as by a handler of SIGCHLD */
static pid_t last_child;

int __wrap_pidfd_open(pid_t pid, unsigned flags)
{
    last_child = pid;
    if (is_pidfd_refused) {
        errno = EMFILE;
        return -1;
    }
    if (is_child_taken) {
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
    return __real_pidfd_open(pid, flags);
}

static char said[8192];

static void open_pipe(int fds[2])
{
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

/* Runs it; `said` has its output. The exit status, or a negative errno. */
static int run_program(const char *const argv[], const rove_process_options *more)
{
    rove_process_options options = *more;
    int fds[2];
    open_pipe(fds);
    options.argv = (char *const *)(uintptr_t)argv;
    options.out = ROVE_PIPE;
    struct rv_spawn spawn = {.options = &options, .child_ends = {-1, fds[1], -1}};
    assert_int_equal(rv_spawn_check(&options), 0);
    int rc = rv_spawn_run(&spawn, NULL);
    close(fds[1]);
    size_t used = 0;
    ssize_t n;
    while ((n = read(fds[0], said + used, sizeof said - 1 - used)) > 0)
        used += (size_t)n;
    said[used] = '\0';
    close(fds[0]);
    if (rc < 0)
        return rc;
    int status = -1;
    assert_int_equal(waitpid(spawn.pid, &status, 0), spawn.pid);
    assert_int_equal(fcntl(spawn.pidfd, F_GETFD), FD_CLOEXEC);
    close(spawn.pidfd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

static int run_script(const char *script, const rove_process_options *more)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    return run_program(argv, more);
}

static const rove_process_options plain = {0};

/* Goal: the child starts as from a shell: no signal blocked or ignored, whatever we have. */
static void test_process_spawn_signals_are_as_in_a_shell(void **state)
{
    sigset_t set;
    sigset_t before;
    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, &before), 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGUSR2, SIG_IGN);
    /* Not by way of a shell: some clear their mask. */
    const char *argv[] = {"grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status", NULL};
    assert_int_equal(run_program(argv, &plain), 0);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGUSR2, SIG_DFL);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    unsigned long long blocked = 1;
    unsigned long long ignored = 1;
    assert_int_equal(sscanf(said, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    assert_int_equal(blocked, 0);
    assert_int_equal(ignored & 0x7fffffff, 0); /* the C library keeps two of its own ignored */
}

/* Goal: no descriptor but 0, 1 and 2 is inherited, close-on-exec or not, low or high. */
static void test_process_spawn_descriptors_stay_here(void **state)
{
    int low = dup(STDERR_FILENO);
    int high = fcntl(STDERR_FILENO, F_DUPFD, 200);
    (void)state;
    assert_true(low > 2 && high >= 200);
    assert_int_equal(run_script("exec ls /proc/self/fd", &plain), 0);
    close(low);
    close(high);
    assert_string_equal(said, "0\n1\n2\n3\n"); /* 3: the directory that ls reads */
}

/* Goal: directory and environment are the wished ones; the program is found by PATH. */
static void test_process_spawn_directory_and_environment(void **state)
{
    char *const envp[] = {(char[]){"FRUIT=pear"}, (char[]){"PATH=/usr/bin:/bin"}, NULL};
    rove_process_options options = {.cwd = "/usr", .envp = envp};
    (void)state;
    assert_int_equal(run_script("pwd; echo $FRUIT; echo ${HOME-none}", &options), 0);
    assert_string_equal(said, "/usr\npear\nnone\n");
    assert_int_equal(setenv("RV_SPAWN_TEST", "kept", 1), 0);
    assert_int_equal(run_script("echo $RV_SPAWN_TEST; exit 7", &plain), 7);
    assert_string_equal(said, "kept\n");
}

/* Goal: a directory of the PATH that is relative counts from the child's directory, not ours. */
static void test_process_spawn_relative_path_is_the_child_s(void **state)
{
    static const char *const paths[] = {"PATH=.", "PATH=", "PATH=/nonexistent:bin:."};
    const char *argv[] = {"rove-spawned", NULL};
    char dir[] = "/tmp/rove-spawn-XXXXXX";
    char file[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(file, sizeof file, "%s/%s", dir, argv[0]);
    assert_int_equal(symlink("/bin/sh", file), 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char *const envp[] = {(char *)(uintptr_t)paths[i], NULL};
        rove_process_options options = {.cwd = dir, .envp = envp, .in = ROVE_NULL};
        assert_int_equal(run_program(argv, &options), 0);
        options.cwd = "/";
        assert_int_equal(run_program(argv, &options), -ENOENT);
    }
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* Goal: nothing is /dev/null in both directions; an own descriptor becomes the child's. */
static void test_process_spawn_streams_are_wired(void **state)
{
    int fds[2];
    (void)state;
    rove_process_options options = {.in = ROVE_NULL, .err = ROVE_NULL};
    assert_int_equal(run_script("cat; echo lost >&2; echo end", &options), 0);
    assert_string_equal(said, "end\n");
    open_pipe(fds);
    assert_int_equal(write(fds[1], "from a pipe", 11), 11);
    close(fds[1]);
    options = (rove_process_options){.in = fds[0]};
    assert_int_equal(run_script("cat", &options), 0);
    close(fds[0]);
    assert_string_equal(said, "from a pipe");
}

static void expect_no_child(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* Goal: a program, directory or descriptor that is not there: the errno, and no child. */
static void test_process_spawn_failures_leave_no_child(void **state)
{
    struct rv_test_usage before;
    char *const missing[] = {(char[]){"/no/such/program"}, NULL};
    char *const folder[] = {(char[]){"/tmp"}, NULL};
    char *const fine[] = {(char[]){"/bin/true"}, NULL};
    (void)state;
    rv_test_usage_read(&before);
    for (int i = 0; i < 4; i++) {
        rove_process_options options = {.argv = i == 0 ? missing : i == 1 ? folder : fine};
        if (i == 2)
            options.cwd = "/no/such/directory";
        if (i == 3)
            options.in = 987; /* not open */
        struct rv_spawn spawn = {.options = &options, .child_ends = {-1, -1, -1}};
        int rc = rv_spawn_run(&spawn, NULL);
        assert_int_equal(rc, i == 1 ? -EACCES : i == 3 ? -EBADF : -ENOENT);
        expect_no_child();
    }
    rv_test_usage_check(&before);
}

/* Goal: a child that we could have no handle of is ended and reaped: nobody else would. */
static void test_process_spawn_without_a_pidfd(void **state)
{
    struct rv_test_usage before;
    char *const argv[] = {(char[]){"/bin/cat"}, NULL};
    int fds[2];
    (void)state;
    rv_test_usage_read(&before);
    open_pipe(fds);
    rove_process_options options = {.argv = argv, .in = fds[0]}; /* it would read for ever */
    struct rv_spawn spawn = {.options = &options, .child_ends = {-1, -1, -1}};
    is_pidfd_refused = true;
    assert_int_equal(rv_spawn_run(&spawn, NULL), -EMFILE);
    is_pidfd_refused = false;
    assert_true(last_child > 0);
    expect_no_child();
    close(fds[0]);
    close(fds[1]);
    rv_test_usage_check(&before);
}

/* Goal: wishes that make no sense are refused before anything is begun. */
static void test_process_spawn_check_refuses_nonsense(void **state)
{
    char *const argv[] = {(char[]){"/bin/true"}, NULL};
    char *const empty[] = {NULL};
    static const struct {
        int wish;
        int rc;
    } rows[] = {{ROVE_INHERIT, 0}, {ROVE_PIPE, 0}, {ROVE_NULL, 0},         {3, 0},
                {1, -EINVAL},      {2, -EINVAL},   {ROVE_NULL - 1, -EINVAL}};
    (void)state;
    assert_int_equal(rv_spawn_check(NULL), -EINVAL);
    assert_int_equal(rv_spawn_check(&(rove_process_options){.argv = NULL}), -EINVAL);
    assert_int_equal(rv_spawn_check(&(rove_process_options){.argv = empty}), -EINVAL);
    for (size_t i = 0; i < RV_ARRAY_LEN(rows); i++) {
        for (int stream = 0; stream < 3; stream++) {
            rove_process_options options = {.argv = argv};
            *(stream == 0   ? &options.in
              : stream == 1 ? &options.out
                            : &options.err) = rows[i].wish;
            assert_int_equal(rv_spawn_check(&options), rows[i].rc);
        }
    }
}

/* The child of a program whose own first descriptors are closed: a pipe's end may be such a one. */
static int start_without_streams(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    char *argv[] = {"/bin/sh", "-c", "read word; echo $word; echo $word$word >&2; exit 7", NULL};
    rove_process_options options = {.argv = argv, .in = ROVE_PIPE, .out = ROVE_PIPE,
                                    .err = ROVE_PIPE};
    rove_process *p = NULL;
    char *out = NULL, *err = NULL;
    if (rove_process_start(&options, &p) != 0)
        return 1;
    int rc = rove_process_communicate(p, "pear\n", 5, &out, NULL, &err, NULL);
    bool is_right = rc == 7 && strcmp(out, "pear\n") == 0 && strcmp(err, "pearpear\n") == 0;
    free(out);
    free(err);
    rove_process_release(p);
    return is_right ? 0 : 2;
}

static int start_and_lose(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    char *argv[] = {"/bin/sh", "-c", "echo pear", NULL};
    rove_process_options options = {.argv = argv, .out = ROVE_PIPE};
    rove_process *p = NULL;
    char *out = NULL;
    RV_REQUIRE_EQ(rove_process_start(&options, &p), 0);
    RV_EXPECT_EQ(rove_process_wait(p), 255);
    RV_EXPECT_EQ(rove_process_kill(p, SIGTERM), -ESRCH);
    RV_EXPECT_EQ(rove_process_communicate(p, NULL, 0, &out, NULL, NULL, NULL), 255);
    RV_EXPECT(out != NULL && strcmp(out, "pear\n") == 0);
    free(out);
    rove_process_release(p);
    return 0;
}

/* Goal: a child that the program reaps at once has run all the same: no failure to start. */
static void test_process_spawn_reaped_by_the_program(void **state)
{
    (void)state;
    is_child_taken = true;
    RV_FOR_EACH_WORKERS(workers)
    {
        rv_test_run_on(workers, start_and_lose, NULL);
    }
    is_child_taken = false;
}

static int run_without_streams(void)
{
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    return rove_run(start_without_streams, NULL, NULL);
}

static void test_process_spawn_pipes_may_be_low_descriptors(void **state)
{
    (void)state;
    struct rv_child child;
    rv_child_run(&child, run_without_streams);
    assert_true(WIFEXITED(child.status));
    assert_int_equal(WEXITSTATUS(child.status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_spawn_signals_are_as_in_a_shell),
        cmocka_unit_test(test_process_spawn_descriptors_stay_here),
        cmocka_unit_test(test_process_spawn_directory_and_environment),
        cmocka_unit_test(test_process_spawn_relative_path_is_the_child_s),
        cmocka_unit_test(test_process_spawn_streams_are_wired),
        cmocka_unit_test(test_process_spawn_failures_leave_no_child),
        cmocka_unit_test(test_process_spawn_without_a_pidfd),
        cmocka_unit_test(test_process_spawn_check_refuses_nonsense),
        cmocka_unit_test(test_process_spawn_reaped_by_the_program),
        cmocka_unit_test(test_process_spawn_pipes_may_be_low_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
