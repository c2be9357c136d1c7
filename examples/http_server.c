// SPDX-License-Identifier: MIT
/*
 * Purpose: an HTTP/1.1 server on rove: keep-alive, pipelining, deadlines, graceful stop.
 *
 *     http_server --address 127.0.0.1:8080 --root /srv/www
 *
 * Idea: one task a connection, written as if it were alone. This file reads the options;
 * http/server.c accepts and stops, http/conn.c is a connection, http/request.c reads, http/reply.c
 * and http/routes.c answer. Parsing is llhttp's, but for requests that need none of it.
 *
 * Threads: SIGINT and SIGTERM are blocked before the runtime makes its threads, so that only the
 * descriptor which server.c reads ever sees them.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "http/local.h"
#include "http/server.h"

static const char usage[] =
    "usage: http_server [options]\n"
    "  --address HOST:PORT       where to listen; port 0: any free one (127.0.0.1:8080)\n"
    "  --workers N               threads that run tasks; 0: one for each usable CPU (0)\n"
    "  --backend NAME            auto, uring or epoll (auto)\n"
    "  --root DIR                what /file/ shows (nothing)\n"
    "  --max-connections N       more wait in the backlog; 0: no limit (0)\n"
    "  --header-timeout SECONDS  for a request to arrive, once begun; 0: none (10)\n"
    "  --idle-timeout SECONDS    between requests; 0: none (60)\n"
    "  --acceptors N             accepts in flight; 0: one for each worker (0)\n"
    "  --quiet                   no counters at the end\n";

enum option_id {
    OPTION_ADDRESS = 1,
    OPTION_WORKERS,
    OPTION_BACKEND,
    OPTION_ROOT,
    OPTION_MAX_CONNECTIONS,
    OPTION_HEADER_TIMEOUT,
    OPTION_IDLE_TIMEOUT,
    OPTION_ACCEPTORS,
    OPTION_QUIET,
    OPTION_HELP,
};

static const struct option long_options[] = {
    { "address", required_argument, NULL, OPTION_ADDRESS },
    { "workers", required_argument, NULL, OPTION_WORKERS },
    { "backend", required_argument, NULL, OPTION_BACKEND },
    { "root", required_argument, NULL, OPTION_ROOT },
    { "max-connections", required_argument, NULL, OPTION_MAX_CONNECTIONS },
    { "header-timeout", required_argument, NULL, OPTION_HEADER_TIMEOUT },
    { "idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT },
    { "acceptors", required_argument, NULL, OPTION_ACCEPTORS },
    { "quiet", no_argument, NULL, OPTION_QUIET },
    { "help", no_argument, NULL, OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

static bool parse_count(const char *text, unsigned *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    bool is_valid = text[0] >= '0' && text[0] <= '9' && *end == '\0' && n <= 10 * 1000 * 1000;
    *out = is_valid ? (unsigned)n : *out;
    return is_valid;
}

static bool parse_seconds(const char *text, rove_duration *out)
{
    char *end;
    double seconds = strtod(text, &end);
    bool is_valid = end != text && *end == '\0' && seconds >= 0 && seconds <= 1e6;
    *out = is_valid ? ROVE_SEC(seconds) : *out;
    return is_valid;
}

static bool parse_backend(const char *text, rove_backend *out)
{
    static const char *const names[] = {
        [ROVE_BACKEND_AUTO] = "auto",
        [ROVE_BACKEND_URING] = "uring",
        [ROVE_BACKEND_EPOLL] = "epoll",
    };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (rove_backend)i;
            return true;
        }
    }
    return false;
}

static bool apply_option(int id, struct http_settings *settings, rove_options *options)
{
    switch (id) {
    case OPTION_ADDRESS:
        settings->address = optarg;
        return true;
    case OPTION_WORKERS:
        return parse_count(optarg, &options->workers);
    case OPTION_BACKEND:
        return parse_backend(optarg, &options->backend);
    case OPTION_ROOT:
        settings->root = optarg;
        return true;
    case OPTION_MAX_CONNECTIONS:
        return parse_count(optarg, &settings->max_connections);
    case OPTION_HEADER_TIMEOUT:
        return parse_seconds(optarg, &settings->header_timeout);
    case OPTION_IDLE_TIMEOUT:
        return parse_seconds(optarg, &settings->idle_timeout);
    case OPTION_ACCEPTORS:
        return parse_count(optarg, &settings->acceptors);
    case OPTION_QUIET:
        settings->is_quiet = true;
        return true;
    default:
        return false;
    }
}

static void parse_options(int argc, char **argv, struct http_settings *settings,
                          rove_options *options)
{
    int id;
    while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (id == OPTION_HELP) {
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        }
        if (!apply_option(id, settings, options)) {
            fputs(usage, stderr);
            exit(EX_USAGE);
        }
    }
    if (optind != argc) {
        fputs(usage, stderr);
        exit(EX_USAGE);
    }
}

int main(int argc, char **argv)
{
    struct http_settings settings = {
        .address = "127.0.0.1:8080",
        .header_timeout = ROVE_SEC(10),
        .idle_timeout = ROVE_SEC(60),
    };
    rove_options options = { 0 };
    parse_options(argc, argv, &settings, &options);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int rc = rove_run_with(&options, http_server_main, &settings, NULL);
    http_local_fini();
    if (rc < 0) {
        fprintf(stderr, "http_server: %s\n", rove_strerror(rc));
    }
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
