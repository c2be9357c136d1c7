// SPDX-License-Identifier: MIT
/*
 * Purpose: what the files of the checker know of each other.
 */
#ifndef RV_MODEL_ENGINE_H
#define RV_MODEL_ENGINE_H

#include "model.h"

#include "core/context.h"

#define RV_VIEW_LOCATIONS 250
#define RV_VIEW_WIDTH     (RV_MODEL_THREADS + RV_VIEW_LOCATIONS)
#define RV_MODEL_STEPS    20000 /* more in one execution: a livelock */

/*
 * What is known: of each thread, up to which of its steps; of each location, the oldest store that
 * may still be read. int16_t: the element-wise maximum is one instruction for eight.
 */
struct rv_view {
    int16_t at[RV_VIEW_WIDTH];
};

enum rv_thread_status {
    RV_THREAD_NONE,
    RV_THREAD_READY,
    RV_THREAD_SPINS,   /* until somebody else writes */
    RV_THREAD_WAITS,   /* in a futex, or blocked: until it is woken */
    RV_THREAD_ENDED
};

struct rv_model_thread {
    enum rv_thread_status status;
    struct rv_context context;
    void (*fn)(void *);
    void *arg;
    struct rv_view now;      /* what its next access must respect */
    struct rv_view acquired; /* what an acquire fence would add */
    struct rv_view released; /* what its relaxed stores publish: now, at the last release fence */
    uint64_t writes_seen;    /* by others, at its last load */
    bool is_fresh;           /* its next load reads the newest value: it has just spun */
    bool may_stay;           /* waits for ever with good reason */
    bool is_unblocked;       /* rv_model_unblock came first */
    bool has_timeout;        /* in a futex with one */
    bool is_timed_out;
    const void *futex;
    int priority;            /* random mode */
};

enum rv_choice { RV_CHOICE_THREAD, RV_CHOICE_STORE, RV_CHOICE_OTHER };

enum rv_explore { RV_EXPLORE_ALL, RV_EXPLORE_RANDOM, RV_EXPLORE_REPLAY };

struct rv_engine {
    /* one execution */
    struct rv_model_thread threads[RV_MODEL_THREADS];
    unsigned thread_count;
    unsigned current;
    struct rv_context main;
    struct rv_view ordered; /* of the one total order of seq_cst accesses and fences */
    uint64_t writes;        /* in all, and by each thread */
    uint64_t writes_by[RV_MODEL_THREADS];
    unsigned steps;
    unsigned stalls;
    unsigned preemptions, stale; /* spent */
    bool is_running;
    bool has_failed;
    bool may_leak;
    bool is_in_order; /* RV_MODEL_IN_ORDER */
    bool is_suspect;  /* message is true if what was read ahead comes */
    char message[400];
    int64_t clock_ns;
    /* the exploration */
    enum rv_explore explore;
    unsigned max_preemptions, max_stale;
    bool is_newly_shared; /* a location turned out to be shared: start again */
    bool is_learning;     /* values are noted, to be read ahead later */
    bool is_tracing;      /* the places reached are noted */
};

extern struct rv_engine rv_engine;

static inline struct rv_model_thread *rv_engine_thread(void)
{
    return &rv_engine.threads[rv_engine.current];
}

static inline void rv_view_join(struct rv_view *to, const struct rv_view *from)
{
    for (unsigned i = 0; i < RV_VIEW_WIDTH; i++) {
        to->at[i] = to->at[i] > from->at[i] ? to->at[i] : from->at[i];
    }
}

/* What may be read only, not what happened before: such is the order of full fences. */
static inline void rv_view_join_stores(struct rv_view *to, const struct rv_view *from)
{
    for (unsigned i = RV_MODEL_THREADS; i < RV_VIEW_WIDTH; i++) {
        to->at[i] = to->at[i] > from->at[i] ? to->at[i] : from->at[i];
    }
}

/* engine.c */
void rv_engine_run(const struct rv_model *model);
/* The next thread, if the present one waits or ends. */
void rv_engine_leave(void);
void rv_engine_step(void);
/* A full fence of thread t. */
void rv_engine_full_fence(struct rv_model_thread *t);
/* The next step of the thread is another one than those before. */
static inline void rv_engine_tick(struct rv_model_thread *t)
{
    t->now.at[t - rv_engine.threads]++;
}

/* As rv_model_fail, but returns when it is not certain yet: a load has read ahead. */
RV_PRINTF(1, 2) void rv_engine_suspect(const char *format, ...);
/* What was suspected is certain: all that was read ahead has been stored. */
void rv_engine_confirm(void);

/* explore.c: one of n, the first being the usual one. `step` is for the printed schedule. */
unsigned rv_explore_choose(enum rv_choice kind, unsigned n);
unsigned rv_explore_thread(const unsigned candidates[], unsigned n, bool is_free);
void rv_explore_begin_random(uint64_t seed);
void rv_explore_reset(void);
/* False: everything has been explored. */
bool rv_explore_advance(void);
bool rv_explore_parse(const char *schedule);
void rv_explore_print(void);
bool rv_explore_may_be_stale(void);

/* memory.c */
void rv_memory_reset(void);
void rv_memory_forget_shared(void);
void rv_memory_overwritten(uintptr_t at, size_t bytes);
uint64_t rv_memory_newest(const void *at, size_t bytes);

/* ahead.c */
void rv_ahead_reset(void);
void rv_ahead_forget(void);
void rv_ahead_store(uintptr_t at, uint64_t value);
/* True: *value is what somebody else will store, or the execution does not count. */
bool rv_ahead_load(uintptr_t at, uint64_t *value);
/* Has a load read what nobody has stored yet? */
bool rv_ahead_is_open(void);

/* shadow.c */
void rv_shadow_reset(void);
void rv_shadow_access(uintptr_t at, size_t bytes, bool is_write, bool is_atomic, const void *pc);
/* The end: every block has been freed. */
void rv_shadow_check_leaks(void);

/* trace.c */
void rv_trace_reset(void);
void rv_trace_note(const char *what, const void *at, uint64_t value, const char *site);
void rv_trace_print(unsigned last);
/* All places reached since the last call. */
void rv_trace_print_sites(void);

#endif
