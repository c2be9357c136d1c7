// SPDX-License-Identifier: MIT
/*
 * Purpose: the fault matrix: every row of faults.c against every scenario, as a table.
 *
 * Idea: a cell is a process of its own, so that a crash or a hang costs one cell and has a name. It
 * runs the scenario on 1 and on 3 workers, again and again with k = 1, 2, 3 .., and after each run
 * looks at what it returned and what it left: blocks, mappings, descriptors, threads. The parent
 * watches a counter in shared memory, which moves with every run.
 *
 * A few rows want a library with pools of two small buffers: matrix_two_buffers, a program of the
 * same sources, which this one runs at its end with its own arguments.
 *
 *     matrix [--backend uring|epoll] [--fault PART] [--scenario NAME] [--stride N] [--markdown]
 *
 * Threads: one a process, but for the runtimes.
 */
#include "fault/faults.h"
#include "fault/scenario.h"

#include "core/atomic.h"
#include "core/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    K_MAX = 3000,
    ERRNO_MAX = 140,
    SETTLE_TURNS = 200000, /* as the fixture of the tests; arbitrary */
    HANG_S = 15,
    CELL_BYTES = 200,
    SHOWN_BYTES = 1500
};

static const char echo_request[] = "good morning";
static const char http_request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static const struct scenario {
    const char *name;
    rove_coro *main;
    const char *peer_says; /* NULL: it has no peers */
    unsigned clients, rounds;
} scenarios[] = {
    {"echo", rv_scenario_echo, echo_request, 4, 4},
    {"http", rv_scenario_http, http_request, 3, 3},
    {"groups", rv_scenario_groups, NULL, 2, 0},
};

enum verdict { WELL, WRONG_RESULT, LEAK, NOT_SET_UP, CRASH, HANG };

/* Shared by a cell's process and its parent. */
struct progress {
    RV_ATOMIC(unsigned) runs;
    unsigned k, workers;
    int rc;
    int said_fd; /* a file in memory: what the cell prints, shown if it is not well */
    enum verdict verdict;
    char note[CELL_BYTES];
    unsigned successes, outcomes[ERRNO_MAX];
};

struct wish {
    const char *backend, *fault, *scenario;
    unsigned stride;
    bool is_markdown;
};

struct left {
    struct rv_inject_usage memory;
    long descriptors, threads;
};

static long count_entries(const char *path)
{
    DIR *dir = opendir(path);
    long count = 0;
    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static struct left look(void)
{
    return (struct left){rv_inject_usage(), count_entries("/proc/self/fd"),
                         count_entries("/proc/self/task")};
}

/* A joined thread leaves /proc, and a ring its helpers, a moment later: awaited, within bounds. */
static bool nothing_is_left(const struct left *before, struct progress *p)
{
    struct left now = look();
    for (int turn = 0; turn < SETTLE_TURNS && (now.threads > before->threads ||
                                               now.descriptors > before->descriptors);
         turn++) {
        sched_yield();
        now = look();
    }
    snprintf(p->note, sizeof p->note, "%+ld blocks %+ld bytes %+ld descriptors %+ld threads",
             now.memory.blocks - before->memory.blocks, now.memory.bytes - before->memory.bytes,
             now.descriptors - before->descriptors, now.threads - before->threads);
    return memcmp(&now, before, sizeof now) == 0;
}

static void drop_log(RV_UNUSED void *ctx, RV_UNUSED int level, RV_UNUSED const char *message)
{
}

static rove_backend backend_of(const struct rv_fault *f, bool is_uring)
{
    return !is_uring ? ROVE_BACKEND_EPOLL : f->may_choose ? ROVE_BACKEND_AUTO : ROVE_BACKEND_URING;
}

/* One run with the fault at k: how many calls of its kind there were. */
static unsigned run_once(const struct rv_fault *f, const struct scenario *s, bool is_uring,
                         struct progress *p)
{
    struct rv_scenario_settings settings = {.clients = s->clients,
                                            .rounds = s->rounds,
                                            .peer_fd = -1,
                                            .forks = f->forks,
                                            .patience = f->may_starve ? ROVE_MS(250) : ROVE_SEC(8)};
    rove_options options = {
        .workers = p->workers, .backend = backend_of(f, is_uring), .debug = f->is_debug,
        .log = drop_log};
    struct rv_inject plan = f->plan;
    struct rv_peer peer = {.fd = -1};
    plan.k = rv_fault_is_counted(f) ? p->k : plan.k;
    if (f->peer != RV_PEER_NONE && rv_peer_start(&peer, f->peer, s->peer_says) < 0) {
        p->verdict = NOT_SET_UP;
        return 0;
    }
    settings.peer_fd = peer.fd;
    if (rv_fault_enter_limit(f, p->k) < 0) {
        p->verdict = NOT_SET_UP;
    }
    rv_inject_arm(&plan);
    p->rc = rove_run_with(&options, s->main, &settings, NULL);
    unsigned calls = rv_inject_disarm();
    rv_fault_leave_limit(f);
    rv_scenario_http_forget();
    if (peer.fd >= 0) {
        rv_peer_end(&peer);
    }
    return calls;
}

/* Once in peace: what the process keeps for good is there then. */
static void warm_up(const struct scenario *s, bool is_uring, struct progress *p)
{
    static const struct rv_fault none = {.may_choose = true};
    (void)run_once(&none, s, is_uring, p);
    if (p->rc != 0) {
        p->verdict = WRONG_RESULT;
        snprintf(p->note, sizeof p->note, "without a fault");
    }
}

static void judge(const struct rv_fault *f, const struct left *before, struct progress *p)
{
    if (p->rc == 0) {
        p->successes++;
    } else if (-p->rc < ERRNO_MAX) {
        p->outcomes[-p->rc]++;
    }
    if (!rv_fault_allows(f, p->rc)) {
        p->verdict = WRONG_RESULT;
        snprintf(p->note, sizeof p->note, "%s", rove_strerror(p->rc));
    } else if (!nothing_is_left(before, p)) {
        p->verdict = LEAK;
    }
}

static void run_all_k(const struct rv_fault *f, const struct scenario *s, bool is_uring,
                      unsigned stride, struct progress *p)
{
    bool is_counted = rv_fault_is_counted(f);
    unsigned last = is_counted ? K_MAX : f->limit != RV_LIMIT_NONE ? f->k_last : 1;
    bool was_hit = true;
    p->k = f->limit != RV_LIMIT_NONE ? f->k_first : 1;
    if (!f->is_cold) {
        warm_up(s, is_uring, p);
    }
    for (; p->verdict == WELL && p->k <= last && was_hit; p->k += stride) {
        struct left before = look();
        was_hit = run_once(f, s, is_uring, p) >= p->k || !is_counted;
        if (p->verdict == WELL) {
            judge(f, &before, p);
        }
        (void)rv_fetch_add_relaxed(&p->runs, 1u);
        if (p->verdict != WELL) {
            return;
        }
    }
}

static void be_cell(const struct rv_fault *f, const struct scenario *s, bool is_uring,
                    unsigned stride, struct progress *p)
{
    static const unsigned worker_counts[] = {1, 3};
    (void)dup2(p->said_fd, STDERR_FILENO);
    (void)dup2(p->said_fd, STDOUT_FILENO);
    close(p->said_fd);
    (void)unsetenv("ROVE_BACKEND");
    for (size_t i = 0; i < RV_ARRAY_LEN(worker_counts) && p->verdict == WELL; i++) {
        p->workers = worker_counts[i];
        run_all_k(f, s, is_uring, stride, p);
    }
    _exit(0);
}

/* Waits for the cell while its counter moves. */
static void watch(pid_t pid, struct progress *p)
{
    sigset_t set;
    int status = 0;
    unsigned seen = 0;
    unsigned quiet_s = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (sigtimedwait(&set, NULL, &(struct timespec){.tv_sec = 1}) == SIGCHLD) {
            continue;
        }
        quiet_s = rv_load_relaxed(&p->runs) == seen ? quiet_s + 1 : 0;
        seen = rv_load_relaxed(&p->runs);
        if (quiet_s == HANG_S) {
            p->verdict = HANG;
            (void)kill(pid, SIGABRT);
            (void)waitpid(pid, &status, 0);
            return;
        }
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        p->verdict = CRASH;
        snprintf(p->note, sizeof p->note, "signal %d, status %d",
                 WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                 WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    }
}

/* "57: 50 done, 7 ENOMEM", or what went wrong. */
static void describe(const struct progress *p, char *text, size_t n)
{
    static const char *const names[] = {
        [WELL] = "well",         [WRONG_RESULT] = "WRONG", [LEAK] = "LEAK",
        [NOT_SET_UP] = "CANNOT", [CRASH] = "CRASH",        [HANG] = "HANG"};
    int used;
    if (p->verdict != WELL) {
        snprintf(text, n, "%s at k = %u with %u workers: %s", names[p->verdict], p->k, p->workers,
                 p->note);
        return;
    }
    used = snprintf(text, n, "%u runs: %u done", rv_load_relaxed(&p->runs), p->successes);
    for (int error = 1; error < ERRNO_MAX; error++) {
        if (p->outcomes[error] > 0 && (size_t)used < n) {
            used += snprintf(text + used, n - (size_t)used, ", %u %s", p->outcomes[error],
                             strerrorname_np(error));
        }
    }
}

/* The end of what a cell printed. */
static void show(int fd)
{
    char text[SHOWN_BYTES];
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, text, sizeof text, size > SHOWN_BYTES ? size - SHOWN_BYTES : 0);
    if (n > 0) {
        printf("%.*s\n", (int)n, text);
    }
}

/* True: well. */
static bool run_cell(const struct rv_fault *f, const struct scenario *s, const struct wish *wish,
                     bool is_uring)
{
    char text[CELL_BYTES * 2];
    struct progress *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                              -1, 0);
    if (p == MAP_FAILED) {
        return false;
    }
    p->said_fd = memfd_create("said", MFD_CLOEXEC);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        be_cell(f, s, is_uring, wish->stride, p);
    }
    watch(pid, p);
    describe(p, text, sizeof text);
    bool is_well = p->verdict == WELL;
    printf(wish->is_markdown ? "| %s | %s | %s | %s |\n" : "%-36s %-7s %-9s %s\n", f->name, s->name,
           is_uring ? "io_uring" : "epoll", text);
    if (!is_well) {
        show(p->said_fd);
    }
    close(p->said_fd);
    munmap(p, sizeof *p);
    return is_well;
}

static bool is_wanted(const struct rv_fault *f, const struct scenario *s, const struct wish *wish,
                      bool is_uring)
{
    bool has_backend = (f->backends & (is_uring ? RV_FAULT_URING : RV_FAULT_EPOLL)) != 0;
    bool can_run = f->peer == RV_PEER_NONE || s->peer_says != NULL;
    /* A sanitizer's shadow memory is address space without end. */
    can_run &= f->limit != RV_LIMIT_ADDRESS_SPACE || !(RV_ASAN || RV_TSAN);
    return has_backend && can_run &&
           (wish->backend == NULL || strcmp(wish->backend, is_uring ? "uring" : "epoll") == 0) &&
           (wish->fault == NULL || strstr(f->name, wish->fault) != NULL) &&
           (wish->scenario == NULL || strcmp(wish->scenario, s->name) == 0);
}

static bool read_wish(int argc, char **argv, struct wish *wish)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--markdown") == 0) {
            wish->is_markdown = true;
            continue;
        }
        i++;
        if (value != NULL && strcmp(argv[i - 1], "--backend") == 0) {
            wish->backend = value;
        } else if (value != NULL && strcmp(argv[i - 1], "--fault") == 0) {
            wish->fault = value;
        } else if (value != NULL && strcmp(argv[i - 1], "--scenario") == 0) {
            wish->scenario = value;
        } else if (value != NULL && strcmp(argv[i - 1], "--stride") == 0) {
            wish->stride = (unsigned)strtoul(value, NULL, 10);
        } else {
            return false;
        }
    }
    return wish->stride > 0;
}

/* The rows of the other program, RV_FAULT_OTHER; false: not all well. */
static bool run_other(char **argv)
{
#ifdef RV_FAULT_OTHER
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execv(RV_FAULT_OTHER, argv);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
#else
    (void)argv;
    return true;
#endif
}

static void run_all(const struct wish *wish, unsigned *cells, unsigned *bad)
{
    for (size_t i = 0; i < rv_fault_count; i++) {
        for (size_t j = 0; j < 2 * RV_ARRAY_LEN(scenarios); j++) {
            const struct scenario *s = &scenarios[j / 2];
            if (is_wanted(&rv_faults[i], s, wish, j % 2 == 0)) {
                (*cells)++;
                *bad += !run_cell(&rv_faults[i], s, wish, j % 2 == 0);
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct wish wish = {.stride = 1};
    sigset_t set;
    unsigned cells = 0;
    unsigned bad = 0;
    if (!read_wish(argc, argv, &wish)) {
        fprintf(stderr, "usage: %s [--backend uring|epoll] [--fault PART] [--scenario NAME] "
                        "[--stride N] [--markdown]\n", argv[0]);
        return EXIT_FAILURE;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    run_all(&wish, &cells, &bad);
    bad += !run_other(argv);
    printf("%s%u cells, %u not well\n", wish.is_markdown ? "\n" : "", cells, bad);
    return bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
