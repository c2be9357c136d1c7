// SPDX-License-Identifier: MIT
/*
 * Purpose: models of sched/state.c: each racing pair of transitions of the one word, alone.
 *
 * Idea: what a transition is to publish stands in plain variables (registers, message, reason,
 * result): who may go on reads them, and is in a race if the word has not ordered the two.
 *
 * Threads: 1 is the task whose word it is, where there is one.
 */
#include "model.h"

#include "core/lock.h"
#include "sched/state.h"

static rv_state_word word;
static int registers; /* saved by the task before it parks */
static int message;   /* of a waker */
static int reason;    /* of a canceller */
static int result;    /* of the completer */
static int cell;      /* of the solo waiter */
static int *object;   /* freed with the last reference */
static int fields;    /* of a block, as it was created */
static RV_ATOMIC(uint32_t) told;
static RV_ATOMIC(uint32_t) count;

static void setup(void)
{
    registers = 0;
    message = 0;
    reason = 0;
    result = 0;
    cell = 0;
    fields = 0;
    rv_store_relaxed(&told, 0u);
    rv_store_relaxed(&count, 0u);
    rv_state_init(&word, 2);
}

/* One park, as rv_park and the context after it. False: it was not parked. */
static bool park(void)
{
    if (rv_state_take_wake(&word)) {
        return false;
    }
    registers = 1;
    if (!rv_state_park(&word)) {
        return false;
    }
    rv_model_block(false);
    registers = 0;
    return true;
}

static void resume(void)
{
    RV_MODEL_CHECK(registers == 1, "who resumes has the registers");
    rv_model_unblock(1);
}

static void park_until_told_by(uint32_t n)
{
    while (rv_load_relaxed(&told) < n) {
        park();
    }
}

/* park and wake */

static void park_once(void)
{
    park();
    RV_MODEL_CHECK(message == 1, "a wake brings the waker's writes");
}

static void wake_with_message(void)
{
    message = 1;
    if (rv_state_wake(&word)) {
        resume();
    }
}

static void park_for_two(void)
{
    park_until_told_by(2);
}

static void tell(void)
{
    (void)rv_fetch_add_relaxed(&told, 1u);
    if (rv_state_wake(&word)) {
        resume();
    }
}

/* The wake may have changed nothing, another's bit being set; its writes come all the same. */
static void park_for_message(void)
{
    park();
    if (rv_load_relaxed(&told) == 2) {
        return;
    }
    park();
}

static void tell_message(void)
{
    message = 1;
    tell();
}

static void park_and_read(void)
{
    bool is_read = false;
    while (!is_read) {
        park();
        /* order: acquire S2. Not needed by the model: who is told knows from the word alone. */
        is_read = rv_load_relaxed(&told) == 1;
    }
    RV_MODEL_CHECK(message == 1, "a wake brings the waker's writes");
}

/* cancel */

static void cancel(void)
{
    enum rv_cancel_step step;
    reason = 1;
    while ((step = rv_state_cancel(&word)) == RV_CANCEL_BUSY) {
        rv_cpu_relax();
    }
    if (step == RV_CANCEL_PINNED) {
        RV_MODEL_CHECK(registers == 1, "who pins sees what the task waits for");
        if (rv_state_unpin(&word, true)) {
            resume();
        }
    }
}

static void cancel_again(void)
{
    enum rv_cancel_step step;
    while ((step = rv_state_cancel(&word)) == RV_CANCEL_BUSY) {
        rv_cpu_relax();
    }
    if (step == RV_CANCEL_PINNED && rv_state_unpin(&word, true)) {
        resume();
    }
    (void)rv_fetch_add_relaxed(&count, 1u);
}

static void park_until_cancelled(void)
{
    while (!rv_state_take_cancel(&word)) {
        park();
    }
    RV_MODEL_CHECK(reason == 1, "a cancellation brings the canceller's writes");
}

static void park_until_both(void)
{
    park_until_cancelled();
    park_until_told_by(1);
}

/* Two requests may be delivered together or one by one, but are counted. */
static void park_until_cancelled_twice(void)
{
    while (rv_state_cancelling(&word) < 2 || rv_state_has_cancel(&word)) {
        if (!rv_state_take_cancel(&word)) {
            park();
        }
    }
}

/* A request that goes elsewhere first, and then comes back to the task (cancel.c). */
static void cancel_by_detour(void)
{
    enum rv_cancel_step step = rv_state_cancel(&word);
    reason = 1;
    if (step == RV_CANCEL_NOTED) {
        return;
    }
    if (step == RV_CANCEL_PINNED && rv_state_unpin(&word, false)) {
        resume();
    }
    bool wake;
    if (rv_state_set_cancel(&word, &wake) && wake) {
        resume();
    }
}

static void park_until_delivered(void)
{
    while (!rv_state_take_cancel(&word)) {
        park();
    }
}

/* The writes before a detour's end are the task's when it takes the flag. */
static void flag_with_reason(void)
{
    reason = 1;
    bool wake;
    if (rv_state_set_cancel(&word, &wake) && wake) {
        resume();
    }
}

static void setup_counted(void)
{
    setup();
    RV_MODEL_CHECK(rv_state_cancel(&word) == RV_CANCEL_NOTED, "counted");
    RV_MODEL_CHECK(rv_state_take_cancel(&word), "delivered, but counted");
}

static void withdraw(void)
{
    if (rv_state_cancelling(&word) > 0) {
        RV_MODEL_CHECK(rv_state_uncancel(&word) == 0, "there was one");
        RV_MODEL_CHECK(reason == 1, "what is withdrawn brings the canceller's writes");
        RV_MODEL_CHECK(!rv_state_has_cancel(&word), "the last one takes the flag along");
    }
}

static void note_cancel(void)
{
    reason = 1;
    RV_MODEL_CHECK(rv_state_cancel(&word) == RV_CANCEL_NOTED, "the task runs");
}

static void note_cancel_too(void)
{
    RV_MODEL_CHECK(rv_state_cancel(&word) == RV_CANCEL_NOTED, "the task runs");
}

static void withdraw_one(void)
{
    if (rv_state_cancelling(&word) > 0) {
        (void)rv_state_uncancel(&word);
        rv_store_relaxed(&told, 1u);
    }
}

static void finish_counted(void)
{
    RV_MODEL_CHECK(rv_state_cancelling(&word) == 2 - rv_load_relaxed(&told), "all are counted");
}

/* reports */

static void look_at_wait(void)
{
    bool is_busy;
    if (rv_state_pin(&word, &is_busy)) {
        RV_MODEL_CHECK(registers == 1, "who pins sees what the task waits for");
        if (rv_state_unpin(&word, false)) {
            resume();
        }
    }
}

static void park_until_told(void)
{
    park_until_told_by(1);
}

static void finish_active(void)
{
    rv_state_check(&word);
    RV_MODEL_CHECK(rv_state_phase(rv_load_relaxed(&word)) == RV_PHASE_ACTIVE, "it runs");
}

/* completion */

static RV_ATOMIC(uint32_t) is_queued, was_awaited;

static void setup_future(void)
{
    setup();
    rv_store_relaxed(&is_queued, 0u);
    rv_store_relaxed(&was_awaited, 0u);
}

static void complete(void)
{
    result = 1;
    uint64_t before = rv_state_finish(&word, 0);
    rv_store_relaxed(&was_awaited, (uint32_t)((before & RV_STATE_AWAITED) != 0));
    if (before & RV_STATE_WAITERS) {
        RV_MODEL_CHECK(cell == 1, "who announced had its cell ready");
    }
}

/* Two may come: which cells there are is under a lock, which is not here. */
static void complete_for_two(void)
{
    result = 1;
    uint64_t before = rv_state_finish(&word, 0);
    rv_store_relaxed(&was_awaited, (uint32_t)((before & RV_STATE_WAITERS) != 0));
}

static void await_in_queue(void)
{
    cell = 1;
    if (rv_state_announce(&word, RV_STATE_WAITERS)) {
        rv_store_relaxed(&is_queued, 1u);
    } else {
        RV_MODEL_CHECK(result == 1, "DONE brings the result");
    }
}

/* The second of two who announce the same bit. */
static void await_too(void)
{
    if (!rv_state_announce(&word, RV_STATE_WAITERS)) {
        RV_MODEL_CHECK(result == 1, "DONE brings the result");
    }
}

static void look(void)
{
    if (rv_state_is_done(&word)) {
        RV_MODEL_CHECK(result == 1, "DONE brings the result");
    }
}

static void finish_future(void)
{
    rv_state_check(&word);
    RV_MODEL_CHECK(rv_load_relaxed(&is_queued) == rv_load_relaxed(&was_awaited),
                   "an announced waiter is told, and no other");
}

static void complete_for_solo(void)
{
    result = 1;
    uint64_t before = rv_state_finish(&word, 0);
    rv_store_relaxed(&was_awaited, (uint32_t)((before & RV_STATE_SOLO) != 0));
}

static void await_solo(void)
{
    switch (rv_state_announce_solo(&word)) {
    case RV_SOLO_OURS:
        cell++;
        if (!rv_state_retract_solo(&word)) {
            rv_store_relaxed(&is_queued, 1u);
        }
        break;
    case RV_SOLO_DONE:
        RV_MODEL_CHECK(result == 1, "DONE brings the result");
        break;
    case RV_SOLO_TAKEN:
        break;
    }
}

/* A result, unless a cancellation came first: then that is accepted. */
static void complete_unless_cancelled(void)
{
    uint64_t before;
    result = 1;
    if (!rv_state_finish_unless(&word, 0, RV_STATE_CANCEL, &before)) {
        RV_MODEL_CHECK(rv_state_take_cancel(&word), "there is one");
        RV_MODEL_CHECK(reason == 1, "the canceller's writes");
        result = 2;
        (void)rv_state_finish(&word, 0);
    }
}

static void cancel_late(void)
{
    reason = 1;
    enum rv_cancel_step step = rv_state_cancel(&word);
    if (step == RV_CANCEL_NOTED) {
        rv_store_relaxed(&told, 1u);
    }
}

static void finish_cancelled(void)
{
    RV_MODEL_CHECK((rv_load_relaxed(&told) == 1) == (result == 2), "accepted or too late");
}

/* references */

static void setup_object(void)
{
    setup();
    rv_state_init(&word, 3);
    object = rv_model_malloc(4 * sizeof *object);
    for (int i = 0; i < 4; i++) {
        object[i] = 0;
    }
}

static void use_and_release(void)
{
    object[rv_model_self()]++;
    if (rv_state_release(&word)) {
        int used = object[1] + object[2] + object[3];
        RV_MODEL_CHECK(used == 3, "all use of it before its end");
        rv_model_free(object);
    }
}


static void retain_and_release(void)
{
    rv_state_retain(&word);
    use_and_release();
    if (rv_state_release(&word)) {
        rv_model_free(object);
    }
}

static void setup_two_of_three(void)
{
    setup_object();
    object[3] = 1;
    (void)rv_state_finish(&word, 1);
}

/* Type-stable blocks: someone without a reference finds one that is being created or freed. */
static void setup_block(void)
{
    setup();
    rv_state_retire(&word);
}

static void create_and_end(void)
{
    fields = 1;
    rv_state_init(&word, 1);
    if (rv_state_release(&word)) {
        fields = 2;
        rv_state_retire(&word);
    }
}

static void visit(void)
{
    if (rv_state_retain_live(&word)) {
        RV_MODEL_CHECK(fields == 1, "who gets a reference sees the block as created");
        if (rv_state_release(&word)) {
            fields = 2;
            rv_state_retire(&word);
        }
    }
}

static void finish_block(void)
{
    RV_MODEL_CHECK(rv_state_phase(rv_load_relaxed(&word)) == RV_PHASE_FREE, "freed once");
}

static const struct rv_model models[] = {
    {"state/park_wake", setup, {park_once, wake_with_message}, finish_active, 0},
    {"state/two_wakers", setup, {park_for_two, tell, tell}, finish_active, 0},
    {"state/wake_message", setup, {park_and_read, tell_message}, finish_active, 0},
    {"state/wake_pinned", setup, {park_for_message, tell_message, tell, look_at_wait}, NULL, 0},
    {"state/cancel", setup, {park_until_cancelled, cancel}, finish_active, 0},
    {"state/cancel_wake", setup, {park_until_both, tell, cancel}, finish_active, 0},
    {"state/two_cancels", setup, {park_until_cancelled_twice, cancel_again, cancel_again},
     finish_active, 0},
    {"state/detour", setup, {park_until_delivered, cancel_by_detour}, finish_active, 0},
    {"state/flag", setup_counted, {park_until_cancelled, flag_with_reason}, finish_active, 0},
    {"state/withdraw", setup, {withdraw, note_cancel}, finish_active, 0},
    {"state/withdraw_one", setup, {withdraw_one, note_cancel_too, note_cancel_too}, finish_counted,
     0},
    {"state/report", setup, {park_until_told, look_at_wait, tell}, finish_active, 0},
    {"state/report_cancel", setup, {park_until_cancelled, look_at_wait, cancel}, finish_active, 0},
    {"state/announce", setup_future, {complete, await_in_queue, look}, finish_future, 0},
    {"state/announce_two", setup_future, {complete_for_two, await_in_queue, await_too}, NULL, 0},
    {"state/solo", setup_future, {complete_for_solo, await_solo}, finish_future, 0},
    {"state/solo_two", setup_future, {complete_for_solo, await_solo, await_solo}, finish_future, 0},
    {"state/finish_cancel", setup, {complete_unless_cancelled, cancel_late}, finish_cancelled, 0},
    {"state/release", setup_object, {use_and_release, use_and_release, use_and_release}, NULL, 0},
    {"state/release_done", setup_two_of_three, {use_and_release, use_and_release}, NULL, 0},
    {"state/retain", setup_two_of_three, {retain_and_release, use_and_release}, NULL, 0},
    {"state/visit", setup_block, {create_and_end, visit, visit}, finish_block, 0},
};

const struct rv_model_list rv_models_state = {models, sizeof models / sizeof models[0]};
