// SPDX-License-Identifier: MIT
/*
 * Purpose: io/poller: which back-end runs, by wish, by environment, and where io_uring is refused.
 */
#include "sched/poller.h"

#include "io/reactor.h"
#include "io/ring.h"
#include "sched/current.h"
#include "sched/task.h"
#include "support/fixture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

static int name_of_backend(RV_UNUSED void *arg, void **result)
{
    *result = (void *)(uintptr_t)rv_current_task()->runtime->poller->name;
    return 0;
}

/* What a runtime says of itself. */
struct said {
    int lines, level;
    char text[256];
};

static struct said said;

static void keep(void *ctx, int level, const char *message)
{
    struct said *s = ctx;
    s->lines++;
    s->level = level;
    snprintf(s->text, sizeof(s->text), "%s", message);
}

static const char *backend_for(rove_backend wish, int *rc)
{
    rove_options options = {.workers = 1, .backend = wish, .log = keep, .log_ctx = &said};
    void *name = NULL;
    said = (struct said){0};
    *rc = rove_run_with(&options, name_of_backend, NULL, &name);
    return name;
}

static void test_poller_order_of_choice(void **state)
{
    (void)state;
    unsetenv("ROVE_BACKEND");
    assert_string_equal(rv_poller_pick(ROVE_BACKEND_AUTO, 0)->name, "io_uring");
    assert_string_equal(rv_poller_pick(ROVE_BACKEND_AUTO, 1)->name, "epoll");
    assert_null(rv_poller_pick(ROVE_BACKEND_AUTO, 2));
    assert_string_equal(rv_poller_pick(ROVE_BACKEND_URING, 0)->name, "io_uring");
    assert_null(rv_poller_pick(ROVE_BACKEND_URING, 1));
    assert_string_equal(rv_poller_pick(ROVE_BACKEND_EPOLL, 0)->name, "epoll");
    assert_null(rv_poller_pick(ROVE_BACKEND_EPOLL, 1));
}

/* Goal: the environment overrides AUTO, never an explicit wish; nonsense is as if it were unset. */
static void test_poller_environment(void **state)
{
    (void)state;
    setenv("ROVE_BACKEND", "epoll", 1);
    assert_string_equal(rv_poller_pick(ROVE_BACKEND_AUTO, 0)->name, "epoll");
    assert_null(rv_poller_pick(ROVE_BACKEND_AUTO, 1));
    assert_string_equal(rv_poller_pick(ROVE_BACKEND_URING, 0)->name, "io_uring");
    setenv("ROVE_BACKEND", "uring", 1);
    assert_string_equal(rv_poller_pick(ROVE_BACKEND_AUTO, 0)->name, "io_uring");
    assert_null(rv_poller_pick(ROVE_BACKEND_AUTO, 1));
    assert_string_equal(rv_poller_pick(ROVE_BACKEND_EPOLL, 0)->name, "epoll");
    setenv("ROVE_BACKEND", "abacus", 1);
    assert_string_equal(rv_poller_pick(ROVE_BACKEND_AUTO, 0)->name, "io_uring");
    unsetenv("ROVE_BACKEND");
}

static void test_poller_wish_is_what_runs(void **state)
{
    (void)state;
    int rc;
    const char *name = backend_for(ROVE_BACKEND_EPOLL, &rc);
    assert_int_equal(rc, 0);
    assert_string_equal(name, "epoll");
    if (rv_ring_probe() == 0) {
        name = backend_for(ROVE_BACKEND_URING, &rc);
        assert_int_equal(rc, 0);
        assert_string_equal(name, "io_uring");
    }
}

static bool has_said(int level, const char *text)
{
    if (said.lines != 1 || said.level != level || strcmp(said.text, text) != 0) {
        fprintf(stderr, "%d lines, level %d: %s\n", said.lines, said.level, said.text);
        return false;
    }
    return true;
}

/* Goal: a runtime says in one line what it has chosen and why, where a log asks for such; where
 * nobody does (level INFO, no log, no debug mode) it is silent. */
static void test_poller_choice_is_said_in_one_line(void **state)
{
    (void)state;
    int rc;
    unsetenv("ROVE_BACKEND");
    (void)backend_for(ROVE_BACKEND_EPOLL, &rc);
    assert_true(has_said(LOG_INFO, "rove: back-end epoll: the options ask for it"));
    setenv("ROVE_BACKEND", "epoll", 1);
    (void)backend_for(ROVE_BACKEND_AUTO, &rc);
    assert_true(has_said(LOG_INFO, "rove: back-end epoll: ROVE_BACKEND asks for it"));
    unsetenv("ROVE_BACKEND");
    if (rv_ring_probe() == 0) {
        (void)backend_for(ROVE_BACKEND_AUTO, &rc);
        assert_true(has_said(LOG_INFO, "rove: back-end io_uring: a no-op came back from a ring "
                                       "with all that rove requires"));
    }
}

/* From here on one system call answers `error`, as in a container; only for this process. */
static void forbid(unsigned number, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        _exit(77);
    }
}

static bool has_said_why(const char *chosen, int level, unsigned error)
{
    char text[sizeof(said.text)];
    snprintf(text, sizeof(text), "rove: back-end %s: io_uring is refused here: %s", chosen,
             error == EPERM ? "the system forbids it" : rove_strerror(-(int)error));
    return has_said(level, text);
}

/* In a child: AUTO must run on epoll, an explicit io_uring must fail with a negative errno; both
 * say why. */
static void refuse_in_child(unsigned number, unsigned error)
{
    pid_t child = fork();
    if (child == 0) {
        int rc;
        forbid(number, error);
        const char *name = backend_for(ROVE_BACKEND_AUTO, &rc);
        if (rc != 0 || strcmp(name, "epoll") != 0 || !has_said_why("epoll", LOG_INFO, error)) {
            _exit(1);
        }
        name = backend_for(ROVE_BACKEND_URING, &rc);
        _exit(rc < 0 && name == NULL && has_said_why("none", LOG_NOTICE, error) ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Goal: each way in which containers and settings refuse io_uring leads to epoll. */
static void test_poller_refused_ring_falls_back(void **state)
{
    (void)state;
    if (rv_ring_probe() < 0)
        skip(); /* refused already, for a reason of its own */
    refuse_in_child(__NR_io_uring_setup, EPERM);
    refuse_in_child(__NR_io_uring_setup, ENOSYS);
    refuse_in_child(__NR_io_uring_setup, ENOMEM);
    refuse_in_child(__NR_io_uring_setup, EOPNOTSUPP);
    refuse_in_child(__NR_io_uring_enter, EPERM);
    refuse_in_child(__NR_io_uring_register, EPERM);
}

/* As many descriptors as are open now, and `more`. */
static void allow_descriptors(rlim_t more, struct rlimit *before)
{
    int next = dup(0);
    assert_true(next > 0 && close(next) == 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
    struct rlimit limit = {.rlim_cur = (rlim_t)next + more, .rlim_max = before->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static const char *start_with_few(rlim_t more, int *rc)
{
    struct rlimit before;
    rove_options options = {.workers = 4};
    void *name = NULL;
    allow_descriptors(more, &before);
    *rc = rove_run_with(&options, name_of_backend, NULL, &name);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    return *rc == 0 ? name : NULL;
}

/* Goal: whichever of its descriptors a runtime of four workers cannot have, the third ring's among
 * them, it takes the other back-end or fails with a reason, and gives back what it had. Method: one
 * descriptor more each time, until io_uring has all it wants. */
static void test_poller_each_descriptor_missing_once(void **state)
{
    enum { AT_MOST = 64 };
    struct rv_test_usage usage;
    int rc, fell_back = 0;
    (void)state;
    unsetenv("ROVE_BACKEND");
    if (rv_ring_probe() < 0) {
        return;
    }
    rv_test_usage_read(&usage);
    const char *name = NULL;
    for (rlim_t more = 0; name == NULL || strcmp(name, "epoll") == 0; more++) {
        name = start_with_few(more, &rc);
        assert_true(more < AT_MOST);
        assert_true(rc == 0 || rc == -EMFILE);
        fell_back += name != NULL && strcmp(name, "epoll") == 0;
    }
    assert_string_equal(name, "io_uring");
    assert_true(fell_back >= 4);
    rv_test_usage_check(&usage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poller_order_of_choice),
        cmocka_unit_test(test_poller_environment),
        cmocka_unit_test(test_poller_wish_is_what_runs),
        cmocka_unit_test(test_poller_choice_is_said_in_one_line),
        cmocka_unit_test(test_poller_refused_ring_falls_back),
        cmocka_unit_test(test_poller_each_descriptor_missing_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
