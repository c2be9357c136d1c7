// SPDX-License-Identifier: MIT
/*
 * Purpose: the scenario of tasks: groups, gathers, timeouts, threads, queues, channels, locals,
 *          locks, callbacks, processes' pipes, with a sum at the end that must be right.
 */
#include "fault/scenario.h"

#include "core/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

enum { ITEMS = 40, MEMBERS = 14, CALLS = 8 };

static rove_local label;

static int give_number(void *arg, void **result)
{
    int rc = rove_local_set(&label, arg);
    rc = rc < 0 ? rc : rove_yield();
    if (rc == 0 && rove_local_get(&label) != arg) {
        return RV_SCENARIO_WRONG;
    }
    *result = arg;
    return rc;
}

static int gather_numbers(void *arg, void **result)
{
    rove_call calls[CALLS];
    void *results[CALLS] = {NULL};
    uintptr_t sum = 0;
    (void)arg;
    (void)result;
    for (uintptr_t i = 0; i < CALLS; i++) {
        calls[i] = (rove_call){give_number, (void *)(i + 1)};
    }
    int rc = rove_gather_calls(CALLS, calls, results);
    for (unsigned i = 0; i < CALLS; i++) {
        sum += (uintptr_t)results[i];
    }
    return rc < 0 ? rc : sum == CALLS * (CALLS + 1) / 2 ? 0 : RV_SCENARIO_WRONG;
}

static int produce(void *arg, void **result)
{
    rove_queue *q = arg;
    int rc = 0;
    (void)result;
    for (uintptr_t i = 1; i <= ITEMS && rc == 0; i++) {
        rc = rove_queue_put(q, (void *)i);
    }
    int closed = rove_queue_shutdown(q, false);
    return rc < 0 ? rc : closed;
}

static int through_queue(void *arg, void **result)
{
    rove_queue *q = rove_queue_create(4);
    uintptr_t sum = 0;
    void *item;
    (void)arg;
    (void)result;
    rove_task *producer = q == NULL ? NULL : rove_create_task(produce, q);
    if (producer == NULL) {
        rove_queue_destroy(q);
        return -ENOMEM;
    }
    int rc;
    while ((rc = rove_queue_get(q, &item)) == 0) {
        sum += (uintptr_t)item;
    }
    if (rc != -EPIPE) { /* cancelled, or out of memory: the producer must not wait for room */
        rove_cancel(producer);
    }
    int ended = rove_join(producer, NULL);
    rove_queue_destroy(q);
    rc = rc == -EPIPE ? ended : rc;
    return rc < 0 ? rc : sum == ITEMS * (ITEMS + 1) / 2 ? 0 : RV_SCENARIO_WRONG;
}

static int send_numbers(void *arg, void **result)
{
    rove_chan *c = arg;
    int rc = 0;
    (void)result;
    for (int i = 1; i <= ITEMS && rc == 0; i++) {
        rc = rove_chan_send(c, &i);
    }
    int closed = rove_chan_close(c);
    rove_chan_release(c);
    return rc < 0 ? rc : closed;
}

static int through_channel(void *arg, void **result)
{
    rove_chan *c = rove_chan_create(sizeof(int), 2);
    int sum = 0;
    int item = 0;
    (void)arg;
    (void)result;
    rove_task *sender = c == NULL ? NULL : rove_create_task(send_numbers, rove_chan_retain(c));
    if (sender == NULL) {
        rove_chan_release(c); /* the sender's */
        rove_chan_release(c);
        return -ENOMEM;
    }
    int rc;
    do {
        rove_select_case one = {.op = ROVE_RECV, .chan = c, .element = &item};
        rc = rove_select(1, &one, ROVE_FOREVER);
        rc = rc == 0 ? one.error : rc;
        sum += rc == 0 ? item : 0;
    } while (rc == 0);
    (void)rove_chan_close(c);
    int ended = rove_join(sender, NULL);
    rove_chan_release(c);
    rc = rc == -EPIPE ? ended : rc;
    return rc < 0 ? rc : sum == ITEMS * (ITEMS + 1) / 2 ? 0 : RV_SCENARIO_WRONG;
}

static int wait_long(void *arg, void **result)
{
    (void)arg;
    (void)result;
    return rove_sleep(ROVE_SEC(600));
}

static int time_out(void *arg, void **result)
{
    (void)arg;
    (void)result;
    int rc = rove_wait_for_call(wait_long, NULL, ROVE_US(200), NULL);
    return rc == -ETIMEDOUT ? 0 : rc == 0 ? RV_SCENARIO_WRONG : rc;
}

static int on_a_thread(void *arg, void **result)
{
    *result = arg;
    return 0;
}

static int to_thread(void *arg, void **result)
{
    void *got = NULL;
    (void)result;
    int rc = rove_to_thread(on_a_thread, arg, &got);
    return rc < 0 ? rc : got == arg ? 0 : RV_SCENARIO_WRONG;
}

/* The future is the callback's too. */
static void set_it(void *ctx)
{
    (void)rove_set_result(ctx, ctx);
    rove_release(ctx);
}

static int by_callback(void *arg, void **result)
{
    void *got = NULL;
    (void)arg;
    (void)result;
    rove_future *f = rove_create_future();
    if (f == NULL) {
        return -ENOMEM;
    }
    rove_handle *h = rove_call_later(ROVE_US(50), set_it, rove_retain(f));
    int rc = h == NULL ? -ENOMEM : rove_await(f, &got);
    rc = rc == 0 && got != f ? RV_SCENARIO_WRONG : rc;
    if (h == NULL || (rc < 0 && rove_handle_cancel(h))) {
        rove_release(f); /* it will not run */
    }
    rove_handle_release(h);
    rove_release(f);
    return rc;
}

static int write_pipe(void *arg, void **result)
{
    (void)result;
    ssize_t n = rove_write_all(*(int *)arg, "hello", 5);
    return n < 0 ? (int)n : n == 5 ? 0 : RV_SCENARIO_WRONG;
}

static int through_pipe(void *arg, void **result)
{
    char text[5];
    int fds[2];
    (void)arg;
    (void)result;
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return -errno;
    }
    int rc = -ENOMEM;
    rove_task *writer = rove_create_task(write_pipe, &fds[1]);
    if (writer != NULL) {
        rc = rove_join(writer, NULL);
    }
    ssize_t n = rc < 0 ? rc : rove_read_all(fds[0], text, sizeof text);
    (void)rove_close(fds[0]);
    (void)rove_close(fds[1]);
    return n < 0 ? (int)n : n == sizeof text ? 0 : RV_SCENARIO_WRONG;
}

static int as_they_end(void *arg, void **result)
{
    rove_future *fs[3];
    uintptr_t sum = 0;
    int rc = 0;
    (void)arg;
    (void)result;
    for (uintptr_t i = 0; i < 3; i++) {
        fs[i] = rove_create_task(give_number, (void *)(i + 1));
        rc = fs[i] == NULL ? -ENOMEM : rc;
    }
    rove_as_completed *it = rc < 0 ? NULL : rove_as_completed_open(3, fs, ROVE_FOREVER);
    rc = rc == 0 && it == NULL ? -ENOMEM : rc;
    rove_future *f;
    while (rc == 0 && (rc = rove_as_completed_next(it, &f)) == 1) {
        void *value = NULL;
        rc = rove_result(f, &value);
        sum += (uintptr_t)value;
    }
    if (it != NULL) {
        rove_as_completed_close(it);
    }
    for (unsigned i = 0; i < 3; i++) {
        rove_release(fs[i]);
    }
    return rc < 0 ? rc : sum == 6 ? 0 : RV_SCENARIO_WRONG;
}

static int one_group(void *arg, void **result)
{
    static rove_coro *const kinds[] = {gather_numbers, through_queue, through_channel, time_out,
                                       to_thread,      by_callback,   through_pipe,    as_they_end,
                                       rv_scenario_duplex};
    rove_task_group group;
    int rc = 0;
    bool is_refused = false;
    (void)result;
    rove_task_group_enter(&group);
    for (unsigned i = 0; i < MEMBERS && rc == 0 && !is_refused; i++) {
        rove_coro *kind = kinds[i % (sizeof kinds / sizeof kinds[0])];
        is_refused = rove_task_group_create_task(&group, kind, arg) == NULL;
        rc = rove_yield();
    }
    /* No memory, or a group that gives up because a member failed: then that error comes out. The
     * request that cancels this block is a moment behind the refusal, on another worker. */
    rc = rove_task_group_exit(&group, rc);
    return rc == 0 && is_refused ? -ENOMEM : rc;
}

/* Nobody waits for it: the end of the runtime has to cancel it. */
static int leave_one_behind(void)
{
    rove_task *t = rove_create_task(wait_long, NULL);
    rove_release(t);
    return t == NULL ? -ENOMEM : 0;
}

int rv_scenario_groups(void *arg, void **result)
{
    const struct rv_scenario_settings *settings = arg;
    rove_timeout limit;
    (void)result;
    rove_timeout_enter(&limit, settings->patience);
    int rc = settings->forks ? rv_scenario_fork() : 0;
    rc = rv_scenario_worse(rc, leave_one_behind());
    rc = rv_scenario_worse(rc, rv_scenario_run_all(settings->clients, one_group, arg));
    return rove_timeout_exit(&limit, rc);
}
