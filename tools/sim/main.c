// SPDX-License-Identifier: MIT
/*
 * Purpose: runs the load on many seeds: tools/sim --seeds A..B.
 *
 *     --seeds A..B    these, B not included
 *     --seconds N     as many of them as N seconds allow
 *     --jobs N        in so many processes (2)
 *     --again N       every N-th seed twice, the trace hashes compared (16)
 *     --verbose       who waits for whom, when a run is cut short
 *     --first         stop at the first that fails, say how many seeds it took
 *
 * Idea: processes that are forked and watched: a crash or a hang is a finding like any other, named
 *       by its seed, and the others go on. Exit status 0: all seeds passed.
 */
#include "tools/sim/load.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 16
#define SEED_SECONDS 30 /* a seed takes milliseconds */
#define SHOWN_MAX 20

struct job { /* in shared memory */
    pid_t pid;
    uint64_t seed;      /* under way */
    uint64_t runs, switches, failures;
    bool is_over;
};

static struct {
    uint64_t first, last;
    unsigned jobs, again;
    int seconds;
    bool stops_at_first;
    bool is_verbose;
    time_t begun;
    struct job *job;
} tool = {.last = 1000, .jobs = 2, .again = 16};

static int run_seed(uint64_t seed, rove_sim_report *report)
{
    *report = (rove_sim_report){.trouble = ""};
    const rove_sim_options options = {
        .report = report, .no_faults = seed % 8 == 7, .verbose = tool.is_verbose};
    load_reset();
    int rc = rove_sim_run(seed, &options, load_main, NULL);
    const char *wrong = rc == 0 ? load_audit() : NULL;
    if (wrong != NULL) {
        snprintf(report->trouble, sizeof report->trouble, "%s", wrong);
        rc = -EPROTO;
    }
    return rc;
}

/* True: it failed, and was told. */
static bool try_seed(struct job *job, uint64_t seed)
{
    rove_sim_report report, second;
    job->seed = seed;
    (void)alarm(SEED_SECONDS);
    int rc = run_seed(seed, &report);
    job->runs++;
    job->switches += report.switches;
    if (rc == 0 && tool.again != 0 && seed % tool.again == 0) {
        rc = run_seed(seed, &second);
        if (rc != 0 || second.trace_hash != report.trace_hash) {
            snprintf(report.trouble, sizeof report.trouble, "two runs, two traces (%d)", rc);
            rc = -EPROTO;
        }
    }
    if (rc != 0) {
        job->failures++;
        printf("seed %" PRIu64 ": %s: %s\n", seed, rove_strerror(rc), report.trouble);
        fflush(stdout);
    }
    return rc != 0;
}

static bool is_time_over(void)
{
    return tool.seconds > 0 && time(NULL) - tool.begun >= tool.seconds;
}

/* A process of its own: every jobs-th seed from `seed` on. */
static void run_job(struct job *job, uint64_t seed)
{
    for (; seed < tool.last && !is_time_over(); seed += tool.jobs) {
        if (try_seed(job, seed) && (tool.stops_at_first || job->failures >= SHOWN_MAX)) {
            break;
        }
    }
    job->is_over = true;
}

static void start_job(unsigned i, uint64_t seed)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        run_job(&tool.job[i], seed);
        fflush(stdout);
        _exit(0);
    }
    tool.job[i].pid = pid;
}

static uint64_t sum_failures(void)
{
    uint64_t failures = 0;
    for (unsigned i = 0; i < tool.jobs; i++) {
        failures += tool.job[i].failures;
    }
    return failures;
}

/* One of the processes has ended: of a seed, or as it should. True: it goes on with the next. */
static bool settle_job(struct job *job, int status)
{
    if (job->is_over && WIFEXITED(status)) {
        return false;
    }
    job->failures++;
    job->runs++;
    const char *why = WIFEXITED(status) ? "exit" : strsignal(WTERMSIG(status));
    bool is_hang = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    printf("seed %" PRIu64 ": %s\n", job->seed, is_hang ? "hangs" : why);
    return !tool.stops_at_first && job->failures < SHOWN_MAX;
}

static void run_all(void)
{
    unsigned running = tool.jobs;
    for (unsigned i = 0; i < tool.jobs; i++) {
        start_job(i, tool.first + i);
    }
    while (running > 0) {
        int status;
        pid_t pid = wait(&status);
        for (unsigned i = 0; i < tool.jobs; i++) {
            struct job *job = &tool.job[i];
            if (job->pid != pid) {
                continue;
            }
            if (settle_job(job, status)) {
                start_job(i, job->seed + tool.jobs);
            } else {
                running--;
            }
        }
        for (unsigned i = 0; i < tool.jobs && tool.stops_at_first && sum_failures() > 0; i++) {
            if (!tool.job[i].is_over && tool.job[i].pid != pid) {
                (void)kill(tool.job[i].pid, SIGTERM);
                tool.job[i].is_over = true;
            }
        }
    }
}

static int summarize(void)
{
    uint64_t runs = 0, switches = 0, failures = sum_failures();
    long elapsed = (long)(time(NULL) - tool.begun);
    for (unsigned i = 0; i < tool.jobs; i++) {
        runs += tool.job[i].runs;
        switches += tool.job[i].switches;
    }
    printf("%" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " switches, %ld s: %" PRIu64 " failed\n",
           runs, tool.first, switches, elapsed, failures);
    return failures == 0 && runs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void read_arguments(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--first") == 0) {
            tool.stops_at_first = true;
            continue;
        }
        if (strcmp(argv[i], "--verbose") == 0) {
            tool.is_verbose = true;
            continue;
        }
        char *end = NULL;
        uint64_t number = strtoull(value, &end, 10);
        if (strcmp(argv[i], "--seeds") == 0 && strncmp(end, "..", 2) == 0) {
            tool.first = number;
            tool.last = strtoull(end + 2, NULL, 10);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            tool.seconds = (int)number;
        } else if (strcmp(argv[i], "--jobs") == 0 && number >= 1 && number <= JOBS_MAX) {
            tool.jobs = (unsigned)number;
        } else if (strcmp(argv[i], "--again") == 0) {
            tool.again = (unsigned)number;
        } else {
            fprintf(stderr, "usage: sim [--seeds A..B] [--seconds N] [--jobs N] [--again N] "
                            "[--first] [--verbose]\n");
            exit(EXIT_FAILURE);
        }
        i++;
    }
}

int main(int argc, char *argv[])
{
    read_arguments(argc, argv);
    tool.begun = time(NULL);
    tool.job = mmap(NULL, JOBS_MAX * sizeof *tool.job, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tool.job == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    run_all();
    return summarize();
}
