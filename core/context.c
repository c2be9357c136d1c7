// SPDX-License-Identifier: MIT
/*
 * Purpose: the first frame of a context, and the switch of the sanitizer builds.
 * Idea:    make leaves the entry function in a word above fcontext's own frame; the trampoline
 *          finds it by the still unchanged stack pointer of the context switched to. It has no
 *          caller: .cfi_undefined ends every unwinder there.
 *          Under ASan both sides announce the change of stack, and each arrival tells the bounds of
 *          the stack that was left, which is how a thread's own stack becomes known. Under TSan the
 *          fiber changes right before the jump, in functions that are not instrumented.
 * Threads: see the header.
 */
#include "core/context.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "core/check.h"
#include "core/os.h"

#if RV_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if RV_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if RV_VALGRIND
#include <valgrind/valgrind.h>
#endif

/* Bytes between the stack pointer of a fresh context and the end of the area given to it, as Boost
 * lays it out; rv_context_make checks it. */
#if defined(__x86_64__)
#define RV_CONTEXT_FRAME 0x48
#define RV_CONTEXT_NO_CALLER() __asm__ volatile(".cfi_undefined rip")
#elif defined(__aarch64__)
#define RV_CONTEXT_FRAME 0xb0
#define RV_CONTEXT_NO_CALLER() __asm__ volatile(".cfi_undefined x30")
#else
#error "core/context.c does not know this processor's fcontext frame"
#endif

#if defined(__x86_64__) && !RV_CONTEXT_HOOKS && !defined(__clang__)
#define RV_CONTEXT_ENTER_BY_CALL 0
#else
#define RV_CONTEXT_ENTER_BY_CALL 1
#endif
#define RV_CONTEXT_RETURN_SLOT 0x38 /* rbp of a fresh frame: fcontext pushes it as return address */
#define RV_CONTEXT_ENTRY_BYTES 16 /* the entry word, and the stack's alignment */

#if defined(__x86_64__) && !RV_CONTEXT_HOOKS
/*
 * Where an entry function would return to. It is entered by a jump, not a call, for the same
 * reason: an entry that never returns would leave one more address on the processor's stack.
 * Unwinders see the end of the stack here; the nop is the byte before the return address.
 */
__asm__(".text\n"
        ".p2align 4\n"
        ".hidden rv_context_end\n"
        ".globl rv_context_end\n"
        ".type rv_context_end, @function\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined rip\n"
        "    nop\n"
        "rv_context_end:\n"
        "    call rv_context_has_returned\n"
        "    hlt\n"
        "    .cfi_endproc\n"
        "    .size rv_context_end, . - rv_context_end\n");

extern const char rv_context_end[];
__attribute__((used)) RV_NORETURN void rv_context_has_returned(void);

void rv_context_has_returned(void)
{
    rv_panic("the entry function of a context must not return");
}
#endif

int rv_context_is_supported(void)
{
    return rv_os_has_shadow_stack() ? -ENOTSUP : 0;
}

#if RV_CONTEXT_HOOKS
/* Before the jump; `last`: from will not run again. */
RV_NO_ASAN RV_NO_TSAN static inline void announce(struct rv_context *from, struct rv_context *to,
                                                  int last)
{
#if RV_ASAN
    __sanitizer_start_switch_fiber(last ? NULL : &from->fake_stack, to->stack_bottom,
                                   to->stack_bytes);
#endif
#if RV_TSAN
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
    (void)from;
    (void)to;
    (void)last;
}
#endif

/* First thing after the jump, on the stack of `self`: completes the context that was left. */
RV_NO_ASAN RV_NO_TSAN static inline void arrive(struct rv_context *self, rv_fcontext left_sp,
                                                const struct rv_context_pass *pass)
{
#if RV_ASAN
    __sanitizer_finish_switch_fiber(self->fake_stack, &pass->from->stack_bottom,
                                    &pass->from->stack_bytes);
#endif
    (void)self;
    pass->from->sp = left_sp;
}

RV_NO_ASAN RV_NO_TSAN static void trampoline(struct rv_fcontext_transfer transfer)
{
    const struct rv_context_pass *pass = transfer.data;
    struct rv_context *self = pass->to;
    struct rv_context *from = pass->from;
    void *arg = pass->arg;
    rv_context_entry entry;

    RV_CONTEXT_NO_CALLER();
    memcpy(&entry, (char *)self->sp + RV_CONTEXT_FRAME, sizeof(entry));
    arrive(self, transfer.fctx, pass);
    entry(arg, from); /* without hooks a tail call: a jump */
#if RV_CONTEXT_ENTER_BY_CALL
    rv_panic("the entry function of a context must not return");
#endif
}

void rv_context_make(struct rv_context *ctx, void *stack_low, void *stack_high,
                     rv_context_entry entry)
{
    char *top = (char *)stack_high - RV_CONTEXT_ENTRY_BYTES;

    RV_CHECK((uintptr_t)stack_high % 16 == 0, "the stack's high end %p is 16-aligned", stack_high);
    memset(ctx, 0, sizeof(*ctx));
    memcpy(top, &entry, sizeof(entry));
    ctx->sp = make_fcontext(top, (size_t)(top - (char *)stack_low), trampoline);
#if !RV_CONTEXT_ENTER_BY_CALL
    const char *end = rv_context_end;
    memcpy((char *)ctx->sp + RV_CONTEXT_RETURN_SLOT, &end, sizeof(end));
#endif
    RV_CHECK(top - (char *)ctx->sp == RV_CONTEXT_FRAME, "fcontext's frame has %d bytes, not %d",
             (int)(top - (char *)ctx->sp), RV_CONTEXT_FRAME);
#if RV_ASAN
    ctx->stack_bottom = stack_low;
    ctx->stack_bytes = (size_t)((char *)stack_high - (char *)stack_low);
#endif
#if RV_TSAN
    ctx->fiber = __tsan_create_fiber(0);
    ctx->owns_fiber = 1;
#endif
#if RV_VALGRIND
    ctx->valgrind_id = VALGRIND_STACK_REGISTER(stack_low, stack_high);
#endif
}

void rv_context_init_thread(struct rv_context *ctx)
{
    memset(ctx, 0, sizeof(*ctx));
#if RV_TSAN
    ctx->fiber = __tsan_get_current_fiber();
#endif
}

void rv_context_fini(struct rv_context *ctx)
{
#if RV_TSAN
    if (ctx->owns_fiber)
        __tsan_destroy_fiber(ctx->fiber);
#endif
#if RV_VALGRIND
    VALGRIND_STACK_DEREGISTER(ctx->valgrind_id);
#endif
    memset(ctx, 0, sizeof(*ctx));
}

#if RV_CONTEXT_HOOKS
RV_NO_ASAN RV_NO_TSAN void *rv_context_switch(struct rv_context *from, struct rv_context *to,
                                              void *arg)
{
    struct rv_context_pass pass = {from, to, arg};
    struct rv_fcontext_transfer back;
    const struct rv_context_pass *got;
    void *got_arg;

    announce(from, to, 0);
    back = jump_fcontext(to->sp, &pass);
    got = back.data;
    got_arg = got->arg;
    arrive(from, back.fctx, got);
    return got_arg;
}
#endif

#if RV_CONTEXT_HOOKS || !defined(__x86_64__)
RV_NO_ASAN RV_NO_TSAN void rv_context_exit_switch(struct rv_context *from, struct rv_context *to,
                                                  void *arg)
{
    struct rv_context_pass pass = {from, to, arg};

#if RV_CONTEXT_HOOKS
    announce(from, to, 1);
#endif
    (void)jump_fcontext(to->sp, &pass);
    rv_panic("a context that has ended was switched to");
}
#endif
