// SPDX-License-Identifier: MIT
/*
 * Purpose: very many cancellations against reads, writes, accepts, connects and opens end with
 *          exact counts: each byte once and in order, each connection once, no descriptor left.
 *
 * Method: tasks that never stop working are cancelled at random until so many cancellations have
 * been delivered; each goes on with its next call. A writer and a reader share each pipe or socket,
 * and the byte at each position is known, so a lost, doubled or reordered one shows at once. Pipes
 * and queues are short, so that all calls wait about as often as not.
 *
 * RV_TEST_STORM=1000000 makes it a million, as scripts/test --all does; the seed is printed.
 */
#include "support/fixture.h"

#include "core/atomic.h"
#include "core/os.h"
#include "core/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LANES = 4, ACCEPTORS = 2, CONNECTORS = 3, OPENERS = 2, PERIOD = 251, PIECE = 700 };
enum { VICTIMS = 2 * LANES + ACCEPTORS + CONNECTORS + OPENERS };

struct lane {
    struct storm *storm;
    int in, out;
    bool is_socket;
    uint64_t written, read; /* the writer's, the reader's */
};

struct storm {
    RV_ATOMIC(uint32_t) is_over, started;
    RV_ATOMIC(uint64_t) delivered, accepted, connected, opened;
    struct lane lanes[LANES];
    struct sockaddr_un at;
    socklen_t at_len;
    int listener;
    uint64_t seed;
    RV_ATOMIC(uint64_t) next_seed;
};

static bool is_over(const struct storm *s)
{
    return rv_load_relaxed(&s->is_over) != 0;
}

static void seed_own(struct storm *s, struct rv_rand *rand)
{
    rv_fetch_add_relaxed(&s->started, 1);
    rv_rand_seed(rand, s->seed + rv_fetch_add_relaxed(&s->next_seed, 1));
}

/* True: the call was cancelled, which is taken note of. */
static bool is_cancelled(struct storm *s, ssize_t rc)
{
    if (rc == -ECANCELED) {
        rv_fetch_add_relaxed(&s->delivered, 1);
        while (rove_uncancel(rove_current_task()) > 0) { /* others came before it was noticed */
        }
    }
    return rc == -ECANCELED;
}

static int write_lane(void *arg, RV_UNUSED void **result)
{
    struct lane *l = arg;
    unsigned char piece[PIECE];
    struct rv_rand rand;
    seed_own(l->storm, &rand);
    while (!is_over(l->storm)) {
        size_t n = 1 + (size_t)rv_rand_below(&rand, PIECE);
        for (size_t i = 0; i < n; i++) {
            piece[i] = (unsigned char)((l->written + i) % PERIOD);
        }
        ssize_t rc = l->is_socket ? rove_send(l->out, piece, n, 0) : rove_write(l->out, piece, n);
        if (!is_cancelled(l->storm, rc)) {
            RV_REQUIRE(rc > 0 && (size_t)rc <= n);
            l->written += (size_t)rc;
        }
    }
    return 0;
}

static bool is_next(struct lane *l, const unsigned char *piece, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (piece[i] != (l->read + i) % PERIOD) {
            return false;
        }
    }
    l->read += n;
    return true;
}

static int read_lane(void *arg, RV_UNUSED void **result)
{
    struct lane *l = arg;
    unsigned char piece[PIECE];
    struct rv_rand rand;
    seed_own(l->storm, &rand);
    while (!is_over(l->storm)) {
        size_t n = 1 + (size_t)rv_rand_below(&rand, PIECE);
        ssize_t rc = l->is_socket ? rove_recv(l->in, piece, n, 0) : rove_read(l->in, piece, n);
        if (!is_cancelled(l->storm, rc)) {
            RV_REQUIRE(rc > 0 && (size_t)rc <= n);
            RV_REQUIRE(is_next(l, piece, (size_t)rc));
        }
    }
    return 0;
}

static int accept_all(void *arg, RV_UNUSED void **result)
{
    struct storm *s = arg;
    rv_fetch_add_relaxed(&s->started, 1);
    while (!is_over(s)) {
        int fd = rove_accept(s->listener, NULL, NULL, SOCK_CLOEXEC);
        if (!is_cancelled(s, fd)) {
            RV_REQUIRE(fd >= 0);
            rv_fetch_add_relaxed(&s->accepted, 1);
            RV_REQUIRE_EQ(rove_close(fd), 0);
        }
    }
    return 0;
}

static int connect_again(void *arg, RV_UNUSED void **result)
{
    struct storm *s = arg;
    rv_fetch_add_relaxed(&s->started, 1);
    while (!is_over(s)) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        RV_REQUIRE(fd >= 0);
        int rc = rove_connect(fd, (struct sockaddr *)&s->at, s->at_len);
        if (!is_cancelled(s, rc)) {
            RV_REQUIRE_EQ(rc, 0);
            rv_fetch_add_relaxed(&s->connected, 1);
        }
        RV_REQUIRE_EQ(rove_close(fd), 0);
    }
    return 0;
}

static int open_again(void *arg, RV_UNUSED void **result)
{
    struct storm *s = arg;
    rv_fetch_add_relaxed(&s->started, 1);
    while (!is_over(s)) {
        int fd = rove_open("/dev/null", O_RDONLY | O_CLOEXEC, 0);
        if (!is_cancelled(s, fd)) {
            RV_REQUIRE(fd >= 0);
            rv_fetch_add_relaxed(&s->opened, 1);
            RV_REQUIRE_EQ(rove_close(fd), 0);
        }
    }
    return 0;
}

static int begin(struct storm *s)
{
    for (unsigned i = 0; i < LANES; i++) {
        struct lane *l = &s->lanes[i];
        int fds[2];
        *l = (struct lane){.storm = s, .is_socket = i % 2 != 0};
        if (l->is_socket) {
            int small = 2048;
            RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
            RV_REQUIRE_EQ(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
        } else {
            RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
            RV_REQUIRE(fcntl(fds[1], F_SETPIPE_SZ, 4096) >= 0);
        }
        l->in = fds[0];
        l->out = fds[1];
    }
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s->at.sun_family = AF_UNIX; /* no name: the kernel gives it an abstract one */
    RV_REQUIRE_EQ(bind(s->listener, (struct sockaddr *)&s->at, sizeof(sa_family_t)), 0);
    s->at_len = sizeof(s->at);
    RV_REQUIRE_EQ(getsockname(s->listener, (struct sockaddr *)&s->at, &s->at_len), 0);
    RV_REQUIRE_EQ(listen(s->listener, 4), 0);
    return 0;
}

static void start(struct storm *s, rove_task *victims[VICTIMS])
{
    unsigned n = 0;
    for (unsigned i = 0; i < LANES; i++) {
        victims[n++] = rove_create_task(write_lane, &s->lanes[i]);
        victims[n++] = rove_create_task(read_lane, &s->lanes[i]);
    }
    for (unsigned i = 0; i < ACCEPTORS; i++) {
        victims[n++] = rove_create_task(accept_all, s);
    }
    for (unsigned i = 0; i < CONNECTORS; i++) {
        victims[n++] = rove_create_task(connect_again, s);
    }
    for (unsigned i = 0; i < OPENERS; i++) {
        victims[n++] = rove_create_task(open_again, s);
    }
}

/* Everybody leaves at the end of his call; some wait for one that will never come. */
static void finish(struct storm *s, rove_task *victims[VICTIMS])
{
    rv_store_relaxed(&s->is_over, 1);
    for (unsigned i = 0; i < VICTIMS; i++) {
        while (!rove_done(victims[i])) {
            rove_cancel(victims[i]);
            rove_yield();
        }
        int rc = rove_await(victims[i], NULL);
        RV_EXPECT(rc == 0 || rc == -ECANCELED); /* the last request came after the last call */
        rove_release(victims[i]);
    }
}

static int count_lane(struct lane *l)
{
    unsigned char piece[PIECE];
    int left = 0;
    RV_EXPECT(l->written > 0);
    while (ioctl(l->in, FIONREAD, &left) == 0 && left > 0) {
        ssize_t n = read(l->in, piece, sizeof(piece));
        RV_REQUIRE(n > 0);
        RV_REQUIRE(is_next(l, piece, (size_t)n));
    }
    RV_EXPECT_EQ(l->read, l->written);
    RV_EXPECT_EQ(rove_close(l->in), 0);
    return rove_close(l->out);
}

static int count(struct storm *s)
{
    for (unsigned i = 0; i < LANES; i++) {
        RV_REQUIRE_EQ(count_lane(&s->lanes[i]), 0);
    }
    RV_REQUIRE(fcntl(s->listener, F_SETFL, O_NONBLOCK) >= 0);
    uint64_t waiting = 0;
    int fd;
    while ((fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        waiting++;
        close(fd);
    }
    RV_EXPECT(rv_load_relaxed(&s->accepted) > 0 && rv_load_relaxed(&s->opened) > 0);
    RV_EXPECT_EQ(rv_load_relaxed(&s->accepted) + waiting, rv_load_relaxed(&s->connected));
    return rove_close(s->listener);
}

static uint64_t wanted(void)
{
    const char *text = getenv("RV_TEST_STORM");
    return text != NULL ? strtoull(text, NULL, 10) : RV_TSAN ? 1000 : 20000;
}

/* Goal: as above, each number of workers taking its share. */
static int rage(void *arg, RV_UNUSED void **result)
{
    uint64_t goal = *(const uint64_t *)arg;
    struct storm s = {.listener = -1};
    rove_task *victims[VICTIMS];
    struct rv_rand rand;
    rv_os_random(&s.seed, sizeof(s.seed));
    printf("seed %llu\n", (unsigned long long)s.seed);
    seed_own(&s, &rand);
    RV_REQUIRE_EQ(begin(&s), 0);
    start(&s, victims);
    while (rv_load_relaxed(&s.started) <= VICTIMS) { /* and this one */
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    while (rv_load_relaxed(&s.delivered) < goal) {
        for (uint64_t n = rv_rand_below(&rand, VICTIMS); n > 0; n--) {
            rove_cancel(victims[rv_rand_below(&rand, VICTIMS)]);
        }
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    finish(&s, victims);
    return count(&s);
}

static void test_op_storm_counts_exactly(void **state)
{
    (void)state;
    uint64_t share = wanted() / 3 + 1;
    for (unsigned workers = 1; workers <= 3; workers++) {
        rv_test_run_on(workers, rage, &share);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_op_storm_counts_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
