// SPDX-License-Identifier: MIT
/*
 * Purpose: what the server has to say.
 *
 *     /            Hello, World!
 *     /sleep?ms=N  waits N milliseconds, holding nothing but its task
 *     /cpu?ms=N    computes for N milliseconds of CPU time, holding its worker
 *     /cpu?others=N computes until N other requests have been answered meanwhile
 *     /file/NAME   a file below --root
 *     /stats       counters of the runtime and of the server as JSON
 *     /upload      POST: reads the body and says how long it was
 *
 * Threads: handlers run on the connection's task; those that suspend or compute flush first, so
 * that answers to earlier requests of the same connection do not wait for them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn.h"
#include "local.h"
#include "server.h"

enum { SLEEP_MS_MAX = 60000, CPU_MS_MAX = 10000, CPU_OTHERS_MAX = 1000 };

struct target {
    const char *path; /* for a prefix route: what follows the prefix */
    size_t path_bytes;
    const char *query;
    size_t query_bytes;
};

typedef int handler(struct http_conn *c, const struct target *t);

struct route {
    const char *path;
    size_t path_bytes;
    bool is_prefix;
    const char *allow; /* the header line of a 405 */
    handler *answer;
};

/* The whole query must be NAME=N, digits only, at most max. */
static int query_number(const struct target *t, const char *name, int max)
{
    int n = 0;
    size_t bytes = strlen(name);
    if (t->query_bytes < bytes + 2 || memcmp(t->query, name, bytes) != 0 ||
        t->query[bytes] != '=') {
        return -EINVAL;
    }
    for (size_t i = bytes + 1; i < t->query_bytes; i++) {
        char digit = t->query[i];
        if (digit < '0' || digit > '9' || (n = n * 10 + (digit - '0')) > max) {
            return -EINVAL;
        }
    }
    return n;
}

static int answer_hello(struct http_conn *c, const struct target *t)
{
    static const char hello[] = "Hello, World!";
    (void)t;
    return http_reply(c, 200, HTTP_TYPE_TEXT, hello, sizeof hello - 1);
}

static int answer_done(struct http_conn *c, const char *what, int ms)
{
    char body[64];
    int bytes = snprintf(body, sizeof body, "%s %d ms\n", what, ms);
    return http_reply(c, 200, HTTP_TYPE_TEXT, body, (size_t)bytes);
}

static int answer_sleep(struct http_conn *c, const struct target *t)
{
    int ms = query_number(t, "ms", SLEEP_MS_MAX);
    if (ms < 0) {
        return http_reply_status(c, 400, NULL);
    }
    int rc = http_conn_flush(c);
    if (rc == 0) {
        rc = rove_sleep(ROVE_MS(ms));
    }
    return rc < 0 ? rc : answer_done(c, "slept", ms);
}

static int64_t cpu_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* CPU time, not time: on a busy machine the work asked for is the same. No suspension in between,
 * so it is one thread's. */
static void burn_cpu(int64_t ns)
{
    volatile uint32_t sink = 1;
    int64_t end = cpu_now_ns() + ns;
    do {
        for (int i = 0; i < 4096; i++) {
            sink = sink * 1664525U + 1013904223U;
        }
    } while (cpu_now_ns() < end);
}

static uint64_t requests_answered(void)
{
    uint64_t totals[HTTP_COUNTERS];
    http_local_totals(totals);
    return totals[HTTP_COUNT_REQUESTS];
}

/* False: they did not come in CPU_MS_MAX of CPU time. */
static bool burn_cpu_during(int others)
{
    int64_t end = cpu_now_ns() + (int64_t)CPU_MS_MAX * 1000000;
    uint64_t enough = requests_answered() + (uint64_t)others;
    while (requests_answered() < enough) {
        if (cpu_now_ns() >= end) {
            return false;
        }
        burn_cpu(100000);
    }
    return true;
}

static int answer_cpu(struct http_conn *c, const struct target *t)
{
    int ms = query_number(t, "ms", CPU_MS_MAX);
    int others = query_number(t, "others", CPU_OTHERS_MAX);
    if (ms < 0 && others < 0) {
        return http_reply_status(c, 400, NULL);
    }
    int rc = http_conn_flush(c);
    if (rc < 0) {
        return rc;
    }
    if (others < 0) {
        burn_cpu((int64_t)ms * 1000000);
        return answer_done(c, "computed", ms);
    }
    if (!burn_cpu_during(others)) {
        return http_reply_status(c, 503, NULL);
    }
    char body[64];
    int bytes = snprintf(body, sizeof body, "computed during %d others\n", others);
    return http_reply(c, 200, HTTP_TYPE_TEXT, body, (size_t)bytes);
}

static int answer_file(struct http_conn *c, const struct target *t)
{
    return http_file(c, t->path, t->path_bytes);
}

static int answer_upload(struct http_conn *c, const struct target *t)
{
    char body[64];
    (void)t;
    int bytes = snprintf(body, sizeof body, "received %" PRIu64 " bytes\n", c->request.body_bytes);
    return http_reply(c, 200, HTTP_TYPE_TEXT, body, (size_t)bytes);
}

static void print_worker(FILE *out, const rove_worker_metrics *w, unsigned i)
{
    fprintf(out,
            "%s\n    {\"worker\": %u, \"tasks\": %" PRIu64 ", \"switches\": %" PRIu64
            ", \"steals\": %" PRIu64 ", \"parks\": %" PRIu64 ", \"wakeups\": %" PRIu64
            ", \"operations\": %" PRIu64 ", \"timers\": %" PRIu64 "}",
            i ? "," : "", i, w->tasks_done, w->switches, w->steals, w->parks, w->wakeups,
            w->ops_submitted, w->timers_armed);
}

static void print_stats(FILE *out, const rove_metrics *m)
{
    uint64_t n[HTTP_COUNTERS];
    http_local_totals(n);
    fprintf(out,
            "{\n  \"open\": %zu,\n  \"connections\": %" PRIu64 ",\n  \"requests\": %" PRIu64
            ",\n  \"refused\": %" PRIu64 ",\n  \"timeouts\": %" PRIu64 ",\n  \"sends\": %" PRIu64
            ",\n  \"sent_bytes\": %" PRIu64 ",\n",
            http_server_open(&http_server), n[HTTP_COUNT_CONNECTIONS], n[HTTP_COUNT_REQUESTS],
            n[HTTP_COUNT_REFUSED], n[HTTP_COUNT_TIMEOUTS], n[HTTP_COUNT_BATCHES],
            n[HTTP_COUNT_SENT_BYTES]);
    fprintf(out,
            "  \"tasks_live\": %" PRIu64 ",\n  \"stack_bytes\": %" PRIu64 ",\n  \"workers\": [",
            m->tasks_live, m->stack_bytes_resident);
    for (unsigned i = 0; i < m->workers; i++) {
        print_worker(out, &m->worker[i], i);
    }
    fprintf(out, "\n  ]\n}\n");
}

static int answer_stats(struct http_conn *c, const struct target *t)
{
    char *body = NULL;
    size_t bytes = 0;
    (void)t;
    rove_metrics *m = malloc(sizeof *m); /* 22 KiB: not for a task's stack */
    FILE *out = m ? open_memstream(&body, &bytes) : NULL;
    bool is_read = out && rove_metrics_read(rove_current_runtime(), m) == 0;
    if (is_read) {
        print_stats(out, m);
    }
    if (out && fclose(out) != 0) {
        is_read = false;
    }
    int rc =
        is_read ? http_reply(c, 200, HTTP_TYPE_JSON, body, bytes) : http_reply_status(c, 500, NULL);
    free(body);
    free(m);
    return rc;
}

#define GET_ONLY "Allow: GET, HEAD\r\n"
#define PATH(literal) (literal), sizeof(literal) - 1

static const struct route routes[] = {
    { PATH("/"), false, GET_ONLY, answer_hello },
    { PATH("/sleep"), false, GET_ONLY, answer_sleep },
    { PATH("/cpu"), false, GET_ONLY, answer_cpu },
    { PATH("/file/"), true, GET_ONLY, answer_file },
    { PATH("/stats"), false, GET_ONLY, answer_stats },
    { PATH("/upload"), false, "Allow: POST\r\n", answer_upload },
};

static const struct route *route_find(const char *path, size_t bytes)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const struct route *r = &routes[i];
        bool may_match = r->is_prefix ? bytes >= r->path_bytes : bytes == r->path_bytes;
        if (may_match && memcmp(path, r->path, r->path_bytes) == 0) {
            return r;
        }
    }
    return NULL;
}

static bool route_allows(const struct route *r, unsigned method)
{
    if (r->answer == answer_upload) {
        return method == HTTP_POST;
    }
    return method == HTTP_GET || method == HTTP_HEAD;
}

/* "http://host/path?query" is what a proxy gets; RFC 9112 3.2.2 has servers understand it too. */
static void url_strip_authority(const char **url, size_t *bytes)
{
    static const char scheme[] = "http://";
    if (*bytes < sizeof scheme - 1 || memcmp(*url, scheme, sizeof scheme - 1) != 0) {
        return;
    }
    const char *host = *url + sizeof scheme - 1;
    size_t rest = *bytes - (sizeof scheme - 1);
    const char *slash = memchr(host, '/', rest);
    *bytes = slash ? rest - (size_t)(slash - host) : 1;
    *url = slash ? slash : "/";
}

int http_route(struct http_conn *c, const char *url, size_t bytes)
{
    url_strip_authority(&url, &bytes);
    const char *mark = bytes > 1 ? memchr(url, '?', bytes) : NULL;
    size_t path_bytes = mark ? (size_t)(mark - url) : bytes;
    const struct route *route = route_find(url, path_bytes);
    if (!route) {
        return http_reply_status(c, 404, NULL);
    }
    if (!route_allows(route, c->request.method)) {
        return http_reply_status(c, 405, route->allow);
    }
    struct target t = { url, path_bytes, mark ? mark + 1 : "", mark ? bytes - path_bytes - 1 : 0 };
    if (route->is_prefix) {
        t.path += route->path_bytes;
        t.path_bytes -= route->path_bytes;
    }
    return route->answer(c, &t);
}
