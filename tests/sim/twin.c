// SPDX-License-Identifier: MIT
/*
 * Purpose: act out little programs of tasks, futures, limits and groups, and print what happens, in
 *          order. tests/check_twin.py lets CPython's asyncio act out the same ones.
 * Idea:    a program is a list of numbers on the standard input (the grammar stands in the script):
 *          so many scripts of steps, so many futures. main starts the first `started` scripts as
 *          tasks; steps start others. A step prints its outcome with the number of its task. What
 *          still waits when nothing can happen any more is cancelled in order, again and again.
 *          Simulated: time is virtual, and one worker gives asyncio's order.
 */
#include <rove.h>
#include <rove/sim.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/base.h"

enum { SCRIPTS = 16, FUTURES = 8, STEPS = 64, CALLBACKS = 256, ROUNDS = 30 };

#define QUIET ROVE_SEC(10000000) /* by then every sleep of a program is over */

enum op {
    OP_YIELD, OP_SLEEP, OP_AWAIT, OP_SET, OP_SET_ERROR, OP_CANCEL, OP_GATHER, OP_OUTCOMES,
    OP_SHIELD, OP_LIMIT, OP_WAIT, OP_FAIL, OP_START, OP_CALLBACK, OP_CALL_SOON, OP_COUNT,
    OP_GROUP, OP_AS_COMPLETED, OP_WAIT_FOR, OP_GATHER_FUTURE, OP_RETURN, OP_LOCK, OP_SEMAPHORE,
    OP_EVENT_WAIT, OP_EVENT_SET, OP_EVENT_CLEAR, OP_COND_WAIT, OP_NOTIFY, OP_BARRIER
};

struct step {
    int op, a, b, c;
    bool swallows;
};

struct script {
    struct step steps[STEPS];
    int count;
    rove_task *task;
};

struct note {
    int number;
};

static struct script scripts[SCRIPTS];
static rove_future *futures[FUTURES];
static rove_mutex locks[2], cond_lock;
static rove_semaphore semaphores[2];
static rove_event events[2];
static rove_cond cond;
static rove_barrier barrier;
static struct note notes[CALLBACKS];
static bool is_over;
static int script_count, future_count, started, note_count;

static int run_steps(int me, int from, int count);

/* Futures come behind the scripts; NULL: a script that was not started. */
static rove_future *target(int k)
{
    return k < script_count ? scripts[k].task : futures[k - script_count];
}

static void say(int me, const char *what, long n)
{
    if (!is_over)
        printf("%d:%s %ld\n", me, what, n);
}

static int script_body(void *arg, void **result)
{
    int me = (int)((struct script *)arg - scripts);
    int rc = run_steps(me, 0, scripts[me].count);
    *result = (void *)(intptr_t)me;
    say(me, "end", rc);
    return rc;
}

static void told(RV_UNUSED rove_future *f, void *ctx)
{
    say(((struct note *)ctx)->number, "told", 0);
}

static void called(void *ctx)
{
    say(((struct note *)ctx)->number, "called", 0);
}

static struct note *new_note(int number)
{
    notes[note_count].number = number;
    return &notes[note_count++];
}

static int await(int me, rove_future *f)
{
    void *value = NULL;
    int rc = f == rove_current_task() ? -EDEADLK : rove_await(f, &value);
    if (rc == 0)
        say(me, "got", (long)(intptr_t)value);
    return rc;
}

static int gather(int me, const struct step *s)
{
    rove_future *fs[] = {target(s->a), target(s->b)};
    void *values[2] = {NULL, NULL};
    rove_outcome outcomes[2];
    int rc;
    if (s->op == OP_OUTCOMES) {
        rc = rove_gather_outcomes(2, fs, outcomes);
        for (int i = 0; i < 2 && rc == 0; i++)
            say(me, "outcome", outcomes[i].error != 0 ? outcomes[i].error
                                                      : (long)(intptr_t)outcomes[i].result);
        return rc;
    }
    if (s->op == OP_GATHER_FUTURE) {
        rove_future *g = rove_gather_future(2, fs);
        void *array = NULL;
        rc = rove_await(g, &array);
        for (int i = 0; i < 2 && rc == 0; i++)
            values[i] = ((void **)array)[i];
        rove_release(g);
    } else {
        rc = rove_gather(2, fs, values);
    }
    for (int i = 0; i < 2 && rc == 0; i++)
        say(me, "value", (long)(intptr_t)values[i]);
    return rc;
}

static int wait_some(int me, const struct step *s)
{
    rove_future *fs[] = {target(s->a), target(s->b)};
    bool done[2] = {false, false};
    ssize_t n = rove_wait(2, fs, (rove_return_when)(s->c % 3), ROVE_SEC(s->c), done);
    if (n >= 0)
        say(me, "waited", done[0] + 2 * done[1]);
    return n < 0 ? (int)n : 0;
}

static int take_in_turn(int me, const struct step *s)
{
    rove_future *f, *fs[] = {target(s->a), target(s->b)};
    rove_as_completed *it = rove_as_completed_open(s->a == s->b ? 1 : 2, fs, ROVE_SEC(s->c));
    int rc;
    while ((rc = rove_as_completed_next(it, &f)) > 0)
        say(me, "next", f == fs[0] ? s->a : s->b);
    rove_as_completed_close(it);
    return rc;
}

/* The next `c` steps in a group whose children are the scripts a and b. */
static int in_group(int me, const struct step *s, int next)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    for (int i = 0; i < 2; i++) {
        int k = i == 0 ? s->a : s->b;
        if (scripts[k].task == NULL)
            scripts[k].task =
                rove_retain(rove_task_group_create_task(&g, script_body, &scripts[k]));
    }
    int rc = run_steps(me, next, s->c), errors[4];
    rc = rove_task_group_exit(&g, rc);
    size_t n = rove_task_group_errors(&g, errors, 4);
    for (size_t i = 0; i < n; i++)
        say(me, "child", errors[i]);
    return rc;
}

static int in_limit(int me, const struct step *s, int next)
{
    rove_timeout t;
    rove_timeout_enter(&t, ROVE_SEC(s->a));
    int rc = rove_timeout_exit(&t, run_steps(me, next, s->c));
    say(me, "expired", rove_timeout_expired(&t));
    return rc;
}

/* The next `c` steps with a lock or a semaphore. */
static int with_lock(int me, const struct step *s, int next)
{
    bool is_lock = s->op == OP_LOCK;
    int rc = is_lock ? rove_mutex_lock(&locks[s->a]) : rove_semaphore_acquire(&semaphores[s->a]);
    if (rc < 0)
        return rc;
    say(me, is_lock ? "has" : "took", s->a);
    rc = run_steps(me, next, s->c);
    if (is_lock)
        rove_mutex_unlock(&locks[s->a]);
    else
        (void)rove_semaphore_release(&semaphores[s->a]);
    return rc;
}

static int with_cond(int me, const struct step *s)
{
    int rc = rove_mutex_lock(&cond_lock);
    if (rc < 0)
        return rc;
    if (s->op == OP_NOTIFY)
        rove_cond_notify(&cond, (size_t)s->b);
    else if ((rc = rove_cond_wait(&cond, &cond_lock)) == 0)
        say(me, "notified", 0);
    rove_mutex_unlock(&cond_lock);
    return rc;
}

static int meet(int me)
{
    int rc = rove_barrier_wait(&barrier);
    if (rc >= 0)
        say(me, "index", rc);
    return rc < 0 ? rc : 0;
}

static int with_event(int me, const struct step *s)
{
    int rc = 0;
    if (s->op == OP_EVENT_SET)
        rove_event_set(&events[s->a]);
    else if (s->op == OP_EVENT_CLEAR)
        rove_event_clear(&events[s->a]);
    else if ((rc = rove_event_wait(&events[s->a])) == 0)
        say(me, "saw", s->a);
    return rc;
}

static int start(int k)
{
    if (scripts[k].task == NULL)
        scripts[k].task = rove_create_task(script_body, &scripts[k]);
    return 0;
}

static int with_target(int me, const struct step *s)
{
    rove_future *f = target(s->a);
    switch ((enum op)s->op) {
    case OP_AWAIT:
        return await(me, f);
    case OP_SET:
        say(me, "set", rove_set_result(f, (void *)(intptr_t)s->b) == 0);
        return 0;
    case OP_SET_ERROR:
        say(me, "set", rove_set_error(f, ROVE_ERRNO_MIN - 1 - s->b) == 0);
        return 0;
    case OP_CANCEL:
        say(me, "cancel", rove_cancel(f));
        return 0;
    case OP_SHIELD: {
        rove_future *shield = rove_shield(f);
        int rc = await(me, shield);
        rove_release(shield);
        return rc;
    }
    case OP_CALLBACK:
        return rove_add_done_callback(f, told, new_note(s->b));
    case OP_WAIT_FOR: {
        void *value = NULL;
        int rc = rove_wait_for(f, ROVE_SEC(s->b), &value);
        if (rc == 0)
            say(me, "got", (long)(intptr_t)value);
        return rc;
    }
    default:
        return -EPROTO;
    }
}

static int act_sync(int me, const struct step *s, int next)
{
    switch (s->op) {
    case OP_LOCK:
    case OP_SEMAPHORE:
        return with_lock(me, s, next);
    case OP_COND_WAIT:
    case OP_NOTIFY:
        return with_cond(me, s);
    case OP_BARRIER:
        return meet(me);
    default:
        return with_event(me, s);
    }
}

static int act(int me, const struct step *s, int next)
{
    switch (s->op) {
    case OP_YIELD:
        return rove_yield();
    case OP_SLEEP:
        return rove_sleep(ROVE_SEC(s->a));
    case OP_GATHER:
    case OP_OUTCOMES:
    case OP_GATHER_FUTURE:
        return gather(me, s);
    case OP_LIMIT:
        return in_limit(me, s, next);
    case OP_GROUP:
        return in_group(me, s, next);
    case OP_WAIT:
        return wait_some(me, s);
    case OP_AS_COMPLETED:
        return take_in_turn(me, s);
    case OP_FAIL:
        return ROVE_ERRNO_MIN - 1 - s->a;
    case OP_START:
        return start(s->a);
    case OP_CALL_SOON:
        rove_handle_release(rove_call_soon(called, new_note(s->a)));
        return 0;
    case OP_COUNT:
        say(me, "count", rove_cancelling(rove_current_task()));
        return 0;
    default:
        return s->op >= OP_LOCK ? act_sync(me, s, next) : with_target(me, s);
    }
}

/* A step that names a script which was not started, or its own task, is left out. */
static bool is_out(const struct step *s)
{
    bool has_b = s->op == OP_GATHER || s->op == OP_OUTCOMES || s->op == OP_GATHER_FUTURE ||
                 s->op == OP_WAIT || s->op == OP_AS_COMPLETED;
    bool has_a = has_b || s->op == OP_AWAIT || s->op == OP_CANCEL || s->op == OP_SHIELD ||
                 s->op == OP_CALLBACK || s->op == OP_WAIT_FOR;
    rove_task *self = rove_current_task();
    if (has_a && (target(s->a) == NULL || (target(s->a) == self && s->op != OP_CANCEL)))
        return true;
    return has_b && (target(s->b) == NULL || target(s->b) == self);
}

static int run_steps(int me, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        const struct step *s = &scripts[me].steps[i];
        bool is_block = s->op == OP_LIMIT || s->op == OP_GROUP || s->op == OP_LOCK ||
                        s->op == OP_SEMAPHORE;
        if (s->op == OP_RETURN)
            return 0;
        if (is_out(s))
            continue;
        int rc = act(me, s, i + 1);
        if (is_block)
            i += s->c;
        if (rc != 0 || s->op == OP_YIELD || s->op == OP_SLEEP)
            say(me, "rc", rc);
        if (rc < 0 && !s->swallows)
            return rc;
    }
    return 0;
}

static void make_locks(void)
{
    for (int i = 0; i < 2; i++) {
        locks[i] = (rove_mutex){0};
        events[i] = (rove_event){0};
        rove_semaphore_init(&semaphores[i], (size_t)i + 1, 0);
    }
    cond_lock = (rove_mutex){0};
    cond = (rove_cond){0};
    rove_barrier_init(&barrier, 2);
}

static int run_all(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < future_count; i++)
        futures[i] = rove_create_future();
    make_locks();
    for (int i = 0; i < started; i++)
        start(i);
    for (int round = 0; round < ROUNDS; round++) {
        rove_sleep(QUIET);
        printf("quiet\n");
        bool is_any = false;
        for (int i = 0; i < script_count; i++) {
            if (scripts[i].task != NULL && !rove_done(scripts[i].task)) {
                rove_cancel(scripts[i].task);
                is_any = true;
            }
        }
        if (!is_any)
            break;
    }
    is_over = true; /* what hangs on futures that nobody set ends now */
    for (int i = 0; i < future_count; i++)
        (void)rove_set_result(futures[i], NULL);
    for (int i = 0; i < script_count + future_count; i++)
        rove_release(target(i));
    return 0;
}

static void read_program(void)
{
    if (scanf("%d %d %d", &script_count, &future_count, &started) != 3 ||
        script_count > SCRIPTS || future_count > FUTURES || started > script_count)
        exit(2);
    for (int i = 0; i < script_count; i++) {
        if (scanf("%d", &scripts[i].count) != 1 || scripts[i].count > STEPS)
            exit(2);
        for (int j = 0; j < scripts[i].count; j++) {
            struct step *s = &scripts[i].steps[j];
            int swallows;
            if (scanf("%d %d %d %d %d", &s->op, &s->a, &s->b, &s->c, &swallows) != 5)
                exit(2);
            s->swallows = swallows != 0;
        }
    }
}

/* Any number of programs, each answered with a line of its own at the end. */
int main(void)
{
    int number;
    while (scanf("%d", &number) == 1) {
        rove_sim_report report = {.trouble = ""};
        const rove_sim_options options = {
            .runtime = {.workers = 1}, .no_faults = true, .report = &report};
        for (int i = 0; i < SCRIPTS; i++)
            scripts[i].task = NULL;
        note_count = 0;
        is_over = false;
        read_program();
        printf("program %d\n", number);
        int rc = rove_sim_run((uint64_t)number, &options, run_all, NULL);
        printf("= %d %s\n", rc, report.trouble);
    }
    return 0;
}
