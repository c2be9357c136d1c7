// SPDX-License-Identifier: MIT
/*
 * Purpose: models of the locks: mutex, rwlock, semaphore, condition.
 * Idea:    what a lock guards is plain: a race says that it does not guard.
 * Threads: tasks first, then plain threads.
 */
#include "double.h"

#include "core/home.h"

#include <errno.h>
#include <rove/blocking.h>
#include <rove/sync.h>

static rove_mutex mutex;
static rove_rwlock rwlock;
static rove_semaphore semaphore;
static rove_cond cond;
static int guarded, entered[RV_MODEL_THREADS];
static bool is_ready;

static void begin(unsigned tasks)
{
    rv_double_begin(tasks);
    rv_model_fill(&mutex, 0, sizeof mutex);
    rv_model_fill(&rwlock, 0, sizeof rwlock);
    rv_model_fill(&cond, 0, sizeof cond);
    rv_model_fill(entered, 0, sizeof entered);
    guarded = 0;
    is_ready = false;
}

static void setup_one(void)
{
    begin(1);
}

static void setup_two(void)
{
    begin(2);
}

static void setup_three(void)
{
    begin(3);
}

static void finish(void)
{
    rv_double_end();
}

static void cancel_first(void)
{
    (void)rove_cancel(&rv_double_task(1)->future);
}

/* mutex */

/* Thread 1's worker is at home; or is about to be. */
static void setup_home(void)
{
    begin(3);
    mutex.state_ = 4; /* HOME */
    mutex.home_ = rv_double_worker(1);
}

static void setup_home_symmetric(void)
{
    setup_home();
    rv_model_set_fences(false);
}

static void setup_home_and_thread(void)
{
    begin(1);
    mutex.state_ = 4;
    mutex.home_ = rv_double_worker(1);
}

static void setup_before_home(void)
{
    begin(3);
    mutex.streak_ = RV_HOME_STREAK - 1;
    mutex.where_ = 2; /* worker 1 */
}

static void lock_once(void)
{
    RV_MODEL_CHECK(rove_mutex_lock(&mutex) == 0, "nobody cancels");
    guarded++;
    rove_mutex_unlock(&mutex);
}

static void lock_twice(void)
{
    lock_once();
    lock_once();
}

static void lock_cancelled(void)
{
    int rc = rove_mutex_lock(&mutex);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED, "one of two ends");
    if (rc == 0) {
        guarded++;
        rove_mutex_unlock(&mutex);
    }
}

static void lock_blocking(void)
{
    RV_MODEL_CHECK(rove_mutex_lock_blocking(&mutex, -1) == 0, "no deadline");
    guarded++;
    rove_mutex_unlock(&mutex);
}

static void lock_a_while(void)
{
    int rc = rove_mutex_lock_blocking(&mutex, 1000);
    RV_MODEL_CHECK(rc == 0 || rc == -ETIMEDOUT, "one of two ends");
    if (rc == 0) {
        guarded++;
        rove_mutex_unlock(&mutex);
    }
}

static void try_lock(void)
{
    int rc = rove_mutex_trylock(&mutex);
    RV_MODEL_CHECK(rc == 0 || rc == -EAGAIN, "one of two ends");
    if (rc == 0) {
        guarded++;
        rove_mutex_unlock(&mutex);
    }
}

/* Comes home, and again if it was evicted. */
static void lock_to_stay(void)
{
    for (int i = 0; i < 3; i++) {
        RV_MODEL_CHECK(rove_mutex_lock(&mutex) == 0, "nobody cancels");
        guarded++;
        mutex.streak_ = RV_HOME_STREAK - 1;
        rove_mutex_unlock(&mutex);
    }
}

/* The task goes on elsewhere while it has the mutex. */
static void lock_and_move(void)
{
    struct rv_worker *first = rv_double_worker(1);
    RV_MODEL_CHECK(rove_mutex_lock(&mutex) == 0, "nobody cancels");
    guarded++;
    rv_double_be_worker(rv_double_worker(4));
    rove_mutex_unlock(&mutex);
    rv_double_be_worker(first);
    lock_once();
}

static void finish_mutex(void)
{
    RV_MODEL_CHECK(guarded >= 1, "all who had it counted");
    finish();
}

/* rwlock */

static void write_once(void)
{
    RV_MODEL_CHECK(rove_rwlock_wrlock(&rwlock) == 0, "nobody cancels");
    guarded++;
    rove_rwlock_unlock(&rwlock);
}

static void write_twice(void)
{
    write_once();
    write_once();
}

static void read_once(void)
{
    RV_MODEL_CHECK(rove_rwlock_rdlock(&rwlock) == 0, "nobody cancels");
    entered[rv_model_self()] = guarded + 1;
    rove_rwlock_unlock(&rwlock);
}

static void read_twice(void)
{
    read_once();
    read_once();
}

static void write_cancelled(void)
{
    int rc = rove_rwlock_wrlock(&rwlock);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED, "one of two ends");
    if (rc == 0) {
        guarded++;
        rove_rwlock_unlock(&rwlock);
    }
}

static void try_write(void)
{
    if (rove_rwlock_trywrlock(&rwlock) == 0) {
        guarded++;
        rove_rwlock_unlock(&rwlock);
    }
}

/* semaphore */

static void setup_semaphore(void)
{
    begin(3);
    rove_semaphore_init(&semaphore, 1, 0);
}

static void acquire_once(void)
{
    RV_MODEL_CHECK(rove_semaphore_acquire(&semaphore) == 0, "nobody cancels");
    guarded++;
    RV_MODEL_CHECK(rove_semaphore_release(&semaphore) == 0, "no bound");
}

static void acquire_twice(void)
{
    acquire_once();
    acquire_once();
}

static void acquire_cancelled(void)
{
    int rc = rove_semaphore_acquire(&semaphore);
    RV_MODEL_CHECK(rc == 0 || rc == -ECANCELED, "one of two ends");
    if (rc == 0) {
        guarded++;
        (void)rove_semaphore_release(&semaphore);
    }
}

static void try_acquire(void)
{
    if (rove_semaphore_tryacquire(&semaphore) == 0) {
        guarded++;
        (void)rove_semaphore_release(&semaphore);
    }
}

/* Units as messages: what was written before a release is seen by whoever gets the unit. */
static void setup_units(void)
{
    begin(2);
    rove_semaphore_init(&semaphore, 0, 0);
}

static void try_then_take_unit(void)
{
    if (rove_semaphore_tryacquire(&semaphore) != 0) {
        RV_MODEL_CHECK(rove_semaphore_acquire(&semaphore) == 0, "nobody cancels");
    }
    RV_MODEL_CHECK(guarded == 1, "the releaser's writes");
}

static void take_unit(void)
{
    RV_MODEL_CHECK(rove_semaphore_acquire(&semaphore) == 0, "nobody cancels");
    RV_MODEL_CHECK(guarded == 1, "the releaser's writes");
}

static void give_units(void)
{
    guarded = 1;
    RV_MODEL_CHECK(rove_semaphore_release(&semaphore) == 0, "no bound");
    RV_MODEL_CHECK(rove_semaphore_release(&semaphore) == 0, "no bound");
}

static void finish_semaphore(void)
{
    rv_double_end();
    rv_store_relaxed(&rv_double_worker(0)->current, rv_double_task(0));
    RV_MODEL_CHECK(rove_semaphore_tryacquire(&semaphore) == 0, "the unit is back");
    RV_MODEL_CHECK(rove_semaphore_tryacquire(&semaphore) == -EAGAIN, "and no other");
}

/* condition */

static void wait_ready(void)
{
    RV_MODEL_CHECK(rove_mutex_lock(&mutex) == 0, "nobody cancels");
    while (!is_ready) {
        RV_MODEL_CHECK(rove_cond_wait(&cond, &mutex) == 0, "nobody cancels");
    }
    guarded++;
    rove_mutex_unlock(&mutex);
}

static void wait_ready_cancelled(void)
{
    if (rove_mutex_lock(&mutex) == 0) {
        int rc = 0;
        while (!is_ready && rc == 0) {
            rc = rove_cond_wait(&cond, &mutex);
        }
        guarded++; /* it has the mutex, cancelled or not */
        rove_mutex_unlock(&mutex);
    }
}

static void make_ready(void)
{
    RV_MODEL_CHECK(rove_mutex_lock(&mutex) == 0, "nobody cancels");
    is_ready = true;
    rove_mutex_unlock(&mutex);
    rove_cond_notify(&cond, 1);
}

static void make_ready_for_all(void)
{
    RV_MODEL_CHECK(rove_mutex_lock(&mutex) == 0, "nobody cancels");
    is_ready = true;
    rove_cond_notify_all(&cond);
    rove_mutex_unlock(&mutex);
}

/* A notification that meets a cancelled waiter is passed on to the other. */
static void take_one(void)
{
    if (rove_mutex_lock(&mutex) != 0) {
        return;
    }
    int rc = 0;
    while (guarded == 0 && rc == 0) {
        rc = rove_cond_wait(&cond, &mutex);
    }
    if (rc == 0) {
        guarded--;
    }
    rove_mutex_unlock(&mutex);
}

static void give_one(void)
{
    RV_MODEL_CHECK(rove_mutex_lock(&mutex) == 0, "nobody cancels");
    guarded++;
    rove_cond_notify(&cond, 1);
    rove_mutex_unlock(&mutex);
}

static void give_two(void)
{
    give_one();
    give_one();
}

static const struct rv_model models[] = {
    {"mutex/two", setup_two, {lock_twice, lock_once}, finish_mutex, 0},
    {"mutex/three", setup_three, {lock_once, lock_once, lock_once}, finish_mutex, 0},
    {"mutex/cancel", setup_two, {lock_cancelled, lock_once, cancel_first}, finish_mutex, 0},
    {"mutex/blocking", setup_one, {lock_once, lock_blocking}, finish_mutex, 0},
    {"mutex/blocking_timeout", setup_one, {lock_twice, lock_a_while}, finish_mutex, 0},
    {"mutex/try", setup_three, {lock_once, lock_once, try_lock}, finish_mutex, 0},
    {"mutex/slow_and_fast", setup_three, {lock_twice, lock_twice, lock_once}, finish_mutex,
     RV_MODEL_WIDE},
    {"mutex/home", setup_home, {lock_twice, lock_once}, finish_mutex, 0},
    {"mutex/home_symmetric", setup_home_symmetric, {lock_twice, lock_once}, finish_mutex, 0},
    {"mutex/home_try", setup_home, {lock_twice, try_lock, try_lock}, finish_mutex, 0},
    {"mutex/home_two_visitors", setup_home, {lock_twice, lock_once, lock_once}, finish_mutex,
     RV_MODEL_WIDE},
    {"mutex/home_left_locked", setup_home, {lock_and_move, lock_once}, finish_mutex, 0},
    {"mutex/home_blocking", setup_home_and_thread, {lock_twice, lock_blocking}, finish_mutex, 0},
    {"mutex/comes_home", setup_before_home, {lock_twice, lock_once}, finish_mutex, 0},
    {"mutex/comes_home_again", setup_before_home, {lock_to_stay, lock_once}, finish_mutex, 0},
    {"rwlock/two_writers", setup_two, {write_twice, write_once}, finish, 0},
    {"rwlock/reader", setup_two, {write_once, read_twice}, finish, 0},
    {"rwlock/two_readers", setup_three, {read_once, read_once, write_once}, finish, 0},
    {"rwlock/cancel", setup_two, {write_cancelled, read_once, cancel_first}, finish, 0},
    {"rwlock/try", setup_three, {read_once, write_once, try_write}, finish, 0},
    {"rwlock/slow_and_fast", setup_three, {write_twice, write_twice, read_twice}, finish,
     RV_MODEL_WIDE},
    {"semaphore/two", setup_semaphore, {acquire_twice, acquire_once}, finish_semaphore, 0},
    {"semaphore/three", setup_semaphore, {acquire_once, acquire_once, acquire_once},
     finish_semaphore, 0},
    {"semaphore/cancel", setup_semaphore, {acquire_cancelled, acquire_once, acquire_once,
     cancel_first}, finish_semaphore, RV_MODEL_WIDE},
    {"semaphore/units", setup_units, {try_then_take_unit, take_unit, give_units}, finish, 0},
    {"semaphore/try", setup_semaphore, {acquire_once, acquire_once, try_acquire}, finish_semaphore,
     0},
    {"cond/one", setup_two, {wait_ready, make_ready}, finish, 0},
    {"cond/all", setup_three, {wait_ready, wait_ready, make_ready_for_all}, finish, RV_MODEL_WIDE},
    {"cond/cancel", setup_two, {wait_ready_cancelled, make_ready, cancel_first}, finish,
     RV_MODEL_WIDE},
    {"cond/pass_on", setup_three, {take_one, take_one, give_two, cancel_first}, finish,
     RV_MODEL_WIDE},
};

const struct rv_model_list rv_models_sync = {models, sizeof models / sizeof models[0]};
