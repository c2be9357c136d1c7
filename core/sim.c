// SPDX-License-Identifier: MIT
/*
 * Purpose: who runs when, in a simulation. core/sim.h has the idea.
 * Idea:    two ways to choose, by seed: uniformly among those that can run, or by random priorities
 *          of which the running thread loses its own at each switch point (so few switches reach
 *          deep orders of events). Either way a spinning thread goes to the back. Most runs have an
 *          ambush at one line of the source besides.
 */
#include "core/sim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/check.h"
#include "core/context.h"
#include "core/rand.h"
#include "core/sim_memory.h"
#include "core/sim_tape.h"

#define RV_SIM_START_NS INT64_C(1000000000)
#define RV_SIM_MAX_SWITCHES UINT64_C(2000000)
#define RV_SIM_IDLE_POINTS INT32_MAX
#define RV_SIM_LINES_MET 320u /* runs come to 139 to 390 lines, half of them to 256 */

enum state { FREE, READY, BLOCKED, STALLED, WORKING, ENDED };

struct thread {
    struct rv_context context;
    enum state state;
    int rc;                     /* what its block came to */
    const void *on;             /* what it sleeps on */
    int64_t until_ns;           /* and until when */
    uint64_t priority;
    void *word;
    void *(*main)(void *arg);
    void *arg;
    void (*interrupt)(void);    /* pending */
    bool is_interruptible;
};

int32_t rv_sim_countdown = RV_SIM_IDLE_POINTS;
uint32_t rv_sim_ambush_site = RV_SIM_SITES;
bool rv_sim_met[RV_SIM_SITES];

static struct {
    bool is_running;
    struct rv_sim_config config;
    struct rv_sim_outcome *outcome;
    void (*body)(void *ctx);
    void *ctx;
    struct rv_context home;     /* who called rv_sim_run */
    struct thread threads[RV_SIM_THREADS];
    unsigned count;             /* slots ever used */
    struct thread *current;
    const struct rv_sim_device *device;
    struct rv_rand rand;
    int64_t now_ns;
    uint64_t hash, switches;
    unsigned kernel_depth;
    uint32_t mean_points;       /* from switch to switch */
    uint32_t stall_chance;      /* one in so many; 0: never */
    uint32_t ambush_chance;     /* one in so many who come there falls into it */
    uint32_t ambushes_left;
    uint32_t lines_to_ambush;   /* so many new lines until one is chosen */
    uint32_t device_chance;     /* a device goes first, one in so many */
    bool has_priorities;
} sim;

static void *outside_word;

void rv_sim_note(uint64_t fact)
{
    sim.hash = (sim.hash ^ fact) * UINT64_C(0x9e3779b97f4a7c15);
    sim.hash ^= sim.hash >> 29;
}

uint32_t rv_sim_draw(uint32_t n)
{
    return sim.kernel_depth > 0 ? rv_sim_tape_draw(&sim.rand, n) : rv_rand_below(&sim.rand, n);
}

bool rv_sim_chance(uint32_t n)
{
    return n != 0 && rv_sim_draw(n) == 0;
}

bool rv_sim_is_running(void)
{
    return sim.is_running;
}

int64_t rv_sim_now(void)
{
    return ++sim.now_ns;
}

int64_t rv_sim_delay(void)
{
    uint32_t scale = rv_sim_chance(8) ? 22 : 14;
    return INT64_C(1) << rv_sim_draw(scale);
}

void **rv_sim_thread_word(void)
{
    return sim.current == NULL ? &outside_word : &sim.current->word;
}

void **rv_sim_next_word(unsigned *thread)
{
    while (*thread < sim.count) {
        struct thread *t = &sim.threads[(*thread)++];
        if (t->state != FREE && t->state != ENDED)
            return &t->word;
    }
    return NULL;
}

unsigned rv_sim_thread_id(void)
{
    return sim.current == NULL ? 0 : (unsigned)(sim.current - sim.threads);
}

void rv_sim_set_device(const struct rv_sim_device *device)
{
    sim.device = device;
}

void rv_sim_kernel_enter(void)
{
    sim.kernel_depth++;
}

void rv_sim_kernel_leave(void)
{
    RV_CHECK(sim.kernel_depth > 0, "who leaves the simulated kernel has entered it");
    sim.kernel_depth--;
}

/* To the end of those that wait for the processor. */
static void lose_priority(struct thread *t)
{
    t->priority = 0;
    for (unsigned i = 0; i < sim.count; i++) {
        if (&sim.threads[i] != t)
            sim.threads[i].priority++;
    }
}

/* Those whose time has come can run. */
static void pass_time(void)
{
    for (unsigned i = 0; i < sim.count; i++) {
        struct thread *t = &sim.threads[i];
        if (t->state < BLOCKED || t->state == ENDED || t->until_ns > sim.now_ns)
            continue;
        t->rc = t->state == BLOCKED ? -ETIMEDOUT : 0;
        t->state = READY;
    }
}

static struct thread *choose_ready(void)
{
    struct thread *chosen = NULL;
    uint32_t seen = 0;

    for (unsigned i = 0; i < sim.count; i++) {
        struct thread *t = &sim.threads[i];
        if (t->state != READY)
            continue;
        seen++;
        if (chosen == NULL || (sim.has_priorities ? t->priority > chosen->priority
                                                  : rv_sim_draw(seen) == 0))
            chosen = t;
    }
    return chosen;
}

static bool is_anyone(enum state state)
{
    for (unsigned i = 0; i < sim.count; i++) {
        if (sim.threads[i].state == state)
            return true;
    }
    return false;
}

/* Nobody can run: the clock jumps to what comes next. */
static void jump(void)
{
    int64_t device_ns = sim.device == NULL ? INT64_MAX : sim.device->next_ns();
    int64_t next_ns = device_ns;
    bool is_quiet = sim.device == NULL || sim.device->is_quiet();

    if (sim.config.look != NULL && is_quiet && !is_anyone(STALLED))
        sim.config.look(is_anyone(WORKING));
    for (unsigned i = 0; i < sim.count; i++) {
        const struct thread *t = &sim.threads[i];
        if (t->state >= BLOCKED && t->state != ENDED && t->until_ns < next_ns)
            next_ns = t->until_ns;
    }
    if (next_ns == INT64_MAX)
        rv_sim_fail(-EDEADLK, "everybody sleeps for ever");
    if (next_ns > sim.now_ns)
        sim.now_ns = next_ns;
}

static struct thread *choose(void)
{
    for (;;) {
        struct thread *t;

        pass_time();
        t = choose_ready();
        if (sim.device != NULL && (t == NULL || rv_sim_chance(sim.device_chance)) &&
            sim.device->next_ns() <= sim.now_ns) {
            sim.device->step();
            continue;
        }
        if (t != NULL)
            return t;
        jump();
    }
}

/* The current thread is whatever its state says; it returns when it is chosen again. */
static void reschedule(void)
{
    struct thread *self = sim.current;
    struct thread *next;

    if (++sim.switches > sim.config.max_switches)
        rv_sim_fail(-ELOOP, "no end after %llu switches", (unsigned long long)sim.switches);
    sim.now_ns += 10 + rv_sim_draw(100);
    next = choose();
    rv_sim_note((uint64_t)(next - sim.threads) ^ (uint64_t)sim.now_ns << 8);
    rv_sim_countdown = (int32_t)rv_sim_draw(2 * sim.mean_points);
    if (next != self) {
        sim.current = next;
        rv_context_switch(&self->context, &next->context, next);
    }
    while (self->interrupt != NULL && self->is_interruptible) {
        void (*handler)(void) = self->interrupt;
        self->interrupt = NULL;
        handler();
    }
}

/* Off the processor for 256 ns to 2 ms, though it could run. */
static void stall(struct thread *t)
{
    t->state = STALLED;
    t->until_ns = sim.now_ns + (INT64_C(1) << (8 + rv_sim_draw(14)));
}

void rv_sim_meet(uint32_t site)
{
    rv_sim_met[site] = sim.current != NULL;
    if (sim.current != NULL && --sim.lines_to_ambush == 0)
        rv_sim_ambush_site = site;
}

void rv_sim_ambush(void)
{
    if (sim.current == NULL || sim.kernel_depth > 0 || !rv_sim_chance(sim.ambush_chance))
        return;
    if (--sim.ambushes_left == 0)
        rv_sim_ambush_site = RV_SIM_SITES;
    stall(sim.current);
    reschedule();
}

void rv_sim_preempt(void)
{
    struct thread *self = sim.current;

    if (self == NULL || sim.kernel_depth > 0) {
        rv_sim_countdown = self == NULL ? RV_SIM_IDLE_POINTS : 0;
        return;
    }
    self->state = READY;
    if (rv_sim_chance(sim.stall_chance))
        stall(self);
    if (sim.has_priorities)
        lose_priority(self);
    reschedule();
}

void rv_sim_barrier(void)
{
    rv_sim_point();
}

bool rv_sim_has_barrier(void)
{
    return true;
}

void rv_sim_spin(void)
{
    if (sim.current == NULL || sim.kernel_depth > 0)
        return;
    sim.now_ns += rv_sim_draw(1000);
    sim.current->state = READY;
    lose_priority(sim.current);
    reschedule();
}

int rv_sim_block(const void *on, int64_t deadline_ns)
{
    struct thread *self = sim.current;

    if (self->interrupt != NULL && self->is_interruptible) {
        reschedule();
        return -EINTR;
    }
    self->state = BLOCKED;
    self->on = on;
    self->until_ns = deadline_ns;
    reschedule();
    return self->rc;
}

int rv_sim_unblock(const void *on, int n)
{
    int woken = 0;

    for (unsigned i = 0; i < sim.count && woken < n; i++) {
        struct thread *t = &sim.threads[i];
        if (t->state == BLOCKED && t->on == on) {
            t->state = READY;
            t->rc = 0;
            woken++;
        }
    }
    return woken;
}

void rv_sim_work(int64_t duration_ns)
{
    struct thread *self = sim.current;

    self->state = WORKING;
    self->until_ns = sim.now_ns + duration_ns;
    while (self->state == WORKING && self->until_ns > sim.now_ns) {
        int64_t until_ns = self->until_ns;
        reschedule(); /* ends early for an interrupt, which took no time to speak of */
        self->until_ns = until_ns;
        self->state = sim.now_ns < until_ns ? WORKING : READY;
    }
}

void rv_sim_interrupt(unsigned id, void (*handler)(void))
{
    struct thread *t = &sim.threads[id];

    t->interrupt = handler;
    if (!t->is_interruptible)
        return;
    if (t->state == BLOCKED || t->state == WORKING) {
        t->rc = -EINTR;
        t->state = READY;
    }
}

void rv_sim_allow_interrupts(bool is_allowed)
{
    sim.current->is_interruptible = is_allowed;
}

/* The first frame of a virtual thread. */
static void thread_entry(void *arg, struct rv_context *from)
{
    struct thread *self = arg;

    (void)from;
    (void)self->main(self->arg);
    self->state = ENDED;
    (void)rv_sim_unblock(self, 1);
    reschedule();
    rv_panic("a virtual thread that has ended was chosen");
}

int rv_sim_thread_create(uint64_t *id, void *(*main)(void *arg), void *arg)
{
    unsigned i = 0;
    void *low;
    size_t bytes;

    while (i < sim.count && sim.threads[i].state != FREE)
        i++;
    if (i == RV_SIM_THREADS || sim.current == NULL)
        return -EAGAIN;
    sim.count = i == sim.count ? i + 1 : sim.count;
    sim.threads[i] = (struct thread){.state = READY, .main = main, .arg = arg};
    sim.threads[i].priority = rv_rand_next(&sim.rand) >> 8;
    low = rv_sim_memory_stack(i, &bytes);
    rv_context_make(&sim.threads[i].context, low, (char *)low + bytes, thread_entry);
    *id = i;
    return 0;
}

void rv_sim_join(uint64_t id)
{
    struct thread *t = &sim.threads[id];
    while (t->state != ENDED)
        (void)rv_sim_block(t, INT64_MAX);
    rv_context_fini(&t->context);
    t->state = FREE;
}

static void draw_manners(void)
{
    static const uint32_t means[] = {3, 10, 40, 200, 2000};
    static const uint32_t stalls[] = {0, 0, 500, 40, 8};
    static const uint32_t ambushes[] = {1, 2, 4, 16};

    sim.mean_points = means[rv_sim_draw(RV_ARRAY_LEN(means))];
    sim.stall_chance = stalls[rv_sim_draw(RV_ARRAY_LEN(stalls))];
    sim.ambush_chance = ambushes[rv_sim_draw(RV_ARRAY_LEN(ambushes))];
    sim.ambushes_left = 1u << rv_sim_draw(7);
    sim.lines_to_ambush = 1 + rv_sim_draw(RV_SIM_LINES_MET);
    rv_sim_ambush_site = RV_SIM_SITES;
    memset(rv_sim_met, 0, sizeof rv_sim_met);
    sim.device_chance = 1 + rv_sim_draw(8);
    sim.has_priorities = rv_sim_chance(3);
    rv_sim_countdown = (int32_t)rv_sim_draw(2 * sim.mean_points);
}

static RV_NORETURN void go_home(void)
{
    struct thread *self = sim.current;

    sim.current = NULL;
    sim.is_running = false;
    rv_sim_countdown = RV_SIM_IDLE_POINTS;
    rv_sim_ambush_site = RV_SIM_SITES;
    rv_context_switch(&self->context, &sim.home, NULL);
    rv_panic("a simulation that is over was gone on with");
}

void rv_sim_fail(int error, const char *format, ...)
{
    va_list args;

    sim.outcome->error = error;
    va_start(args, format);
    (void)vsnprintf(sim.outcome->text, sizeof(sim.outcome->text), format, args);
    va_end(args);
    if (sim.config.mourn != NULL) {
        sim.kernel_depth++; /* nobody runs any more, but one look */
        sim.config.mourn();
    }
    go_home();
}

static void *first_main(void *arg)
{
    (void)arg;
    sim.body(sim.ctx);
    for (unsigned i = 1; i < sim.count; i++) {
        if (sim.threads[i].state != FREE)
            rv_sim_fail(-EPROTO, "thread %u is left at the end", i);
    }
    go_home();
}

int rv_sim_run(const struct rv_sim_config *config, void (*body)(void *ctx), void *ctx,
               struct rv_sim_outcome *outcome)
{
    uint64_t id;

    if (sim.is_running)
        return -EBUSY;
    int rc = rv_sim_memory_reset();
    if (rc < 0)
        return rc;
    memset(&sim, 0, sizeof(sim));
    *outcome = (struct rv_sim_outcome){0};
    sim.is_running = true;
    sim.config = *config;
    if (sim.config.max_switches == 0)
        sim.config.max_switches = RV_SIM_MAX_SWITCHES;
    sim.outcome = outcome;
    sim.body = body;
    sim.ctx = ctx;
    sim.now_ns = RV_SIM_START_NS;
    rv_rand_seed(&sim.rand, config->seed);
    draw_manners();
    rv_context_init_thread(&sim.home);
    sim.current = &sim.threads[0]; /* for the moment: who creates is a thread */
    (void)rv_sim_thread_create(&id, first_main, NULL);
    RV_CHECK(id == 0, "the first thread has the first slot");
    rv_context_switch(&sim.home, &sim.threads[0].context, &sim.threads[0]);
    outcome->hash = sim.hash;
    outcome->switches = sim.switches;
    outcome->ended_ns = sim.now_ns;
    return 0;
}
