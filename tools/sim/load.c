// SPDX-License-Identifier: MIT
/*
 * Purpose: the tree of tasks: create, await, gather, wait, timeout, shield, cancel. load.h has the
 *          idea.
 */
#include "tools/sim/load.h"

#include "core/base.h"

#include <stdio.h>
#include <string.h>

#define STRANGERS 8 /* handles that anybody may cancel; arbitrary */
#define CHILDREN 5

static struct {
    struct load_node nodes[LOAD_NODES];
    unsigned count;
    unsigned limit;               /* of this run */
    load_action *actions[LOAD_SWARM]; /* all that this run does, if it is choosy */
    unsigned action_count;        /* 0: it is not */
    bool is_closing;
    rove_future *strangers[STRANGERS];
} books;

static load_action leaf, children, gather, gather_calls, wait_some, as_completed, timeout_block,
    wait_for, shield, cancel_child, nested_gather, meddle;

/* Some stand here more than once: they lead to what is rare elsewhere. */
static load_action *const all_actions[] = {
    children, gather, gather_calls, wait_some, as_completed, timeout_block, wait_for, shield,
    cancel_child, nested_gather, meddle,
    load_group, load_hand_set, load_to_thread, load_callbacks, load_herd, load_tug,
    load_duet, load_tug, load_close, load_aside,
    load_queue, load_chan, load_select, load_mutex, load_semaphore, load_rwlock, load_cond,
    load_event, load_oneshot, load_broadcast,
    load_pipe, load_pair, load_accept, load_close, load_stream,
};

void load_reset(void)
{
    memset(&books, 0, sizeof books);
}

const char *load_audit(void)
{
    static char text[128];
    for (unsigned i = 0; i < books.count; i++) {
        const struct load_node *n = &books.nodes[i];
        if (n->begun > 1 || n->ended != n->begun) {
            snprintf(text, sizeof text, "node %u began %u times and ended %u times", i, n->begun,
                     n->ended);
            return text;
        }
    }
    return NULL;
}

static unsigned draw(unsigned n)
{
    return rove_sim_random(n);
}

rove_duration load_some_time(void)
{
    return ROVE_NS(1) << draw(24); /* up to 8 ms */
}

/* More than half of the runs do a few things only, again and again: what is rare among all is common
 * there. And the scheduler is tried hardest: one in five does nothing but herds, or duets. */
static void draw_actions(void)
{
    unsigned kind = draw(5);
    books.action_count = kind >= 3 ? 0 : kind == 0 ? 1 : 1 + draw(LOAD_SWARM);
    books.actions[0] = draw(2) == 0 ? load_herd : load_duet;
    for (unsigned i = 0; i < books.action_count && kind != 0; i++) {
        books.actions[i] = all_actions[draw(RV_ARRAY_LEN(all_actions))];
    }
}

static load_action *draw_action(unsigned depth)
{
    if (depth == 0 || draw(16) == 0) {
        return leaf;
    }
    return books.action_count == 0 ? all_actions[draw(RV_ARRAY_LEN(all_actions))]
                                   : books.actions[draw(books.action_count)];
}

int load_pause(void)
{
    switch (draw(6)) {
    case 0:
        return rove_sleep(load_some_time());
    case 1:
    case 2:
        return rove_yield();
    case 3:
        rove_sim_work(load_some_time());
        return 0;
    default:
        return 0;
    }
}

void load_disturb(size_t n, rove_task *tasks[])
{
    for (unsigned i = draw(3); i > 0; i--) {
        (void)load_pause();
        if (n > 0) {
            rove_cancel(tasks[draw((unsigned)n)]);
        }
    }
}

int load_node_main(void *arg, void **result)
{
    struct load_node *n = arg;
    load_check(n->begun++ == 0, "a node began twice");
    int rc = draw_action(n->depth)(n->depth);
    load_check(rc == 0 || rc == LOAD_ERROR || rc == -ECANCELED, "a node came to %d", rc);
    load_check(n->ended++ == 0, "a node ended twice");
    *result = n;
    return rc;
}

struct load_node *load_take_node(unsigned depth)
{
    load_check(books.count < LOAD_NODES, "the books are full");
    struct load_node *n = &books.nodes[books.count++];
    bool is_last = books.count >= books.limit;
    n->depth = depth == 0 || is_last ? 0 : depth - 1;
    return n;
}

/* Puts a reference, or NULL, into a place, and takes what was there: nothing in between. */
static rove_future *swap(unsigned place, rove_future *f)
{
    rove_future *old = books.strangers[place];
    books.strangers[place] = f;
    return old;
}

/* Known to strangers from now on, perhaps. */
static void publish(rove_task *task)
{
    if (draw(4) == 0) {
        rove_future *f = rove_retain(task);
        rove_release(books.is_closing ? f : swap(draw(STRANGERS), f));
    }
}

rove_task *load_spawn(unsigned depth, struct load_node **node)
{
    const rove_task_options options = {.eager = draw(4) == 0, .pinned = draw(8) == 0};
    *node = load_take_node(depth);
    rove_task *task = draw(2) == 0 ? rove_create_task(load_node_main, *node)
                                   : rove_create_task_with(&options, load_node_main, *node);
    load_check(task != NULL, "no task");
    publish(task);
    return task;
}

int load_join(rove_task *task, const struct load_node *node)
{
    void *result = NULL;
    int rc = rove_await(task, &result);
    load_check(rove_done(task), "an await came back with %d before the task had ended", rc);
    load_check(node->begun == node->ended, "a task is done before its coroutine");
    load_check(rc != 0 || result == node, "a task gave somebody else's result");
    load_check(rc == 0 || rc == LOAD_ERROR || rc == -ECANCELED, "an await came to %d", rc);
    rove_release(task);
    return rc;
}

void load_join_all(size_t n, rove_task *tasks[])
{
    for (size_t i = 0; i < n; i++) {
        while (!rove_done(tasks[i])) {
            (void)rove_await(tasks[i], NULL);
        }
        rove_release(tasks[i]);
    }
}

struct brood {
    unsigned n;
    rove_task *tasks[CHILDREN];
    struct load_node *nodes[CHILDREN];
};

static void breed(struct brood *b, unsigned depth)
{
    b->n = 1 + draw(CHILDREN);
    for (unsigned i = 0; i < b->n; i++) {
        b->tasks[i] = load_spawn(depth, &b->nodes[i]);
    }
}

/* What the first that failed came to; all have ended. `rc` < 0: they are cancelled first. */
static int end_brood(struct brood *b, int rc)
{
    for (unsigned i = 0; i < b->n; i++) {
        if (rc < 0) {
            rove_cancel(b->tasks[i]);
        }
        int joined = load_join(b->tasks[i], b->nodes[i]);
        rc = rc < 0 ? rc : joined;
    }
    return rc;
}

static int leaf(unsigned depth)
{
    (void)depth;
    int rc = load_pause();
    if (rc == 0 && draw(3) == 0) {
        rc = load_pause();
    }
    return rc == 0 && draw(12) == 0 ? LOAD_ERROR : rc;
}

static int children(unsigned depth)
{
    struct brood b;
    breed(&b, depth);
    return end_brood(&b, load_pause());
}

static int gather(unsigned depth)
{
    struct brood b;
    void *results[CHILDREN] = {NULL};
    breed(&b, depth);
    int rc = rove_gather(b.n, b.tasks, results);
    for (unsigned i = 0; i < b.n && rc == 0; i++) {
        load_check(results[i] == b.nodes[i], "a gather mixed up its results");
    }
    return end_brood(&b, rc);
}

static int gather_calls(unsigned depth)
{
    rove_call calls[CHILDREN];
    struct load_node *nodes[CHILDREN];
    void *results[CHILDREN] = {NULL};
    unsigned n = 1 + draw(CHILDREN);
    for (unsigned i = 0; i < n; i++) {
        nodes[i] = load_take_node(depth);
        calls[i] = (rove_call){load_node_main, nodes[i]};
    }
    int rc = rove_gather_calls(n, calls, results);
    for (unsigned i = 0; i < n; i++) {
        load_check(nodes[i]->begun == nodes[i]->ended, "a task outlived its gather");
        load_check(rc != 0 || results[i] == nodes[i], "a gather of calls mixed up its results");
    }
    return rc;
}

static int wait_some(unsigned depth)
{
    static const rove_return_when whens[] = {ROVE_ALL_COMPLETED, ROVE_FIRST_COMPLETED,
                                             ROVE_FIRST_ERROR};
    struct brood b;
    bool done[CHILDREN] = {false};
    rove_return_when when = whens[draw(3)];
    rove_duration timeout = draw(2) == 0 ? ROVE_FOREVER : load_some_time();
    rove_time begun = rove_now();
    ssize_t count = 0;
    breed(&b, depth);
    ssize_t rc = rove_wait(b.n, b.tasks, when, timeout, done);
    for (unsigned i = 0; i < b.n && rc >= 0; i++) {
        load_check(!done[i] || rove_done(b.tasks[i]), "a wait calls done what is not");
        count += done[i];
    }
    load_check(rc < 0 || count == rc, "a wait counts %zd and marks %zd", rc, count);
    bool is_early = rc >= 0 && timeout >= 0 && rove_now() - begun < timeout;
    load_check(rc < 0 || rc > 0 || !is_early, "a wait ended early with nothing");
    load_check(rc < 0 || when != ROVE_ALL_COMPLETED || !(timeout < 0 || is_early) ||
                   rc == (ssize_t)b.n, "a wait for all ended with %zd of %u", rc, b.n);
    return end_brood(&b, rc < 0 ? (int)rc : draw(2) == 0 ? -ECANCELED : 0);
}

static int as_completed(unsigned depth)
{
    struct brood b;
    rove_future *f = NULL;
    unsigned seen = 0;
    int rc;
    breed(&b, depth);
    rove_as_completed *it =
        rove_as_completed_open(b.n, b.tasks, draw(2) == 0 ? ROVE_FOREVER : load_some_time());
    load_check(it != NULL, "no iteration");
    while ((rc = rove_as_completed_next(it, &f)) == 1) {
        load_check(rove_done(f), "as_completed gave what is not done");
        seen++;
        if (draw(8) == 0) {
            break;
        }
    }
    load_check(seen <= b.n && (rc != 0 || seen == b.n), "as_completed gave %u of %u", seen, b.n);
    load_check(rc == 1 || rc == 0 || rc == -ETIMEDOUT || rc == -ECANCELED, "as_completed: %d", rc);
    rove_as_completed_close(it);
    return end_brood(&b, rc == -ECANCELED ? rc : 0);
}

static int timeout_block(unsigned depth)
{
    rove_timeout t;
    struct load_node *node;
    rove_duration d = load_some_time();
    rove_time begun = rove_now();
    rove_timeout_enter(&t, d);
    rove_task *task = load_spawn(depth, &node);
    int rc = rove_timeout_exit(&t, load_join(task, node));
    load_check(rc != -ETIMEDOUT || rove_now() - begun >= d, "a timeout came early");
    return rc == -ETIMEDOUT ? load_pause() : rc;
}

static int wait_for(unsigned depth)
{
    struct load_node *node;
    rove_duration d = load_some_time();
    rove_time begun = rove_now();
    rove_task *task = load_spawn(depth, &node);
    int rc = rove_wait_for(task, d, NULL);
    load_check(rove_done(task), "wait_for came back with %d before the task had ended", rc);
    load_check(rc != -ETIMEDOUT || rove_now() - begun >= d, "wait_for came back early");
    (void)load_join(task, node);
    return rc == -ETIMEDOUT ? 0 : rc;
}

static int shield(unsigned depth)
{
    struct load_node *node;
    rove_task *task = load_spawn(depth, &node);
    rove_future *outer = rove_shield(task);
    load_check(outer != NULL, "no shield");
    if (draw(3) == 0) {
        rove_cancel(outer);
    }
    int rc = rove_await(outer, NULL);
    load_check(rc == 0 || rc == LOAD_ERROR || rc == -ECANCELED, "a shield came to %d", rc);
    load_check(rove_done(outer) || rc == -ECANCELED, "an await of a shield came back before it");
    rove_release(outer);
    int joined = load_join(task, node);
    return rc < 0 ? rc : joined;
}

static int cancel_child(unsigned depth)
{
    struct brood b;
    breed(&b, depth);
    (void)load_pause();
    for (unsigned i = 0; i < b.n; i++) {
        bool was_made = rove_cancel(b.tasks[i]);
        load_check(was_made || rove_done(b.tasks[i]), "a live task refuses a cancellation");
    }
    return end_brood(&b, draw(2) == 0 ? 0 : -ECANCELED);
}

static int nested_gather(unsigned depth)
{
    struct brood a, b;
    breed(&a, depth);
    breed(&b, depth);
    rove_future *both[2] = {rove_gather_future(a.n, a.tasks), rove_gather_future(b.n, b.tasks)};
    if (draw(4) == 0) {
        rove_cancel(both[draw(2)]);
    }
    int rc = rove_gather(2, both, NULL);
    rove_release(both[0]);
    rove_release(both[1]);
    rc = end_brood(&a, rc);
    return end_brood(&b, rc);
}

/* Cancels somebody it has nothing to do with. */
static int meddle(unsigned depth)
{
    (void)depth;
    int rc = load_pause();
    for (unsigned i = 0; i < STRANGERS && rc == 0; i++) {
        rove_future *f = draw(4) == 0 ? swap(i, NULL) : NULL;
        if (f != NULL) {
            rove_cancel(f);
            rove_release(f);
        }
    }
    return rc;
}

int load_main(void *arg, void **result)
{
    struct load_node *node;
    (void)arg;
    (void)result;
    books.limit = 4 + draw(60);
    load_draw_numbers();
    draw_actions();
    for (unsigned i = 1 + draw(3); i > 0; i--) {
        rove_task *task = load_spawn(1 + draw(4), &node);
        if (draw(8) == 0) {
            rove_release(task); /* detached: it may be cancelled by the end */
        } else {
            (void)load_join(task, node);
        }
    }
    books.is_closing = true;
    for (unsigned i = 0; i < STRANGERS; i++) {
        rove_release(swap(i, NULL));
    }
    return 0;
}
