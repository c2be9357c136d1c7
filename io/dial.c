// SPDX-License-Identifier: MIT
/*
 * Purpose: connect to a name, fast although some of its addresses may be dead.
 *
 * Idea: happy eyeballs. The resolver's order is kept, but families alternate. Each address gets a
 * task; the next one starts when the last has failed, or has not succeeded within a quarter second.
 * The first connection wins; the other attempts are cancelled and have ended before the return.
 *
 *     ::1        |-----250 ms-----|------ cancelled
 *     127.0.0.1                   |----- connected
 *
 * Source: RFC 8305, sections 4 and 5.
 */
#include "core/base.h"
#include "core/check.h"
#include "io/address.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/suspend.h"

#include <rove/io.h>
#include <rove/net.h>
#include <rove/task.h>
#include <rove/wait.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RV_DIAL_DELAY ROVE_MS(250) /* RFC 8305: "Connection Attempt Delay" */

static RV_NOINLINE int make_socket(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

/* A connected socket, or a negative errno. */
static int connect_to(const struct rv_address *address)
{
    int fd = make_socket(address->storage.ss_family);
    if (fd < 0) {
        return fd;
    }
    int rc = rove_connect(fd, (const struct sockaddr *)&address->storage, address->len);
    if (rc < 0) {
        rove_close(fd);
        return rc;
    }
    return fd;
}

struct attempt {
    struct rv_address address;
    int fd;                    /* -1, or the socket, before the task ends */
};

struct race {
    size_t count;              /* addresses */
    size_t started, failed;
    int first_error;           /* of the first address that failed */
    rove_future **running;     /* `started` tasks, a reference each; NULL: failed and released */
    rove_future **live;        /* scratch: those that run, for rove_wait */
    struct attempt attempts[];
};

static int run_attempt(void *arg, RV_UNUSED void **result)
{
    struct attempt *a = arg;
    int fd = connect_to(&a->address);
    if (fd < 0) {
        return fd;
    }
    a->fd = fd;
    return 0;
}

static int start_next(struct race *r)
{
    rove_task *t = rove_create_task(run_attempt, &r->attempts[r->started]);
    if (t == NULL) {
        return -ENOMEM;
    }
    r->running[r->started++] = t;
    return 0;
}

/* Takes note of attempts that have ended: the connected socket, or -EINPROGRESS. */
static int collect(struct race *r)
{
    for (size_t i = 0; i < r->started; i++) {
        if (r->running[i] == NULL || !rove_done(r->running[i])) {
            continue;
        }
        int rc = rove_result(r->running[i], NULL);
        int fd = r->attempts[i].fd;
        if (fd >= 0) {
            r->attempts[i].fd = -1;
            return fd;
        }
        r->first_error = r->first_error < 0 ? r->first_error : rc;
        r->failed++;
        rove_release(r->running[i]);
        r->running[i] = NULL;
    }
    return -EINPROGRESS;
}

/* Until one of the attempts ends, or it is time for the next: 0, or -ECANCELED. */
static int wait_for_news(struct race *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->started; i++) {
        if (r->running[i] != NULL) {
            r->live[n++] = r->running[i];
        }
    }
    rove_duration delay = r->started < r->count ? RV_DIAL_DELAY : ROVE_FOREVER;
    ssize_t rc = rove_wait(n, r->live, ROVE_FIRST_COMPLETED, delay, NULL);
    return rc < 0 ? (int)rc : 0;
}

/* A connected socket, or a negative errno; attempts may still be under way. */
static int run_race(struct race *r)
{
    int fd = -EINPROGRESS;
    while (fd == -EINPROGRESS && r->failed < r->count) {
        int rc = r->started < r->count ? start_next(r) : 0;
        if (rc == 0) {
            rc = wait_for_news(r);
        }
        if (rc < 0) {
            return rc;
        }
        fd = collect(r);
    }
    return fd == -EINPROGRESS ? r->first_error : fd;
}

/* Every attempt has ended when this returns, and every socket but the winner's is closed. */
static void end_race(struct race *r)
{
    unsigned cancels = 0;
    for (size_t i = 0; i < r->started; i++) {
        if (r->running[i] != NULL) {
            rove_cancel(r->running[i]);
        }
    }
    for (size_t i = 0; i < r->started; i++) {
        if (r->running[i] == NULL) {
            continue;
        }
        rv_future_wait_uncancelled(r->running[i], &cancels);
        if (r->attempts[i].fd >= 0) {
            rove_close(r->attempts[i].fd); /* connected in the very last moment */
        }
        (void)rove_result(r->running[i], NULL); /* nobody else asks */
        rove_release(r->running[i]);
    }
    if (cancels > 0) {
        rv_put_back_cancel(rv_current_task());
    }
}

static size_t count_addresses(const struct addrinfo *list)
{
    size_t n = 0;
    for (; list != NULL; list = list->ai_next) {
        n++;
    }
    return n;
}

static void set_address(struct attempt *a, const struct addrinfo *ai)
{
    RV_CHECK(ai->ai_addrlen <= sizeof(a->address.storage), "a socket address fits its storage");
    memcpy(&a->address.storage, ai->ai_addr, ai->ai_addrlen);
    a->address.len = ai->ai_addrlen;
    a->fd = -1;
}

/* The next address of this family (or, `is_other`, of any other) from *at on. */
static const struct addrinfo *next_of(const struct addrinfo **at, int family, bool is_other)
{
    const struct addrinfo *ai = *at;
    while (ai != NULL && (ai->ai_family != family) != is_other) {
        ai = ai->ai_next;
    }
    *at = ai == NULL ? NULL : ai->ai_next;
    return ai;
}

/* In the resolver's order, the family it likes best in every other place. */
static void interleave(struct race *r, const struct addrinfo *list)
{
    const struct addrinfo *same = list;
    const struct addrinfo *other = list;
    size_t n = 0;
    while (n < r->count) {
        const struct addrinfo *ai = next_of(&same, list->ai_family, false);
        if (ai != NULL) {
            set_address(&r->attempts[n++], ai);
        }
        ai = next_of(&other, list->ai_family, true);
        if (ai != NULL) {
            set_address(&r->attempts[n++], ai);
        }
    }
}

static struct race *create_race(const struct addrinfo *list)
{
    size_t n = count_addresses(list);
    struct race *r = calloc(1, sizeof(*r) + n * sizeof(r->attempts[0]));
    if (r == NULL) {
        return NULL;
    }
    r->count = n;
    r->running = calloc(2 * n, sizeof(*r->running));
    if (r->running == NULL) {
        free(r);
        return NULL;
    }
    r->live = r->running + n;
    interleave(r, list);
    return r;
}

static int dial_list(const struct addrinfo *list)
{
    struct race *r = create_race(list);
    if (r == NULL) {
        return -ENOMEM;
    }
    int fd = r->count == 1 ? connect_to(&r->attempts[0].address) : run_race(r);
    end_race(r);
    free(r->running);
    free(r);
    return fd;
}

int rove_dial(const char *address)
{
    struct rv_address ready;
    struct rv_address_name name;
    if (rv_current_task() == NULL) {
        return -EPERM;
    }
    int form = address == NULL ? -EINVAL : rv_address_parse(address, &ready, &name);
    if (form < 0) {
        return form;
    }
    if (form == RV_ADDRESS_READY) {
        return connect_to(&ready);
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int rc = rove_getaddrinfo(name.host[0] == '\0' ? NULL : name.host, name.service, &hints, &list);
    if (rc != 0) {
        return rv_address_error(rc);
    }
    int fd = dial_list(list);
    freeaddrinfo(list);
    return fd;
}
