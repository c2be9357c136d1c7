// SPDX-License-Identifier: MIT
/*
 * Purpose: models of the thread pool (sched/pool.c) and of callbacks and their handles
 *          (sched/call.c).
 * Threads: tasks first, then plain threads; pool threads and hidden tasks are started on the way.
 */
#include "double.h"

#include "sched/call.h"
#include "sched/pool.h"

#include <errno.h>
#include <rove/thread.h>

static int values[RV_MODEL_THREADS]; /* written by a job or callback, read by who waited for it */
static rove_handle *handle;
static RV_ATOMIC(uint32_t) calls;
static bool is_refused[RV_MODEL_THREADS];

static void begin(unsigned tasks, unsigned threads)
{
    rv_double_begin(tasks);
    rv_double_runtime()->options.max_threads = threads;
    for (int i = 0; i < RV_MODEL_THREADS; i++) {
        values[i] = 0;
        is_refused[i] = false;
    }
    handle = NULL;
    rv_store_relaxed(&calls, 0u);
}

static void setup_one(void)
{
    begin(1, 2);
}

static void setup_two(void)
{
    begin(2, 1);
}

static void setup_two_threads(void)
{
    begin(2, 2);
}

static int job(void *arg, void **result)
{
    int *value = arg;
    RV_MODEL_CHECK(*value == 1, "what the task wrote before is there");
    *value = 2;
    *result = value;
    return 0;
}

static void run_job(void)
{
    void *result = NULL;
    int *value = &values[rv_model_self()];
    *value = 1;
    RV_MODEL_CHECK(rove_to_thread(job, value, &result) == 0, "nobody cancels");
    RV_MODEL_CHECK(result == value && *value == 2, "what the job wrote is there");
}

static void run_two_jobs(void)
{
    run_job();
    run_job();
}

static void run_job_cancelled(void)
{
    void *result = NULL;
    int *value = &values[rv_model_self()];
    *value = 1;
    int rc = rove_to_thread(job, value, &result);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED, "one of two ends");
    *value = 3; /* the job is over, or will never begin */
}

static void cancel_first(void)
{
    (void)rove_cancel(&rv_double_task(1)->future);
}

static void count_threads(void)
{
    RV_MODEL_CHECK(rv_pool_thread_count(rv_double_runtime()) <= 2, "no more than allowed");
}

/* As who looks for threads that could still help: the pool may be coming to be meanwhile. */
static void strike_threads(void)
{
    pid_t tids[] = {1, 2};
    rv_pool_strike(rv_double_runtime(), tids, RV_ARRAY_LEN(tids));
    RV_MODEL_CHECK(tids[0] == 1 && tids[1] == 2, "none of these is the pool's");
}

static void stop_after_job(void)
{
    run_job();
    rv_pool_stop(rv_double_runtime());
}

static void stop_after_two_jobs(void)
{
    run_two_jobs();
    rv_pool_stop(rv_double_runtime());
}

/* Time has passed: all pool threads have ended. */
static void finish(void)
{
    rv_pool_stop(rv_double_runtime());
    rv_double_end();
}

static void finish_stopped(void)
{
    rv_double_end();
}

/* callbacks */

static void setup_calls(void)
{
    begin(1, 1);
    RV_MODEL_CHECK(rv_calls_start(rv_double_runtime()) == 0, "memory");
}

static void called(void *ctx)
{
    (void)ctx;
    (void)rv_fetch_add_relaxed(&calls, 1u);
}

static void setup_handle(void)
{
    setup_calls();
    handle = rove_call_later(1000, called, NULL);
    RV_MODEL_CHECK(handle != NULL, "memory");
}

static void cancel_handle(void)
{
    is_refused[rv_model_self()] = !rove_handle_cancel(handle);
}

static void pass_time(void)
{
    rv_double_fire(0);
}

static void release_handle(void)
{
    rove_handle_release(handle);
}

static void soon(void)
{
    rove_handle *h = rove_call_soon(called, NULL);
    RV_MODEL_CHECK(h != NULL, "memory");
    rove_handle_release(h);
}

static void soon_from_outside(void)
{
    rove_handle *h = rove_call_soon_threadsafe(rv_double_runtime(), called, NULL);
    RV_MODEL_CHECK(h != NULL, "memory");
    rove_handle_release(h);
}

static void end_calls(void)
{
    rv_calls_stop(rv_double_runtime());
    rv_calls_free(rv_double_runtime());
    rv_double_end();
}

static void finish_called_twice(void)
{
    RV_MODEL_CHECK(rv_load_relaxed(&calls) == 2, "each once");
    end_calls();
}

/* Called or cancelled; all who ask are told the same. */
static void finish_cancelled(void)
{
    RV_MODEL_CHECK((rv_load_relaxed(&calls) == 1) == is_refused[2], "called or cancelled");
    rove_handle_release(handle);
    end_calls();
}

static void finish_released(void)
{
    RV_MODEL_CHECK(rv_load_relaxed(&calls) == 1, "called");
    end_calls();
}

/* The runtime goes, a handle stays: the last of the two frees what both know. */
static void end_calls_early(void)
{
    rv_calls_stop(rv_double_runtime());
    rv_calls_free(rv_double_runtime());
}

static int reason;

static void cancel_and_tell(void)
{
    reason = 1;
    (void)rove_handle_cancel(handle);
    rv_store_relaxed(&calls, 1u);
}

/* It is cancelled already; who learns that sees what the one who did it wrote before. */
static void cancel_when_told(void)
{
    if (rv_load_relaxed(&calls) == 1) {
        RV_MODEL_CHECK(rove_handle_cancel(handle), "it is cancelled");
        RV_MODEL_CHECK(reason == 1, "the canceller's writes");
    }
}

static void finish_told(void)
{
    rove_handle_release(handle);
    end_calls();
}

static const struct rv_model models[] = {
    {"pool/job", setup_one, {run_job}, finish, 0},
    {"pool/two_jobs", setup_one, {run_two_jobs}, finish, 0},
    {"pool/in_line", setup_two, {run_job, run_job}, finish, 0},
    {"pool/late", setup_two, {run_two_jobs, run_job}, finish, RV_MODEL_WIDE},
    {"pool/two_tasks", setup_two_threads, {run_job, run_job}, finish, RV_MODEL_WIDE},
    {"pool/cancel", setup_two, {run_job_cancelled, run_job, cancel_first}, finish, RV_MODEL_WIDE},
    {"pool/count", setup_one, {run_job, count_threads}, finish, 0},
    {"pool/strike", setup_one, {run_job, strike_threads}, finish, 0},
    {"pool/stop", setup_one, {stop_after_job}, finish_stopped, 0},
    {"pool/stop_idle", setup_one, {stop_after_two_jobs}, finish_stopped, 0},
    {"call/outlives", setup_handle, {end_calls_early, release_handle}, finish_stopped, 0},
    {"call/told", setup_handle, {cancel_and_tell, cancel_when_told}, finish_told, 0},
    {"call/soon", setup_calls, {soon, soon_from_outside}, finish_called_twice, RV_MODEL_WIDE},
    {"call/cancel", setup_handle, {pass_time, cancel_handle}, finish_cancelled, 0},
    {"call/release", setup_handle, {pass_time, release_handle}, finish_released, 0},
};

const struct rv_model_list rv_models_pool = {models, sizeof models / sizeof models[0]};
