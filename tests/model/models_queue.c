// SPDX-License-Identifier: MIT
/*
 * Purpose: models of the other ways to pass values: queue, oneshot, broadcast, watch.
 * Idea:    as models_chan.c.
 * Threads: tasks first, then plain threads.
 */
#include "double.h"

#include <errno.h>
#include <rove/broadcast.h>
#include <rove/chan.h>

#define ITEMS 4

static rove_queue *queue;
static rove_oneshot oneshot;
static rove_broadcast *broadcast;
static rove_subscriber *subscribers[RV_MODEL_THREADS];
static rove_watch *watch;
static int payload[ITEMS];  /* written before item i is sent */
static int received[ITEMS]; /* plain: each comes once */
static int outcome[RV_MODEL_THREADS];

static void begin(unsigned tasks)
{
    rv_double_begin(tasks);
    for (int i = 0; i < ITEMS; i++) {
        payload[i] = 0;
        received[i] = 0;
    }
    for (int i = 0; i < RV_MODEL_THREADS; i++) {
        outcome[i] = 1;
    }
}

static void finish(void)
{
    rv_double_end();
}

static void note(const int *element)
{
    long i = element - payload;
    RV_MODEL_CHECK(i >= 0 && i < ITEMS && *element == (int)i + 1, "the element is complete");
    RV_MODEL_CHECK(received[i] == 0, "it comes once");
    received[i] = 1;
}

static void cancel_first(void)
{
    (void)rove_cancel(&rv_double_task(1)->future);
}

/* queue */

static void setup_queue(void)
{
    begin(3);
    queue = rove_queue_create(1);
}

static void put(int i)
{
    payload[i] = i + 1;
    RV_MODEL_CHECK(rove_queue_put(queue, &payload[i]) == 0, "nobody shuts it down");
}

static void put_two(void)
{
    put(0);
    put(1);
}

static void get_one(void)
{
    void *item;
    RV_MODEL_CHECK(rove_queue_get(queue, &item) == 0, "nobody shuts it down");
    note(item);
    RV_MODEL_CHECK(rove_queue_task_done(queue) == 0, "it was got");
}

static void join_queue(void)
{
    RV_MODEL_CHECK(rove_queue_join(queue) == 0, "nobody cancels");
}

static void get_or_cancelled(void)
{
    void *item;
    int rc = rove_queue_get(queue, &item);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED || rc == -EPIPE, "one of its ends");
    if (rc == 0) {
        note(item);
    }
    outcome[1] = rc;
}

static void put_one(void)
{
    put(0);
}

static void shut_down(void)
{
    (void)rove_queue_shutdown(queue, false);
}

static void finish_queue(void)
{
    rove_queue_destroy(queue);
    finish();
}

/* What a cancelled getter did not take is still there. */
static void finish_queue_cancelled(void)
{
    RV_MODEL_CHECK((received[0] == 1) != (rove_queue_size(queue) == 1), "nothing is lost");
    finish_queue();
}

/* oneshot, broadcast, watch */

static void setup_oneshot(void)
{
    begin(2);
    rv_model_fill(&oneshot, 0, sizeof oneshot);
}

static void oneshot_send(void)
{
    payload[0] = 1;
    outcome[2] = rove_oneshot_send(&oneshot, &payload[0]);
}

static void oneshot_receive(void)
{
    void *value = NULL;
    int rc = rove_oneshot_recv(&oneshot, &value);
    RV_MODEL_CHECK(rc == 0 || rc == -EPIPE, "one of two ends");
    if (rc == 0) {
        note(value);
    }
    outcome[1] = rc;
}

static void oneshot_close(void)
{
    (void)rove_oneshot_close(&oneshot);
}

static void setup_broadcast(void)
{
    begin(2);
    broadcast = rove_broadcast_create(sizeof(int *), 2);
    subscribers[1] = rove_broadcast_subscribe(broadcast);
    subscribers[2] = rove_broadcast_subscribe(broadcast);
}

static void subscriber_receive(void)
{
    int *element = NULL;
    rove_subscriber *s = subscribers[rv_model_self()];
    RV_MODEL_CHECK(rove_subscriber_recv(s, &element, NULL) == 0, "one is sent");
    RV_MODEL_CHECK(*element == 1, "the element is complete");
    rove_subscriber_release(s);
}

static void broadcast_and_release(void)
{
    int *element = &payload[0];
    payload[0] = 1;
    RV_MODEL_CHECK(rove_broadcast_send(broadcast, &element) == 0, "nobody closes");
    rove_broadcast_release(broadcast);
}

static void setup_watch(void)
{
    int *none = NULL;
    begin(2);
    watch = rove_watch_create(sizeof(int *), &none);
    rove_watch_retain(watch);
}

static void watch_change(void)
{
    int *element = NULL;
    uint64_t seen = 0;
    do {
        RV_MODEL_CHECK(rove_watch_wait(watch, &seen, &element) == 0, "nobody closes");
    } while (element == NULL);
    RV_MODEL_CHECK(*element == 1, "the element is complete");
    rove_watch_release(watch);
}

static void change_watch(void)
{
    int *element = &payload[0];
    payload[0] = 1;
    RV_MODEL_CHECK(rove_watch_send(watch, &element) == 0, "nobody closes");
    rove_watch_release(watch);
}

static const struct rv_model models[] = {
    {"queue/two_getters", setup_queue, {put_two, get_one, get_one}, finish_queue, 0},
    {"queue/join", setup_queue, {put_one, get_one, join_queue}, finish_queue, 0},
    {"queue/cancel", setup_queue, {get_or_cancelled, put_one, cancel_first}, finish_queue_cancelled,
     0},
    {"queue/shutdown", setup_queue, {get_or_cancelled, shut_down}, finish_queue, 0},
    {"oneshot/send", setup_oneshot, {oneshot_receive, oneshot_send, oneshot_close}, finish, 0},
    {"broadcast/release", setup_broadcast, {subscriber_receive, subscriber_receive,
     broadcast_and_release}, finish, 0},
    {"watch/change", setup_watch, {watch_change, change_watch}, finish, 0},
};

const struct rv_model_list rv_models_queue = {models, sizeof models / sizeof models[0]};
