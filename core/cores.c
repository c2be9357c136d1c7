// SPDX-License-Identifier: MIT
/*
 * Purpose: core/sim.h on a machine whose time is real: the threads are cores with clocks of their
 *          own. core/cores.h has the idea; this file stands in for core/sim.c.
 * Idea:    wake_ps[i] is when thread i goes on by itself: its clock when it is ready, the deadline
 *          when it sleeps. The smallest goes next. It may go on alone until it would do something
 *          that others see at a time beyond the next smallest.
 *          There is no bad luck: what is drawn as rare never happens, what is likely always does.
 * Threads: one simulation a process.
 */
#include "core/cores.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base.h"
#include "core/check.h"
#include "core/context.h"
#include "core/rand.h"
#include "core/sim.h"
#include "core/sim_memory.h"

#define START_PS INT64_C(1000000000000)
#define NEVER INT64_MAX
#define MAX_SWITCHES UINT64_C(2000000000)
#define PS_PER_NS 1000

enum state { FREE, READY, BLOCKED, ENDED };

struct thread {
    struct rv_context context;
    enum state state;
    int rc;                     /* what its block came to */
    const void *on;             /* what it sleeps on */
    int64_t drained_ps;
    void *word;
    void *(*main)(void *arg);
    void *arg;
    void (*interrupt)(void);    /* pending */
    bool is_interruptible;
};

int32_t rv_sim_countdown = INT32_MAX;
struct rv_cores_clock rv_cores_clock;

static struct {
    bool is_running;
    struct rv_sim_config config;
    struct rv_sim_outcome *outcome;
    void (*body)(void *ctx);
    void *ctx;
    struct rv_context home;
    int64_t wake_ps[RV_SIM_THREADS];
    struct thread threads[RV_SIM_THREADS];
    unsigned count;
    struct thread *current;
    const struct rv_sim_device *device;
    int64_t device_ps;          /* when it wants its next turn */
    struct rv_rand rand;
    uint64_t hash, switches;
    unsigned kernel_depth;
    struct rv_cores_count calls;
} cores;

static void *outside_word;

void rv_sim_note(uint64_t fact)
{
    cores.hash = (cores.hash ^ fact) * UINT64_C(0x9e3779b97f4a7c15);
    cores.hash ^= cores.hash >> 29;
}

uint32_t rv_sim_draw(uint32_t n)
{
    return rv_rand_below(&cores.rand, n);
}

bool rv_sim_chance(uint32_t n)
{
    return n != 0 && n < 4;
}

bool rv_sim_is_running(void)
{
    return cores.is_running;
}

/* In the kernel, and for devices, a look at the clock is free. */
int64_t rv_sim_now(void)
{
    if (rv_cores_clock.is_charged) {
        rv_cores_clock.now_ps += rv_cores_costs.clock_ps;
        rv_cores_yield();
    }
    return rv_cores_clock.now_ps / PS_PER_NS;
}

int64_t rv_sim_delay(void)
{
    cores.calls.wakes++;
    if (cores.current != NULL)
        rv_cores_clock.now_ps += rv_cores_costs.wake_call_ps;
    return rv_cores_costs.wake_ps / PS_PER_NS;
}

void **rv_sim_thread_word(void)
{
    return cores.current == NULL ? &outside_word : &cores.current->word;
}

void **rv_sim_next_word(unsigned *thread)
{
    while (*thread < cores.count) {
        struct thread *t = &cores.threads[(*thread)++];
        if (t->state != FREE && t->state != ENDED)
            return &t->word;
    }
    return NULL;
}

unsigned rv_sim_thread_id(void)
{
    return cores.current == NULL ? 0 : (unsigned)(cores.current - cores.threads);
}

void rv_cores_take_calls(struct rv_cores_count *count)
{
    count->calls = cores.calls.calls;
    count->wakes = cores.calls.wakes;
    count->barriers = cores.calls.barriers;
}

static void charge_from_here(void)
{
    rv_cores_clock.is_charged = cores.is_running && cores.current != NULL &&
                                cores.kernel_depth == 0;
}

static void at_latest(int64_t when_ps)
{
    rv_cores_clock.limit_ps = when_ps < rv_cores_clock.limit_ps ? when_ps : rv_cores_clock.limit_ps;
}

/* It may have been given something to do, or a time. */
static void ask_device(void)
{
    int64_t next_ns = cores.device == NULL ? NEVER : cores.device->next_ns();

    cores.device_ps = next_ns > NEVER / PS_PER_NS ? NEVER : next_ns * PS_PER_NS;
    at_latest(cores.device_ps);
}

void rv_sim_set_device(const struct rv_sim_device *device)
{
    cores.device = device;
    ask_device();
}

void rv_sim_kernel_enter(void)
{
    if (rv_cores_clock.is_charged) {
        cores.calls.calls++;
        rv_cores_fence();
        rv_cores_clock.now_ps += rv_cores_costs.call_ps;
        rv_cores_yield();
    }
    cores.kernel_depth++;
    charge_from_here();
}

void rv_sim_kernel_leave(void)
{
    RV_CHECK(cores.kernel_depth > 0, "who leaves the simulated kernel has entered it");
    if (--cores.kernel_depth == 0)
        ask_device();
    charge_from_here();
}

/* The thread whose time comes first, and the limit until which it may go on alone. */
static unsigned first(void)
{
    unsigned chosen = 0;
    int64_t smallest = NEVER, next = NEVER;

    for (unsigned i = 0; i < cores.count; i++) {
        int64_t at = cores.wake_ps[i];
        if (at < smallest) {
            next = smallest;
            smallest = at;
            chosen = i;
        } else if (at < next) {
            next = at;
        }
    }
    rv_cores_clock.limit_ps = next < cores.device_ps ? next : cores.device_ps;
    return chosen;
}

static void run_device(void)
{
    struct thread *self = cores.current;

    rv_cores_clock.now_ps = cores.device_ps;
    cores.current = NULL;
    charge_from_here();
    cores.device->step();
    ask_device();
    cores.current = self;
}

static unsigned choose(void)
{
    for (;;) {
        unsigned chosen = first();
        if (cores.device_ps <= cores.wake_ps[chosen] && cores.device_ps != NEVER) {
            run_device();
            continue;
        }
        if (cores.wake_ps[chosen] == NEVER)
            rv_sim_fail(-EDEADLK, "everybody sleeps for ever");
        return chosen;
    }
}

static void take_interrupts(struct thread *self)
{
    while (self->interrupt != NULL && self->is_interruptible) {
        void (*handler)(void) = self->interrupt;
        self->interrupt = NULL;
        rv_cores_clock.now_ps += rv_cores_costs.interrupt_ps;
        handler();
    }
}

/* The current thread's entry in wake_ps says when it goes on. */
static void reschedule(void)
{
    struct thread *self = cores.current;

    if (++cores.switches > cores.config.max_switches)
        rv_sim_fail(-ELOOP, "no end after %llu switches", (unsigned long long)cores.switches);
    self->drained_ps = rv_cores_clock.drained_ps;
    unsigned chosen = choose();
    struct thread *next = &cores.threads[chosen];
    rv_sim_note(chosen ^ (uint64_t)cores.wake_ps[chosen] << 8);
    if (next->state == BLOCKED) {
        next->state = READY;
        next->rc = -ETIMEDOUT;
    }
    rv_cores_clock.now_ps = cores.wake_ps[chosen];
    rv_cores_clock.drained_ps = next->drained_ps;
    rv_cores_clock.core = chosen;
    cores.current = next;
    if (next != self) {
        rv_cores_clock.is_charged = false; /* the switch is ours, not theirs */
        rv_context_switch(&self->context, &next->context, next);
    }
    charge_from_here();
    take_interrupts(self);
}

void rv_cores_yield(void)
{
    if (rv_cores_clock.now_ps <= rv_cores_clock.limit_ps)
        return;
    cores.wake_ps[rv_cores_clock.core] = rv_cores_clock.now_ps;
    reschedule();
}

/* core/sim_point.h has no meaning here but to be counted down. */
void rv_sim_preempt(void)
{
    rv_sim_countdown = INT32_MAX;
}

void rv_sim_spin(void)
{
    if (!rv_cores_clock.is_charged)
        return;
    rv_cores_clock.now_ps += rv_cores_costs.spin_ps;
    rv_cores_yield();
}

/* All that run on other cores pass a fence, and lose time. */
void rv_sim_barrier(void)
{
    if (!rv_cores_clock.is_charged)
        return;
    cores.calls.barriers++;
    rv_cores_fence();
    rv_cores_clock.now_ps += rv_cores_costs.barrier_ps;
    for (unsigned i = 0; i < cores.count; i++) {
        struct thread *t = &cores.threads[i];
        if (t != cores.current && t->state == READY)
            cores.wake_ps[i] += rv_cores_costs.interrupt_ps;
    }
    rv_cores_clock.limit_ps = 0; /* which has moved */
    rv_cores_yield();
}

bool rv_sim_has_barrier(void)
{
    return rv_cores_costs.barrier_ps >= 0;
}

int rv_sim_block(const void *on, int64_t deadline_ns)
{
    struct thread *self = cores.current;

    if (self->interrupt != NULL && self->is_interruptible) {
        take_interrupts(self);
        return -EINTR;
    }
    rv_cores_fence();
    rv_cores_clock.now_ps += rv_cores_costs.call_ps;
    self->state = BLOCKED;
    self->on = on;
    cores.wake_ps[rv_cores_clock.core] =
        deadline_ns > NEVER / PS_PER_NS ? NEVER : deadline_ns * PS_PER_NS;
    if (cores.wake_ps[rv_cores_clock.core] < rv_cores_clock.now_ps)
        cores.wake_ps[rv_cores_clock.core] = rv_cores_clock.now_ps;
    reschedule();
    return self->rc;
}

static void make_ready(unsigned i, int rc, int64_t when_ps)
{
    cores.threads[i].state = READY;
    cores.threads[i].rc = rc;
    cores.wake_ps[i] = when_ps;
    at_latest(when_ps);
}

int rv_sim_unblock(const void *on, int n)
{
    bool is_direct = rv_cores_clock.is_charged; /* not through a device, which takes its time */
    int woken = 0;

    if (is_direct) {
        cores.calls.calls++;
        rv_cores_fence();
        rv_cores_clock.now_ps += rv_cores_costs.call_ps;
        rv_cores_yield();
    }
    for (unsigned i = 0; i < cores.count && woken < n; i++) {
        if (cores.threads[i].state != BLOCKED || cores.threads[i].on != on)
            continue;
        woken++;
        if (is_direct) {
            cores.calls.wakes++;
            rv_cores_clock.now_ps += rv_cores_costs.wake_call_ps;
        }
        make_ready(i, 0, rv_cores_clock.now_ps + (is_direct ? rv_cores_costs.wake_ps : 0));
    }
    return woken;
}

void rv_sim_work(int64_t duration_ns)
{
    rv_cores_clock.now_ps += duration_ns * PS_PER_NS;
    rv_cores_yield();
}

void rv_sim_interrupt(unsigned id, void (*handler)(void))
{
    struct thread *t = &cores.threads[id];

    t->interrupt = handler;
    rv_cores_clock.now_ps += rv_cores_costs.call_ps;
    if (t->is_interruptible && t->state == BLOCKED)
        make_ready(id, -EINTR, rv_cores_clock.now_ps + rv_cores_costs.wake_ps);
}

void rv_sim_allow_interrupts(bool is_allowed)
{
    cores.current->is_interruptible = is_allowed;
}

static void thread_entry(void *arg, struct rv_context *from)
{
    struct thread *self = arg;

    (void)from;
    charge_from_here();
    (void)self->main(self->arg);
    rv_cores_clock.is_charged = false; /* nobody may reuse the slot before the last step */
    self->state = ENDED;
    (void)rv_sim_unblock(self, 1);
    cores.wake_ps[rv_cores_clock.core] = NEVER;
    reschedule();
    rv_panic("a virtual thread that has ended was chosen");
}

int rv_sim_thread_create(uint64_t *id, void *(*main)(void *arg), void *arg)
{
    unsigned i = 0;
    void *low;
    size_t bytes;

    while (i < cores.count && cores.threads[i].state != FREE)
        i++;
    if (i == RV_SIM_THREADS || cores.current == NULL)
        return -EAGAIN;
    rv_cores_clock.is_charged = false; /* until it is whole */
    cores.count = i == cores.count ? i + 1 : cores.count;
    cores.threads[i] = (struct thread){.main = main, .arg = arg};
    low = rv_sim_memory_stack(i, &bytes);
    rv_context_make(&cores.threads[i].context, low, (char *)low + bytes, thread_entry);
    make_ready(i, 0, rv_cores_clock.now_ps + rv_cores_costs.wake_ps);
    charge_from_here();
    *id = i;
    return 0;
}

void rv_sim_join(uint64_t id)
{
    struct thread *t = &cores.threads[id];

    while (t->state != ENDED)
        (void)rv_sim_block(t, NEVER);
    rv_cores_clock.is_charged = false;
    rv_context_fini(&t->context);
    t->state = FREE;
    charge_from_here();
}

static RV_NORETURN void go_home(void)
{
    struct thread *self = cores.current != NULL ? cores.current : &cores.threads[0];

    cores.is_running = false;
    cores.current = NULL;
    charge_from_here();
    rv_context_switch(&self->context, &cores.home, NULL);
    rv_panic("a simulation that is over was gone on with");
}

void rv_sim_fail(int error, const char *format, ...)
{
    va_list args;

    cores.outcome->error = error;
    va_start(args, format);
    (void)vsnprintf(cores.outcome->text, sizeof(cores.outcome->text), format, args);
    va_end(args);
    cores.kernel_depth++; /* nothing costs any more */
    charge_from_here();
    if (cores.config.mourn != NULL)
        cores.config.mourn();
    go_home();
}

static void *first_main(void *arg)
{
    (void)arg;
    cores.body(cores.ctx);
    for (unsigned i = 1; i < cores.count; i++) {
        if (cores.threads[i].state != FREE)
            rv_sim_fail(-EPROTO, "thread %u is left at the end", i);
    }
    go_home();
}

int rv_sim_run(const struct rv_sim_config *config, void (*body)(void *ctx), void *ctx,
               struct rv_sim_outcome *outcome)
{
    uint64_t id;

    if (cores.is_running)
        return -EBUSY;
    int rc = rv_sim_memory_reset();
    if (rc < 0)
        return rc;
    rv_cores_reset_lines();
    memset(&cores, 0, sizeof(cores));
    memset(&rv_cores_clock, 0, sizeof(rv_cores_clock));
    *outcome = (struct rv_sim_outcome){0};
    cores.is_running = true;
    cores.config = *config;
    if (cores.config.max_switches == 0)
        cores.config.max_switches = MAX_SWITCHES;
    cores.outcome = outcome;
    cores.body = body;
    cores.ctx = ctx;
    cores.device_ps = NEVER;
    rv_cores_clock.now_ps = START_PS;
    rv_cores_clock.limit_ps = NEVER;
    rv_rand_seed(&cores.rand, config->seed);
    rv_context_init_thread(&cores.home);
    cores.current = &cores.threads[0]; /* for the moment: who creates is a thread */
    (void)rv_sim_thread_create(&id, first_main, NULL);
    RV_CHECK(id == 0, "the first thread has the first slot");
    rv_context_switch(&cores.home, &cores.threads[0].context, &cores.threads[0]);
    outcome->hash = cores.hash;
    outcome->switches = cores.switches;
    outcome->ended_ns = rv_cores_clock.now_ps / PS_PER_NS;
    return 0;
}
