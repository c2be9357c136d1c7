// SPDX-License-Identifier: MIT
/*
 * Purpose: models of the small parts of core/: inbox, event count, spin lock, biased lock, lock
 *          with a home, walks, backlog.
 */
#include "model.h"

#include "core/atomic.h"
#include "core/backlog.h"
#include "core/bias.h"
#include "core/home.h"
#include "core/inbox.h"
#include "core/lock.h"
#include "core/park.h"
#include "core/walk.h"
#include "sched/state.h"

#include <errno.h>

/* inbox: producers 1 and 2, consumer 3 */

struct letter {
    struct rv_inbox_node node;
    int payload;
    int received;
};

static struct rv_inbox inbox;
static struct letter letters[4];
static RV_ATOMIC(uint32_t) wakes; /* pushes that found it empty */

static void setup_inbox(void)
{
    rv_inbox_init(&inbox);
    rv_store_relaxed(&wakes, 0u);
    for (int i = 0; i < 4; i++) {
        letters[i] = (struct letter){.payload = 0};
    }
}

static void post(int i)
{
    letters[i].payload = i + 1;
    if (rv_inbox_push(&inbox, &letters[i].node)) {
        (void)rv_fetch_add_relaxed(&wakes, 1u);
    }
}

static void post_first(void)
{
    post(0);
    post(1);
}

static void post_second(void)
{
    post(2);
}

static void receive_all(void)
{
    struct rv_inbox_node *node = rv_inbox_take_all(&inbox);
    int last[2] = {-1, -1};
    while (node != NULL) {
        struct letter *l = rv_container_of(node, struct letter, node);
        int i = (int)(l - letters);
        node = node->next;
        RV_MODEL_CHECK(l->payload == i + 1 && l->received == 0, "a letter comes once, complete");
        RV_MODEL_CHECK(i > last[i / 2], "those of one sender in order");
        l->received = 1;
        last[i / 2] = i;
    }
}

static void receive_twice(void)
{
    receive_all();
    receive_all();
}

static void finish_inbox(void)
{
    rv_inbox_check(&inbox);
    bool was_empty = rv_inbox_is_empty(&inbox);
    receive_all();
    for (int i = 0; i < 3; i++) {
        RV_MODEL_CHECK(letters[i].received == 1, "nothing is lost");
    }
    RV_MODEL_CHECK(was_empty || rv_load_relaxed(&wakes) > 0, "somebody was to wake the consumer");
}

/* park */

static struct rv_park park;
static RV_ATOMIC(uint32_t) condition;
static int news; /* plain: seen by who has seen the condition or the wake */

static void setup_park(void)
{
    rv_park_init(&park);
    rv_store_relaxed(&condition, 0u);
    news = 0;
}

static void wait_for_condition(void)
{
    for (;;) {
        uint32_t key = rv_park_prepare(&park);
        if (rv_load_relaxed(&condition) != 0) {
            rv_park_cancel(&park);
            return;
        }
        (void)rv_park_commit(&park, key, -1);
    }
}

static void notify_one(void)
{
    rv_store_relaxed(&condition, 1u);
    rv_park_notify_one(&park);
}

static void notify_all(void)
{
    rv_store_relaxed(&condition, 1u);
    rv_park_notify_all(&park);
}

/* What is written before a notification is seen by the sleeper that it ends the sleep of. */
static void wait_for_news(void)
{
    uint32_t key = rv_park_prepare(&park);
    if (rv_load_relaxed(&condition) != 0) {
        rv_park_cancel(&park);
    } else if (rv_park_commit(&park, key, -1) == 0) {
        RV_MODEL_CHECK(news == 1, "the notifier's writes come with the wake");
    }
}

/* The key it reads may be the raised one: then the news is seen by that. */
static void wait_for_raised_epoch(void)
{
    uint32_t key = rv_park_prepare(&park);
    rv_park_cancel(&park);
    if (key != 0) {
        RV_MODEL_CHECK(news == 1, "the notifier's writes come with the epoch");
    }
}

static void tell_news(void)
{
    news = 1;
    notify_all();
}

static void wait_a_while(void)
{
    uint32_t key = rv_park_prepare(&park);
    if (rv_load_relaxed(&condition) != 0) {
        rv_park_cancel(&park);
        return;
    }
    int rc = rv_park_commit(&park, key, 1000);
    RV_MODEL_CHECK(rc == 0 || rc == -ETIMEDOUT, "no other end");
    if (rc == 0) {
        RV_MODEL_CHECK(news == 1, "the notifier's writes come with the wake");
    }
}

/* Two tokens for two sleepers, one notification each. */
static RV_ATOMIC(uint32_t) tokens;

static void setup_tokens(void)
{
    setup_park();
    rv_store_relaxed(&tokens, 0u);
}

static bool take_token(void)
{
    uint32_t n = rv_load_relaxed(&tokens);
    while (n > 0) {
        if (rv_cas_relaxed(&tokens, &n, n - 1)) {
            return true;
        }
    }
    return false;
}

static void wait_for_token(void)
{
    for (;;) {
        uint32_t key = rv_park_prepare(&park);
        if (take_token()) {
            rv_park_cancel(&park);
            return;
        }
        (void)rv_park_commit(&park, key, -1);
    }
}

static void give_two_tokens(void)
{
    (void)rv_fetch_add_relaxed(&tokens, 1u);
    rv_park_notify_one(&park);
    (void)rv_fetch_add_relaxed(&tokens, 1u);
    rv_park_notify_one(&park);
}

static void finish_park(void)
{
    RV_MODEL_CHECK(rv_load_relaxed(&park.waiters) == 0, "every prepare has ended");
}

/* lock */

static struct rv_lock lock;
static int guarded;

static void setup_lock(void)
{
    rv_lock_init(&lock);
    guarded = 0;
}

static void lock_once(void)
{
    rv_lock_acquire(&lock);
    guarded++;
    rv_lock_release(&lock);
}

static void lock_twice(void)
{
    lock_once();
    lock_once();
}

static RV_NO_LOCK_ANALYSIS void try_lock(void)
{
    if (rv_lock_try(&lock)) {
        guarded++;
        rv_lock_release(&lock);
    }
}

static void finish_lock(void)
{
    RV_MODEL_CHECK(!rv_lock_is_held(&lock), "released");
    RV_MODEL_CHECK(guarded >= 2, "all were inside");
}

/* bias: owner 1, helpers 2 and 3 */

static struct rv_bias bias;

static void setup_bias(void)
{
    rv_model_set_fences(true);
    rv_bias_init(&bias);
    guarded = 0;
}

static void setup_bias_symmetric(void)
{
    setup_bias();
    rv_model_set_fences(false);
}

static void own_twice(void)
{
    for (int i = 0; i < 2; i++) {
        rv_bias_owner_enter(&bias);
        guarded++;
        rv_bias_owner_leave(&bias);
    }
}

static void help(void)
{
    if (rv_bias_try_enter(&bias)) {
        guarded++;
        rv_bias_leave(&bias);
    }
}

static void finish_bias(void)
{
    RV_MODEL_CHECK(guarded >= 2, "the owner was inside twice");
    RV_MODEL_CHECK(rv_load_relaxed(&bias.busy) == 0 && rv_load_relaxed(&bias.helper) == 0, "free");
}

/* home: thread 1 is at home, 2 and 3 visit; or each becomes so by turns */

static struct rv_home home;
static const int names[RV_MODEL_THREADS];

static void setup_home(void)
{
    rv_model_set_fences(true);
    home = (struct rv_home){0};
    rv_store_relaxed(&home.home, (uintptr_t)&names[0]);
    guarded = 0;
}

static void setup_home_symmetric(void)
{
    setup_home();
    rv_model_set_fences(false);
}

/* The next to enter twice is at home the second time. */
static void setup_no_home(void)
{
    setup_home();
    rv_store_relaxed(&home.home, (uintptr_t)0);
}

static void come_in(const void *me)
{
    bool is_at_home = rv_home_enter(&home, me);
    guarded++;
    home.streak = RV_HOME_STREAK - 1;
    rv_home_leave(&home, is_at_home);
}

static void stay_at_home(void)
{
    come_in(&names[0]);
    come_in(&names[0]);
}

static void visit(void)
{
    come_in(NULL);
}

static void settle_down(void)
{
    const void *me = &names[rv_model_self()];
    come_in(me);
    come_in(me);
    come_in(me);
}

static void finish_home(void)
{
    RV_MODEL_CHECK(guarded >= 3, "all were inside");
    RV_MODEL_CHECK(rv_load_relaxed(&home.busy) == 0 && !rv_lock_is_held(&home.lock), "free");
}

/* backlog, under its lock */

static struct rv_backlog backlog;
static int sum;

static void setup_backlog(void)
{
    setup_lock();
    backlog = (struct rv_backlog){0};
    sum = 0;
}

static void put_behind(void)
{
    rv_lock_acquire(&lock);
    RV_MODEL_CHECK(rv_backlog_push(&backlog, &sum) == 0, "memory");
    rv_lock_release(&lock);
}

static void take_first(void)
{
    rv_lock_acquire(&lock);
    sum += rv_backlog_pop(&backlog) == &sum;
    rv_lock_release(&lock);
}

static void finish_backlog(void)
{
    rv_backlog_check(&backlog);
    while (rv_backlog_pop(&backlog) != NULL) {
        sum++;
    }
    rv_backlog_fini(&backlog);
    RV_MODEL_CHECK(sum == 2, "nothing is lost");
}

/* walk: 1 ends a task that only it knows, 2 and 3 look for tasks */

static struct rv_walk walk;
static struct rv_walk_owner burial;
static rv_state_word state;
static int outcome;
static int freed;

static void setup_walk(void)
{
    rv_model_set_fences(true);
    walk = (struct rv_walk){0};
    burial = (struct rv_walk_owner){0};
    rv_state_init(&state, 2);
    outcome = 0;
    freed = 0;
}

static void setup_walk_symmetric(void)
{
    setup_walk();
    rv_model_set_fences(false);
}

static void drop(void)
{
    if (rv_state_release(&state)) {
        RV_MODEL_CHECK(outcome == 1, "whoever is last sees the outcome");
        freed++;
    }
}

/* As bury_fresh of sched/task.c, then the creator's own reference. */
static void bury(void)
{
    outcome = 1;
    bool is_over = rv_walk_enter(&burial, &walk) && rv_state_finish_unseen(&state);
    rv_walk_leave(&burial);
    if (!is_over) {
        rv_state_finish(&state, 1);
    }
    drop();
}

static void look_for_tasks(void)
{
    if (rv_state_is_done(&state)) {
        RV_MODEL_CHECK(outcome == 1, "the outcome comes before DONE");
    }
    rv_walk_begin(&walk);
    rv_walk_wait(&burial);
    bool is_taken = rv_state_retain_live(&state);
    rv_walk_end(&walk);
    if (is_taken) {
        drop();
    }
}

static void finish_walk(void)
{
    RV_MODEL_CHECK(freed == 1, "freed once");
    RV_MODEL_CHECK(rv_load_relaxed(&walk.walkers) == 0, "nobody walks any more");
}

static const struct rv_model models[] = {
    {"inbox/two_senders", setup_inbox, {post_first, post_second, receive_twice}, finish_inbox, 0},
    {"park/one", setup_park, {wait_for_condition, notify_one}, finish_park, 0},
    {"park/two", setup_park, {wait_for_condition, wait_for_condition, notify_all}, finish_park, 0},
    {"park/tokens", setup_tokens, {wait_for_token, wait_for_token, give_two_tokens}, finish_park,
     0},
    {"park/news", setup_park, {wait_for_news, tell_news}, finish_park, 0},
    {"park/raised_epoch", setup_park, {wait_for_condition, wait_for_raised_epoch, tell_news},
     finish_park, 0},
    {"park/timeout", setup_park, {wait_a_while, tell_news}, finish_park, 0},
    {"lock/two", setup_lock, {lock_twice, lock_twice}, finish_lock, 0},
    {"lock/three", setup_lock, {lock_once, lock_once, lock_once}, finish_lock, 0},
    {"lock/try", setup_lock, {lock_twice, try_lock}, finish_lock, 0},
    {"bias/helper", setup_bias, {own_twice, help}, finish_bias, 0},
    {"bias/helper_symmetric", setup_bias_symmetric, {own_twice, help}, finish_bias, 0},
    {"bias/two_helpers_symmetric", setup_bias_symmetric, {own_twice, help, help}, finish_bias, 0},
    {"bias/two_helpers", setup_bias, {own_twice, help, help}, finish_bias, 0},
    {"home/visitor", setup_home, {stay_at_home, visit}, finish_home, 0},
    {"home/visitor_symmetric", setup_home_symmetric, {stay_at_home, visit}, finish_home, 0},
    {"home/two_visitors", setup_home, {stay_at_home, visit, visit}, finish_home, 0},
    {"home/by_turns", setup_no_home, {settle_down, settle_down}, finish_home, 0},
    {"home/another", setup_home, {stay_at_home, settle_down}, finish_home, 0},
    {"walk/one", setup_walk, {bury, look_for_tasks}, finish_walk, 0},
    {"walk/one_symmetric", setup_walk_symmetric, {bury, look_for_tasks}, finish_walk, 0},
    {"walk/two", setup_walk, {bury, look_for_tasks, look_for_tasks}, finish_walk,
     RV_MODEL_WIDE},
    {"backlog/locked", setup_backlog, {put_behind, put_behind, take_first}, finish_backlog, 0},
};

const struct rv_model_list rv_models_core = {models, sizeof models / sizeof models[0]};
