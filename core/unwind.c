// SPDX-License-Identifier: MIT
/*
 * Purpose: the return addresses on a stack. unwind.h has the idea.
 * Idea:    the unwinder starts where it is called. For a context that stands still, walk_context
 *          calls it from a frame whose unwind information is not true of the caller but of the
 *          saved registers: "my caller's frame is the one in that fcontext record".
 *
 *              x86-64, from the saved stack pointer     aarch64
 *              0x00  MXCSR, x87 control word            0x00  d8 .. d15
 *              0x10  r12, r13, r14, r15                 0x40  x19 .. x28
 *              0x30  rbx                                0x90  x29, x30
 *              0x38  rbp                                0xa0  pc
 *              0x40  return address
 *
 *          rv_context_make checks the size of this record. So this file is the second one, after
 *          context.c, that knows what fcontext saves.
 * Threads: any.
 * Rejected: frame pointers (users' code has none); running the unwinder on the other stack (needs
 *          5 KB there, and it may be nearly full: that may be why somebody looks).
 */
#include "core/unwind.h"

#include <stdbool.h>
#include <stdint.h>
#include <unwind.h>

#include "core/base.h"

struct walk {
    const void *from; /* skip frames until this return address; NULL: no more to skip */
    bool is_skipped;  /* .. and skip that one too */
    void **pcs;
    size_t n;
    size_t capacity;
};

static _Unwind_Reason_Code visit(struct _Unwind_Context *frame, void *arg)
{
    struct walk *walk = arg;
    void *pc = (void *)(uintptr_t)_Unwind_GetIP(frame);

    if (pc == NULL || walk->n == walk->capacity)
        return _URC_END_OF_STACK;
    if (walk->from == pc) {
        walk->from = NULL;
        if (walk->is_skipped)
            return _URC_NO_REASON;
    }
    if (walk->from == NULL)
        walk->pcs[walk->n++] = pc;
    return _URC_NO_REASON;
}

RV_NOINLINE size_t rv_unwind_self(const void *from, void *pcs[], size_t capacity)
{
    if (from == NULL)
        from = __builtin_return_address(0);
    struct walk walk = {.from = from, .pcs = pcs, .capacity = capacity};

    (void)_Unwind_Backtrace(visit, &walk);
    return walk.n;
}

/* Calls fn(arg) as if from the frame whose registers are saved at sp. */
void rv_unwind_call_at(const void *sp, void (*fn)(void *arg), void *arg)
    __attribute__((visibility("hidden")));

#if defined(__x86_64__)
__asm__(".text\n"
        ".hidden rv_unwind_call_at\n"
        ".globl rv_unwind_call_at\n"
        ".type rv_unwind_call_at, @function\n"
        "rv_unwind_call_at:\n"
        ".cfi_startproc\n"
        "    pushq %rbx\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset rbx, -16\n"
        "    movq %rdi, %rbx\n"
        "    movq %rdx, %rdi\n"
        ".cfi_remember_state\n"
        ".cfi_def_cfa rbx, 0x48\n"
        ".cfi_offset rip, -0x08\n"
        ".cfi_offset rbp, -0x10\n"
        ".cfi_offset rbx, -0x18\n"
        ".cfi_offset r15, -0x20\n"
        ".cfi_offset r14, -0x28\n"
        ".cfi_offset r13, -0x30\n"
        ".cfi_offset r12, -0x38\n"
        "    call *%rsi\n"
        ".cfi_restore_state\n"
        "    popq %rbx\n"
        ".cfi_def_cfa_offset 8\n"
        ".cfi_restore rbx\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size rv_unwind_call_at, . - rv_unwind_call_at\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".hidden rv_unwind_call_at\n"
        ".globl rv_unwind_call_at\n"
        ".type rv_unwind_call_at, %function\n"
        "rv_unwind_call_at:\n"
        ".cfi_startproc\n"
        "    stp x29, x30, [sp, #-32]!\n"
        ".cfi_def_cfa_offset 32\n"
        ".cfi_offset x29, -32\n"
        ".cfi_offset x30, -24\n"
        "    str x19, [sp, #16]\n"
        ".cfi_offset x19, -16\n"
        "    mov x19, x0\n"
        "    mov x0, x2\n"
        ".cfi_remember_state\n"
        ".cfi_def_cfa x19, 0xb0\n"
        ".cfi_offset x30, -0x10\n"
        ".cfi_offset x29, -0x20\n"
        ".cfi_offset x28, -0x28\n"
        ".cfi_offset x27, -0x30\n"
        ".cfi_offset x26, -0x38\n"
        ".cfi_offset x25, -0x40\n"
        ".cfi_offset x24, -0x48\n"
        ".cfi_offset x23, -0x50\n"
        ".cfi_offset x22, -0x58\n"
        ".cfi_offset x21, -0x60\n"
        ".cfi_offset x20, -0x68\n"
        ".cfi_offset x19, -0x70\n"
        "    blr x1\n"
        ".cfi_restore_state\n"
        "    ldr x19, [sp, #16]\n"
        "    ldp x29, x30, [sp], #32\n"
        ".cfi_def_cfa_offset 0\n"
        ".cfi_restore x29\n"
        ".cfi_restore x30\n"
        ".cfi_restore x19\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size rv_unwind_call_at, . - rv_unwind_call_at\n");
#else
#error "core/unwind.c does not know this processor's fcontext frame"
#endif

/* Skips itself and rv_unwind_call_at: what comes after is the context's. */
RV_NOINLINE static void walk_context(void *arg)
{
    struct walk *walk = arg;

    walk->from = __builtin_return_address(0);
    (void)_Unwind_Backtrace(visit, walk);
}

size_t rv_unwind_context(const struct rv_context *ctx, void *pcs[], size_t capacity)
{
    struct walk walk = {.is_skipped = true, .pcs = pcs, .capacity = capacity};

    rv_unwind_call_at(ctx->sp, walk_context, &walk);
    return walk.n;
}
