// SPDX-License-Identifier: MIT
/*
 * Purpose: the return of a landing (landing.h): the one place where a return is not a `ret`.
 */
#include "core/landing.h"

#if defined(__x86_64__) && !RV_CONTEXT_HOOKS
/* `notrack`: where indirect branches are tracked, a return address is no declared target. */
__asm__(".pushsection .text\n"
        ".p2align 4\n"
        ".globl rv_landing_call\n"
        ".hidden rv_landing_call\n"
        ".type rv_landing_call, @function\n"
        "rv_landing_call:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    subq $8, %rsp\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    call *%r8\n"
        "    addq $8, %rsp\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    testl %edx, %edx\n"
        "    jne 1f\n"
        "    ret\n"
        "1:  popq %rcx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_register %rip, %rcx\n"
        "    notrack jmp *%rcx\n"
        "    .cfi_endproc\n"
        ".size rv_landing_call, . - rv_landing_call\n"
        ".popsection\n");
#endif
