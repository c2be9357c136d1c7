// SPDX-License-Identifier: MIT
/*
 * Purpose: how the scheduler does on more cores than there are: rove-cores.
 *
 *     --load NAME         fan-out, fork-join, ping-pong, yield, burst; all (the default)
 *     --cores A,B,..      1,2,4,8,16,32,64,128
 *     --size N            of the load, instead of its own
 *     --seed N            of the thieves' choices (1)
 *     --line NS           and other prices of the machine: --hit, --update, --fence, --cold,
 *                         --call, --wake-call, --wake, --interrupt, --barrier (-1: the
 *                         kernel has none)
 *     --hot N             the N parts of the runtime whose lines moved most (0)
 *
 * Idea: one line for each number of cores, in simulated time; the same seed and prices give the
 *       same table everywhere. core/cores.h has the machine, docs/many-cores.md the findings.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rove/sim.h>

#include "core/base.h"
#include "tools/cores/lines.h"
#include "tools/cores/load.h"
#include "tools/cores/prices.h"

static struct {
    const char *load;
    unsigned cores[16];
    unsigned cores_count;
    unsigned size, hot;
    uint64_t seed;
    struct rv_cores_costs costs;
} tool = {.cores = {1, 2, 4, 8, 16, 32, 64, 128}, .cores_count = 8, .seed = 1};

static struct {
    const char *name;
    int64_t *price;
} const prices[] = {
    {"hit", &tool.costs.hit_ps},
    {"update", &tool.costs.rmw_ps},
    {"fence", &tool.costs.fence_ps},
    {"line", &tool.costs.line_ps},
    {"cold", &tool.costs.cold_ps},
    {"spin", &tool.costs.spin_ps},
    {"clock", &tool.costs.clock_ps},
    {"call", &tool.costs.call_ps},
    {"wake-call", &tool.costs.wake_call_ps},
    {"wake", &tool.costs.wake_ps},
    {"barrier", &tool.costs.barrier_ps},
    {"interrupt", &tool.costs.interrupt_ps},
};

static void show_hot(void)
{
    const struct lines_sum *sum;
    for (unsigned i = 0; i < tool.hot && (sum = lines_get(i)) != NULL; i++) {
        printf("          %9" PRIu64 " x %-24s waited for %8.1f us   %s\n", sum->transfers,
               sum->name, (double)sum->queued_ps / 1e6, sum->site);
    }
}

static void show(const struct load *load, unsigned cores, const struct load_result *r,
                 double *alone)
{
    double n = (double)r->operations;
    double elapsed_ns = (double)(r->count.elapsed_ps - r->paused_ps) / 1000;
    double rate = n / elapsed_ns; /* operations a ns */
    const struct lines_sum *hottest = lines_get(0);
    if (*alone == 0) {
        *alone = rate / cores; /* as if it were one */
    }
    printf("%-10s %4u %10.1f %9.3f %8.2f %7.2f %7.3f %7.3f %7.3f %8.2f  %s\n", load->name, cores,
           elapsed_ns / n, rate * 1000, rate / *alone, (double)r->count.calls / n,
           (double)r->steals / n, (double)r->parks / n, (double)r->count.wakes / n,
           (double)r->count.transfers / n, hottest == NULL ? "" : hottest->name);
    show_hot();
    fflush(stdout);
}

static int run_load(const struct load *load)
{
    struct load_result r;
    double alone = 0;
    for (unsigned i = 0; i < tool.cores_count; i++) {
        int rc = load_run(load, tool.cores[i], tool.size == 0 ? load->size : tool.size, tool.seed,
                          lines_look, &r);
        if (rc != 0) {
            fprintf(stderr, "rove-cores: %s on %u cores: %s: %s\n", load->name, tool.cores[i],
                    rove_strerror(rc), r.report.trouble);
            return EXIT_FAILURE;
        }
        show(load, tool.cores[i], &r, &alone);
    }
    return EXIT_SUCCESS;
}

static void parse_cores(char *list)
{
    tool.cores_count = 0;
    for (char *save, *word = strtok_r(list, ",", &save); word != NULL;
         word = strtok_r(NULL, ",", &save)) {
        unsigned long n = strtoul(word, NULL, 10);
        if (n < 1 || n > LOAD_CORES_MAX || tool.cores_count == RV_ARRAY_LEN(tool.cores)) {
            fprintf(stderr, "rove-cores: 1 to %d cores\n", LOAD_CORES_MAX);
            exit(2);
        }
        tool.cores[tool.cores_count++] = (unsigned)n;
    }
}

static void parse(int argc, char **argv)
{
    enum { LOAD = 1000, CORES, SIZE, SEED, HOT };
    struct option options[RV_ARRAY_LEN(prices) + 6] = {
        {"load", required_argument, NULL, LOAD},   {"cores", required_argument, NULL, CORES},
        {"size", required_argument, NULL, SIZE},   {"seed", required_argument, NULL, SEED},
        {"hot", required_argument, NULL, HOT},
    };
    int c;
    for (size_t i = 0; i < RV_ARRAY_LEN(prices); i++) {
        options[5 + i] = (struct option){prices[i].name, required_argument, NULL, (int)i};
    }
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == LOAD) {
            tool.load = strcmp(optarg, "all") == 0 ? NULL : optarg;
        } else if (c == CORES) {
            parse_cores(optarg);
        } else if (c == SIZE) {
            tool.size = (unsigned)strtoul(optarg, NULL, 10);
        } else if (c == SEED) {
            tool.seed = strtoull(optarg, NULL, 10);
        } else if (c == HOT) {
            tool.hot = (unsigned)strtoul(optarg, NULL, 10);
        } else if (c == '?') {
            exit(2);
        } else {
            *prices[c].price = (int64_t)(strtod(optarg, NULL) * 1000);
        }
    }
}

int main(int argc, char **argv)
{
    tool.costs = prices_here;
    parse(argc, argv);
    if (tool.load != NULL && load_find(tool.load) == NULL) {
        fprintf(stderr, "rove-cores: no load is called %s\n", tool.load);
        return 2;
    }
    rv_cores_set_costs(&tool.costs);
    printf("%-10s %4s %10s %9s %8s %7s %7s %7s %7s %8s  %s\n", "load", "cores", "ns each", "M/s",
           "speed-up", "calls", "steals", "parks", "wakes", "lines", "line that moved most");
    for (const struct load *load = loads; load->name != NULL; load++) {
        if (tool.load == NULL || strcmp(tool.load, load->name) == 0) {
            int status = run_load(load);
            if (status != EXIT_SUCCESS) {
                return status;
            }
        }
    }
    return EXIT_SUCCESS;
}
