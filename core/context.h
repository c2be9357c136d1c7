// SPDX-License-Identifier: MIT
/*
 * Purpose: the only files that know fcontext: make a context, switch between contexts.
 * Idea:    a switch passes a small record {from, to, arg} that lies on the stack of the side that
 *          leaves. The arriving side's first act is to store the leaver's stack pointer into
 *          `from`, so whatever it publishes afterwards finds `from` complete.
 *
 *              stack_high  | entry word, 16 bytes   |
 *                          | fcontext frame, 64     | <- sp after make
 *                          | first frame of entry   |
 *                          | ...                    |
 *              stack_low   |                        |
 *
 *          Saved: callee-saved registers, MXCSR and x87 control word. Not saved: signal mask,
 *          thread-locals, errno.
 * Threads: a context is run by one thread at a time; the hand-over is the caller's (a lock or a
 *          release/acquire pair after the switch).
 * Rejected: linking Boost by its C++ header; the shared library, whose newer versions hide these
 *          symbols; a store of the stack pointer before the jump (only the jump knows it).
 * Source:  Boost.Context's fcontext interface; the sanitizers' common_interface_defs.h and
 *          tsan_interface.h.
 */
#ifndef RV_CORE_CONTEXT_H
#define RV_CORE_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

#ifdef RV_MODEL_TASKS /* a model whose tasks are its threads: no switch of ours */
#define RV_CONTEXT_HOOKS 1
#else
#define RV_CONTEXT_HOOKS (RV_ASAN || RV_TSAN)
#endif

struct rv_context {
    void *sp; /* saved stack pointer while not running */
#if RV_ASAN
    void *fake_stack;
    const void *stack_bottom;
    size_t stack_bytes;
#endif
#if RV_TSAN
    void *fiber;
    int owns_fiber; /* made, not a thread's own */
#endif
#if RV_VALGRIND
    unsigned valgrind_id;
#endif
};

typedef void *rv_fcontext;

struct rv_fcontext_transfer {
    rv_fcontext fctx;
    void *data;
};

struct rv_fcontext_transfer jump_fcontext(rv_fcontext to, void *data);
rv_fcontext make_fcontext(void *stack_high, size_t bytes,
                          void (*fn)(struct rv_fcontext_transfer));
struct rv_fcontext_transfer ontop_fcontext(rv_fcontext to, void *data,
                                           struct rv_fcontext_transfer (*fn)(
                                               struct rv_fcontext_transfer));

/* Lies on the leaver's stack, which stands still until someone switches back. */
struct rv_context_pass {
    struct rv_context *from;
    struct rv_context *to;
    void *arg;
};

typedef void (*rv_context_entry)(void *arg, struct rv_context *from);

/* 0, or -ENOTSUP where a user shadow stack is on, which fcontext would corrupt. */
int rv_context_is_supported(void);

/* Prepares ctx to call entry(arg of the first switch, context it came from) on [low, high).
 * entry never returns: it ends in rv_context_exit_switch. */
void rv_context_make(struct rv_context *ctx, void *stack_low, void *stack_high,
                     rv_context_entry entry);
/* The calling thread's own stack; on that thread, before its first switch. */
void rv_context_init_thread(struct rv_context *ctx);
/* Not from within ctx itself. Contexts made anew on a reused struct need it in between. */
void rv_context_fini(struct rv_context *ctx);

/* The last switch of `from`, whose stack may be reused as soon as `to` runs. */
#if RV_CONTEXT_HOOKS || !defined(__x86_64__)
RV_NORETURN void rv_context_exit_switch(struct rv_context *from, struct rv_context *to, void *arg);
#endif

#if RV_CONTEXT_HOOKS
void *rv_context_switch(struct rv_context *from, struct rv_context *to, void *arg);
#else
/*
 * jump_fcontext, called so that the processor's stack of predicted returns stays in step. fcontext
 * is entered by a call but left by a jump, so each switch leaves one entry too many there, and all
 * the returns from the switch up to the user's code are mispredicted. context.c has the thunk.
 */
#if defined(__x86_64__)
struct rv_fcontext_transfer rv_context_jump(rv_fcontext to, void *data);
#else
#define rv_context_jump jump_fcontext
#endif

/*
 * fcontext loads the MXCSR that a context saved. Loading a value other than the present one costs
 * 60 ns on Zen 5 (4 ns if equal), and the sticky exception flags make almost any two contexts
 * differ once one of them has computed with floats. The control bits (rounding, masks) belong to
 * the context; its flags become the thread's, as they are between function calls.
 */
static RV_ALWAYS_INLINE void rv_context_keep_fp_flags(struct rv_context *to)
{
#if defined(__x86_64__)
    const uint32_t flags = 0x3f;
    uint32_t *saved = to->sp; /* the frame's first word */
    uint32_t now = __builtin_ia32_stmxcsr();

    if (((now ^ *saved) & ~flags) == 0)
        *saved = now;
#else
    (void)to;
#endif
}

/* Saves the caller into `from`, continues `to`; returns the arg of the switch that comes back. */
static RV_ALWAYS_INLINE void *rv_context_switch(struct rv_context *from, struct rv_context *to,
                                                void *arg)
{
    struct rv_context_pass pass = {from, to, arg};
    rv_context_keep_fp_flags(to);
    struct rv_fcontext_transfer back = rv_context_jump(to->sp, &pass);
    const struct rv_context_pass *got = back.data;

    got->from->sp = back.fctx;
    return got->arg;
}

#if defined(__x86_64__)
/* Inline, and a jump: whatever is called and not returned from upsets the predicted returns. */
RV_NORETURN static RV_ALWAYS_INLINE void rv_context_exit_switch(struct rv_context *from,
                                                                struct rv_context *to, void *arg)
{
    struct rv_context_pass pass = {from, to, arg};

    rv_context_keep_fp_flags(to);
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\t" /* below the red zone */
                     "push $0\n\t"
                     "jmp jump_fcontext@PLT"
                     :
                     : "D"(to->sp), "S"(&pass)
                     : "memory");
    __builtin_unreachable();
}
#endif
#endif

#endif
