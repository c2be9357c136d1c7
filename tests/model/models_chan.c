// SPDX-License-Identifier: MIT
/*
 * Purpose: models of channels and select.
 * Idea:    what an element points at is plain: who receives it must see what the sender wrote. The
 *          last reference frees: a use after free says that somebody still looks.
 * Threads: tasks first, then plain threads.
 */
#include "double.h"

#include <errno.h>
#include <rove/blocking.h>
#include <rove/chan.h>

#define ITEMS 4

static rove_chan *chan, *other;
static rove_future *future;
static int payload[ITEMS];  /* written before item i is sent */
static int received[ITEMS]; /* by whom it was received: plain, each once */
static int outcome[RV_MODEL_THREADS];

static void begin(unsigned tasks, size_t capacity)
{
    rv_double_begin(tasks);
    chan = rove_chan_create(sizeof(int *), capacity);
    other = rove_chan_create(sizeof(int *), 0);
    for (int i = 0; i < ITEMS; i++) {
        payload[i] = 0;
        received[i] = 0;
    }
    for (int i = 0; i < RV_MODEL_THREADS; i++) {
        outcome[i] = 1;
    }
    /* The random order of a select is the same in each execution. */
    for (unsigned i = 0; i < RV_MODEL_THREADS; i++) {
        rv_rand_seed(&rv_double_worker(i)->rand, 1);
    }
}

static void setup_two(void)
{
    begin(2, 0);
}

static void setup_three(void)
{
    begin(3, 0);
}

static void setup_buffered(void)
{
    begin(3, 1);
}

static void setup_one(void)
{
    begin(1, 0);
}

static void finish(void)
{
    rove_chan_release(chan);
    rove_chan_release(other);
    rv_double_end();
}

static int send_on(rove_chan *c, int i)
{
    int *element = &payload[i];
    payload[i] = i + 1;
    return rove_chan_send(c, &element);
}

static void note(const int *element)
{
    long i = element - payload;
    RV_MODEL_CHECK(i >= 0 && i < ITEMS && *element == (int)i + 1, "the element is complete");
    RV_MODEL_CHECK(received[i] == 0, "it comes once");
    received[i] = 1;
}

static int receive_from(rove_chan *c)
{
    int *element = NULL;
    int rc = rove_chan_recv(c, &element);
    if (rc == 0) {
        note(element);
    }
    return rc;
}

static void send_first(void)
{
    outcome[rv_model_self()] = send_on(chan, 0);
}

static void send_second(void)
{
    outcome[rv_model_self()] = send_on(chan, 1);
}

static void send_both(void)
{
    RV_MODEL_CHECK(send_on(chan, 0) == 0 && send_on(chan, 1) == 0, "nobody closes");
}

static void receive_one(void)
{
    outcome[rv_model_self()] = receive_from(chan);
}

static void receive_both(void)
{
    RV_MODEL_CHECK(receive_from(chan) == 0 && receive_from(chan) == 0, "nobody closes");
}

static void finish_both(void)
{
    RV_MODEL_CHECK(received[0] == 1 && received[1] == 1, "nothing is lost");
    finish();
}

static void finish_one(void)
{
    RV_MODEL_CHECK(received[0] == 1, "nothing is lost");
    finish();
}

static void cancel_first(void)
{
    (void)rove_cancel(&rv_double_task(1)->future);
}

/* The receiver is cancelled or has the element; then somebody else must take it. */
static void receive_or_cancelled(void)
{
    int rc = receive_from(chan);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED || rc == -EPIPE, "one of its ends");
    outcome[1] = rc;
}

static void send_then_close(void)
{
    outcome[2] = send_on(chan, 0);
}

static void send_unless_closed(void)
{
    outcome[2] = send_on(chan, 0);
    RV_MODEL_CHECK(outcome[2] == 0 || outcome[2] == -EPIPE, "one of two ends");
}

static void cancel_then_close(void)
{
    cancel_first();
    (void)rove_chan_close(chan);
}

static void close_chan(void)
{
    RV_MODEL_CHECK(rove_chan_close(chan) == 0, "closed once");
}

/* A send that succeeded has been received, one that failed has not. */
static void finish_agreed(void)
{
    RV_MODEL_CHECK((outcome[2] == 0) == (received[0] == 1), "sender and receiver agree");
    finish();
}

static void receive_blocking(void)
{
    int *element;
    RV_MODEL_CHECK(rove_chan_recv_blocking(chan, &element, -1) == 0, "no deadline");
    note(element);
}

/* Both have a reference: the last one frees it. */
static void setup_shared(void)
{
    begin(2, 1);
    rove_chan_retain(chan);
}

static void send_and_release(void)
{
    RV_MODEL_CHECK(send_on(chan, 0) == 0, "room for one");
    rove_chan_release(chan);
}

static void receive_and_release(void)
{
    RV_MODEL_CHECK(receive_from(chan) == 0, "one comes");
    rove_chan_release(chan);
}

static void finish_shared(void)
{
    rove_chan_release(other);
    rv_double_end();
}

/* select */

static void select_two(void)
{
    int *element = NULL;
    rove_select_case cases[2] = {{ROVE_RECV, chan, &element, NULL, 0},
                                 {ROVE_RECV, other, &element, NULL, 0}};
    int i = rove_select(2, cases, -1);
    RV_MODEL_CHECK(i >= 0 || i == -ECANCELED, "one of its ends");
    outcome[rv_model_self()] = i;
    if (i >= 0) {
        RV_MODEL_CHECK(cases[i].error == 0, "nobody closes");
        note(element);
    }
}

static void select_until_both(void)
{
    select_two();
    select_two();
}

static void send_other(void)
{
    outcome[rv_model_self()] = send_on(other, 1);
}

/* Two selects on the same two channels in opposite directions. */
static void select_send(void)
{
    int *element = &payload[0];
    payload[0] = 1;
    rove_select_case cases[2] = {{ROVE_SEND, other, &element, NULL, 0},
                                 {ROVE_SEND, chan, &element, NULL, 0}};
    RV_MODEL_CHECK(rove_select(2, cases, -1) >= 0, "the other one receives");
}

static void select_with_deadline(void)
{
    int *element = NULL;
    rove_select_case cases[1] = {{ROVE_RECV, chan, &element, NULL, 0}};
    int i = rove_select(1, cases, 1000);
    RV_MODEL_CHECK(i == 0 || i == -ETIMEDOUT, "one of two ends");
    outcome[1] = i;
    if (i == 0) {
        note(element);
    } else {
        RV_MODEL_CHECK(receive_from(chan) == 0, "the sender is still there");
    }
}

static void pass_time(void)
{
    rv_double_fire(1);
}

static void setup_select_future(void)
{
    begin(2, 0);
    future = rove_create_future();
}

static void select_future(void)
{
    int *element = NULL;
    void *result = NULL;
    rove_select_case cases[2] = {{ROVE_RECV, chan, &element, NULL, 0},
                                 {ROVE_AWAIT, NULL, &result, future, 0}};
    int i = rove_select(2, cases, -1);
    RV_MODEL_CHECK(i == 0 || i == 1, "one of two");
    if (i == 1) {
        RV_MODEL_CHECK(cases[1].error == 0 && result == &payload[1] && payload[1] == 2,
                       "the result is there");
        RV_MODEL_CHECK(receive_from(chan) == 0, "the sender is still there");
    } else {
        note(element);
    }
}

static void set_future(void)
{
    payload[1] = 2;
    (void)rove_set_result(future, &payload[1]);
}

static void finish_select_future(void)
{
    rove_release(future);
    finish_one();
}

static void select_closed(void)
{
    int *element = NULL;
    rove_select_case cases[2] = {{ROVE_RECV, chan, &element, NULL, 0},
                                 {ROVE_RECV, other, &element, NULL, 0}};
    int i = rove_select(2, cases, -1);
    RV_MODEL_CHECK(i == 0 || i == 1, "one of two");
    RV_MODEL_CHECK(i == 0 ? cases[0].error == -EPIPE : cases[1].error == 0, "and its error");
    if (i == 1) {
        note(element);
    } else {
        RV_MODEL_CHECK(receive_from(other) == 0, "the sender is still there");
    }
}

static void finish_second(void)
{
    RV_MODEL_CHECK(received[1] == 1, "nothing is lost");
    finish();
}

/* It waits in its select; the other may come. */
static void leave_and_tell(struct rv_task *self)
{
    rv_model_unblock(2);
    if (rv_state_park(&self->future.state)) {
        rv_model_block(false);
    }
}

static void setup_last_handle(void)
{
    begin(2, 0);
    rv_double_set_leave(leave_and_tell);
}

static void select_till_closed(void)
{
    int *element = NULL;
    rove_select_case cases[2] = {{ROVE_RECV, chan, &element, NULL, 0},
                                 {ROVE_RECV, chan, &element, NULL, 0}};
    int i = rove_select(2, cases, -1);
    RV_MODEL_CHECK(i >= 0 && cases[i].error == -EPIPE, "it is closed");
}

/* The select is in the channel's queue twice, and leaves it while the last handle goes. */
static void close_and_release(void)
{
    rv_model_block(false);
    (void)rove_chan_close(chan);
    rove_chan_release(chan);
}

/* As a worker that goes from one task to the next: the one that left is parked by who comes. */
static void leave_to_second(struct rv_task *self)
{
    struct rv_worker *w = self->worker, *thief = rv_double_worker(3);
    w->after_task = self;
    w->after = RV_AFTER_PARK;
    rv_model_unblock(2);
    rv_model_block(false);
    rv_double_be_worker(thief);
    rv_store_relaxed(&thief->current, self);
    self->worker = thief;
}

static void hand_to_thief(struct rv_worker *w, struct rv_task *t)
{
    RV_MODEL_CHECK(w == rv_double_worker(1) && t == rv_double_task(1), "on the worker of both");
    RV_MODEL_CHECK(w->after == RV_AFTER_NOTHING, "it is taken back, not woken");
    rv_model_unblock(1);
}

static void setup_one_worker(void)
{
    begin(2, 0);
    rv_double_set_leave(leave_to_second);
    rv_double_set_push(hand_to_thief);
}

/* Comes to run on the first task's worker, in its place. */
static void send_in_its_place(void)
{
    struct rv_task *self = rv_double_task(2);
    struct rv_worker *w = rv_double_worker(1);
    rv_model_block(false);
    rv_double_be_worker(w);
    rv_store_relaxed(&w->current, self);
    self->worker = w;
    send_first();
}

static const struct rv_model models[] = {
    {"chan/rendezvous", setup_two, {send_both, receive_both}, finish_both, 0},
    {"chan/two_senders", setup_three, {send_first, send_second, receive_both}, finish_both, 0},
    {"chan/two_receivers", setup_three, {receive_one, receive_one, send_both}, finish_both, 0},
    {"chan/buffered", setup_buffered, {send_first, send_second, receive_both}, finish_both, 0},
    {"chan/blocking", setup_one, {send_first, receive_blocking}, finish_one, 0},
    {"chan/cancel", setup_three, {receive_or_cancelled, send_unless_closed, cancel_then_close},
     finish_agreed, 0},
    {"chan/close", setup_two, {receive_or_cancelled, send_then_close, close_chan}, finish_agreed,
     0},
    {"chan/one_worker", setup_one_worker, {receive_one, send_in_its_place}, finish_one,
     0},
    {"chan/release", setup_shared, {send_and_release, receive_and_release}, finish_shared, 0},
    {"select/send", setup_two, {select_two, send_first}, finish_one, 0},
    {"select/two_sends", setup_three, {select_until_both, send_first, send_other}, finish_both, 0},
    {"select/select", setup_two, {select_two, select_send}, finish_one, 0},
    {"select/two_selects", setup_three, {select_two, select_two, send_both}, finish_both,
     RV_MODEL_WIDE},
    {"select/deadline", setup_two, {select_with_deadline, send_first, pass_time}, finish_one, 0},
    {"select/future", setup_select_future, {select_future, send_first, set_future},
     finish_select_future, 0},
    {"select/last_handle", setup_last_handle, {select_till_closed, close_and_release},
     finish_shared, 0},
    {"select/close", setup_two, {select_closed, send_other, close_chan}, finish_second, 0},
};

const struct rv_model_list rv_models_chan = {models, sizeof models / sizeof models[0]};
