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

#include <stdbool.h>
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
/*
 * The control bits of floating point (rounding, masked exceptions) that the caller computes with,
 * and those that a context which has not run yet is to begin with; else it gets those of whoever
 * makes it. On x86-64 they travel with a context from then on; elsewhere they are the thread's.
 */
static inline uint64_t rv_context_float_mode(void)
{
#if defined(__x86_64__)
    uint16_t x87;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return (__builtin_ia32_stmxcsr() & ~UINT32_C(0x3f)) | (uint64_t)x87 << 32;
#else
    return 0;
#endif
}

static inline void rv_context_set_float_mode(struct rv_context *ctx, uint64_t mode)
{
#if defined(__x86_64__)
    uint32_t *frame = ctx->sp; /* MXCSR, then the x87 control word */
    frame[0] = (uint32_t)mode;
    frame[1] = (uint32_t)(mode >> 32);
#else
    (void)ctx;
    (void)mode;
#endif
}

/* The caller goes on with this mode, the flags as they are. */
static inline void rv_context_use_float_mode(uint64_t mode)
{
#if defined(__x86_64__)
    uint16_t x87 = (uint16_t)(mode >> 32);
    __asm__ volatile("fldcw %0" : : "m"(x87));
    __builtin_ia32_ldmxcsr((uint32_t)mode | (__builtin_ia32_stmxcsr() & UINT32_C(0x3f)));
#else
    (void)mode;
#endif
}

/* The calling thread's own stack; on that thread, before its first switch. */
void rv_context_init_thread(struct rv_context *ctx);
/* Not from within ctx itself. Contexts made anew on a reused struct need it in between. */
void rv_context_fini(struct rv_context *ctx);

/* From the next context, after rv_context_rest: true if ctx can be switched to as it is. */
static inline bool rv_context_retire(struct rv_context *ctx)
{
#if RV_CONTEXT_HOOKS
    rv_context_fini(ctx);
    return ctx->sp != NULL;
#else
    (void)ctx;
    return true;
#endif
}

/* Of a context that may be running, elsewhere too: asks for the frames it would go on with. A look
 * behind the compiler's back, as nothing is done with what it sees. */
static RV_ALWAYS_INLINE void rv_context_prefetch(const struct rv_context *ctx)
{
#if defined(__x86_64__) && !RV_CONTEXT_HOOKS
    uintptr_t sp; /* a number: one that runs has none, and what lies behind NULL is no address */
    __asm__ volatile("movq %1, %0" : "=r"(sp) : "m"(ctx->sp));
    __builtin_prefetch((const void *)sp, 1);
    __builtin_prefetch((const void *)(sp + RV_CACHE_LINE), 1);
    __builtin_prefetch((const void *)(sp + 2 * RV_CACHE_LINE), 1);
#else
    (void)ctx;
#endif
}

/* The last switch of `from`, whose stack may be reused as soon as `to` runs. */
#if RV_CONTEXT_HOOKS || !defined(__x86_64__)
RV_NORETURN void rv_context_exit_switch(struct rv_context *from, struct rv_context *to, void *arg);
#endif

/*
 * The last switch of a life: `from` may rest, to be switched to again as if it were new, or not.
 * Resting it keeps its frames on its stack and needs no rv_context_make; then this returns. The
 * hooks of the sanitizers want an end: there `from` is made anew.
 */
#if RV_CONTEXT_HOOKS
#define rv_context_rest rv_context_exit_switch
#else
#define rv_context_rest rv_context_switch
#endif

#if RV_CONTEXT_HOOKS
void *rv_context_switch(struct rv_context *from, struct rv_context *to, void *arg);
#else
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

    if (RV_UNLIKELY(now != *saved) && ((now ^ *saved) & ~flags) == 0)
        *saved = now;
#else
    (void)to;
#endif
}

/*
 * jump_fcontext is left by a jump, so a call of it leaves an entry too many on the processor's
 * stack of predicted returns, and all returns from the switch up to the user's code are
 * mispredicted. Hence a jump into it, with the return address pushed by hand: neither side of a
 * switch touches the predicted returns. An eager child's parent finds them as it left them; in a
 * ring of tasks that stopped in the same calls they are right for the next one. Needs
 * -mno-red-zone (tools/cmake/options.cmake).
 */
static RV_ALWAYS_INLINE struct rv_fcontext_transfer rv_context_jump(rv_fcontext to, void *data)
{
#if defined(__x86_64__)
    struct rv_fcontext_transfer got;
    __asm__ volatile("leaq 1f(%%rip), %%rcx\n\t"
                     "pushq %%rcx\n\t"
                     "jmp jump_fcontext@PLT\n"
                     "1:"
                     : "=a"(got.fctx), "=d"(got.data), "+D"(to), "+S"(data)
                     :
                     : "rcx", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2",
                       "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13", "xmm14", "xmm15"
#if defined(__AVX512F__)
                       , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",
                       "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31",
                       "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#endif
    );
    return got;
#else
    return jump_fcontext(to, data);
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
    __asm__ volatile("push $0\n\t"
                     "jmp jump_fcontext@PLT"
                     :
                     : "D"(to->sp), "S"(&pass)
                     : "memory");
    __builtin_unreachable();
}
#endif
#endif

#endif
