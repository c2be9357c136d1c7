// SPDX-License-Identifier: MIT
/*
 * Purpose: what a task of the tree does with others that are not just its children: groups, threads,
 *          callbacks, futures set by hand, herds, two that pull at one, and workers that stand
 *          aside. load.h has the idea.
 */
#include "tools/sim/load.h"

#include "sched/active.h"
#include "sched/runtime.h"

#include <errno.h>

#define CHILDREN 5
#define HERD 16

int load_group(unsigned depth)
{
    rove_task_group g;
    struct load_node *nodes[CHILDREN];
    unsigned n = 0;
    rove_task_group_enter(&g);
    for (unsigned i = 1 + rove_sim_random(CHILDREN); i > 0; i--) {
        struct load_node *node = load_take_node(depth);
        if (rove_task_group_create_task(&g, load_node_main, node) == NULL) {
            break;
        }
        nodes[n++] = node;
    }
    int rc = load_pause();
    if (rove_sim_random(8) == 0) {
        (void)rove_task_group_cancel(&g);
    }
    rc = rove_task_group_exit(&g, rc);
    for (unsigned i = 0; i < n; i++) {
        load_check(nodes[i]->begun == nodes[i]->ended, "a child outlived its group");
    }
    return rc;
}

struct setter {
    rove_future *f;
    int value;
    bool has_begun;
};

static int set_later(void *arg, void **result)
{
    struct setter *s = arg;
    (void)result;
    s->has_begun = true;
    (void)load_pause();
    int rc = rove_sim_random(4) == 0 ? rove_set_error(s->f, LOAD_ERROR) : rove_set_result(s->f, &s->value);
    load_check(rc == 0 || rc == -EALREADY, "a future cannot be set: %d", rc);
    rove_release(s->f);
    return 0;
}

int load_hand_set(unsigned depth)
{
    struct setter s = {.f = rove_create_future()};
    void *result = NULL;
    (void)depth;
    rove_future *f = rove_retain(s.f);
    rove_task *task = rove_create_task(set_later, &s);
    int rc = rove_await(f, &result);
    load_check(rc != 0 || result == &s.value, "a future gave somebody else's result");
    load_join_all(1, &task);
    if (!s.has_begun) { /* cancelled before */
        rove_release(s.f);
    }
    rove_release(f);
    return rc;
}

static int thread_job(void *arg, void **result)
{
    rove_sim_work(load_some_time());
    *result = arg;
    return 0;
}

int load_to_thread(unsigned depth)
{
    int token;
    void *result = NULL;
    (void)depth;
    int rc = rove_to_thread(thread_job, &token, &result);
    load_check(rc == 0 || rc == -ECANCELED, "to_thread came to %d", rc);
    load_check(rc != 0 || result == &token, "to_thread gave somebody else's result");
    return rc;
}

static void note_callback(void *ctx)
{
    struct load_node *n = ctx;
    load_check(!n->is_withdrawn, "a callback comes that was cancelled");
    load_check(n->told++ == 0, "a callback comes twice");
}

static void note_done(rove_future *f, void *ctx)
{
    struct load_node *n = ctx;
    load_check(rove_done(f), "a done callback comes before the end");
    load_check(n->told++ == 0, "a done callback comes twice");
}

int load_callbacks(unsigned depth)
{
    struct load_node *node;
    struct load_node *tokens[2] = {load_take_node(0), load_take_node(0)};
    rove_task *task = load_spawn(depth, &node);
    load_check(rove_add_done_callback(task, note_done, node) == 0, "no done callback");
    rove_handle *soon = rove_call_soon(note_callback, tokens[0]);
    rove_handle *later = rove_call_later(load_some_time(), note_callback, tokens[1]);
    int rc = load_join(task, node);
    while (node->told == 0) { /* soon; if it never comes, the run does not end */
        int paused = rove_sleep(ROVE_US(1));
        rc = rc == 0 ? paused : rc;
    }
    tokens[0]->is_withdrawn = rove_handle_cancel(soon);
    tokens[1]->is_withdrawn = rove_handle_cancel(later);
    load_check(!tokens[0]->is_withdrawn || tokens[0]->told == 0, "cancelled after the call");
    rove_handle_release(soon);
    rove_handle_release(later);
    return rc;
}

/*
 * Many short tasks and some long steps: a worker has tasks that only it can see, others sleep, look,
 * help. What nobody was told of stays beside one that computes.
 */
struct herd {
    unsigned left;  /* so many may still be born */
    unsigned tempo; /* sleeps last up to this power of two, in ns */
    unsigned ease;  /* the less of it, the more of them compute for long */
    unsigned count;
    rove_task *tasks[HERD];
};

static int herd_member(void *arg, void **result)
{
    struct herd *h = arg;
    int rc = 0;
    (void)result;
    for (unsigned i = 1 + rove_sim_random(3); i > 0 && rc == 0; i--) {
        unsigned what = rove_sim_random(8);
        if (what < 2) {
            rc = rove_sleep(1 + (rove_duration)rove_sim_random(1u << h->tempo));
        } else if (what == 2) {
            rc = rove_yield();
        } else if (h->left > 0 && what < 7) {
            h->left--;
            rove_task *child = rove_create_task(herd_member, h);
            h->tasks[h->count++] = child;
        }
        if (what > h->ease) {
            rove_sim_work(ROVE_US(2) << rove_sim_random(12));
        }
    }
    return rc;
}

int load_herd(unsigned depth)
{
    struct herd h = {.left = 1 + rove_sim_random(HERD)};
    h.tempo = rove_sim_random(22);
    h.ease = rove_sim_random(7);
    (void)depth;
    for (unsigned i = (h.left + 1) / 2; i > 0 && h.left > 0; i--) {
        h.left--;
        rove_task *child = rove_create_task(herd_member, &h);
        h.tasks[h.count++] = child;
    }
    if (rove_sim_random(2) == 0) {
        rove_sim_work(load_some_time());
    }
    for (unsigned i = 0; i < h.count; i++) {
        load_join_all(1, &h.tasks[i]);
    }
    return 0;
}

/*
 * Two that sleep for a moment and compute for long, each on a worker of its own by and by. One of
 * them leaves tasks beside itself, just when the worker of the other looks for the last time before
 * it sleeps, and is kept from that by the end of the other's sleep.
 */
static int duet_rest(void *arg, void **result)
{
    (void)arg;
    (void)result;
    return 0;
}

struct duet {
    unsigned rounds;
    unsigned tempo;
    bool has_litter;
};

static int duet_part(void *arg, void **result)
{
    const struct duet *d = arg;
    int rc = 0;
    (void)result;
    for (unsigned i = 0; i < d->rounds && rc == 0; i++) {
        struct herd h = {.left = 0};
        rc = rove_sleep(1 + (rove_duration)rove_sim_random(1u << d->tempo));
        for (unsigned k = rove_sim_random(4); d->has_litter && k > 0; k--) {
            h.tasks[h.count] = rove_create_task(duet_rest, NULL);
            h.count++;
        }
        rove_sim_work(ROVE_US(2) << rove_sim_random(8));
        load_join_all(h.count, h.tasks);
    }
    return rc;
}

int load_duet(unsigned depth)
{
    struct duet parts[2] = {{.rounds = 1 + rove_sim_random(20), .tempo = 8 + rove_sim_random(8)}};
    rove_task *tasks[2];
    (void)depth;
    parts[1] = parts[0];
    parts[1].has_litter = true;
    for (unsigned i = 0; i < 2; i++) {
        tasks[i] = rove_create_task(duet_part, &parts[i]);
    }
    load_join_all(2, tasks);
    return 0;
}

/*
 * One that waits, one that ends its wait, one that cancels it, one that looks, all at once: two of
 * them on threads of their own, so that nothing orders them.
 */
struct tug {
    rove_future *f;
    rove_task *waiter;
};

static int tug_wait(void *arg, void **result)
{
    const struct tug *t = arg;
    int rc = rove_await(t->f, result);
    load_check(rc == -ECANCELED || rove_done(t->f), "an await came to %d before the end", rc);
    return rc;
}

static int set_there(void *arg, void **result)
{
    struct tug *t = arg;
    (void)result;
    rove_sim_work(load_some_time() >> 12);
    int rc = rove_set_result(t->f, t);
    load_check(rc == 0 || rc == -EALREADY, "a future cannot be set: %d", rc);
    return 0;
}

static int cancel_there(void *arg, void **result)
{
    struct tug *t = arg;
    (void)result;
    rove_sim_work(load_some_time() >> 12);
    for (unsigned i = 1 + rove_sim_random(2); i > 0; i--) {
        (void)rove_cancel(t->waiter);
    }
    return 0;
}

static int tug_set(void *arg, void **result)
{
    return rove_to_thread(set_there, arg, result);
}

static int tug_cancel(void *arg, void **result)
{
    return rove_to_thread(cancel_there, arg, result);
}

/* Whoever looks at a task holds it fast for a moment; a wake that comes then must not be lost. */
static int tug_look(void *arg, void **result)
{
    const struct tug *t = arg;
    void *pcs[4];
    (void)result;
    for (unsigned i = 1 + rove_sim_random(8); i > 0; i--) {
        load_check(rove_task_stack(t->waiter, pcs, 4) <= 4, "a stack has more than was asked for");
        rove_sim_work(load_some_time() >> 14);
    }
    return 0;
}

int load_tug(unsigned depth)
{
    struct tug t = {.f = rove_create_future()};
    rove_task *tasks[3];
    unsigned n = 0;
    (void)depth;
    load_check(t.f != NULL, "no future");
    t.waiter = rove_create_task(tug_wait, &t);
    if (rove_sim_random(2) == 0) {
        tasks[n++] = rove_create_task(tug_cancel, &t);
    }
    tasks[n++] = rove_create_task(tug_look, &t);
    tasks[n++] = rove_create_task(tug_set, &t);
    load_join_all(n, tasks);
    (void)rove_set_result(t.f, &t); /* in case they were cancelled before they could */
    load_join_all(1, &t.waiter);
    rove_release(t.f);
    return 0;
}

/* As if others wanted the processors (sched/active.h): for some time, or until all is still. */
int load_aside(unsigned depth)
{
    rove_runtime *runtime = rove_current_runtime();
    (void)depth;
    rv_active_force(runtime, (uint32_t)rove_sim_random(runtime->worker_count));
    int rc = load_pause();
    if (rove_sim_random(2) == 0) {
        rv_active_force(runtime, 0);
    }
    return rc;
}
