/* SPDX-License-Identifier: MIT */
/*
 * entry.h - what entry.S defines, but for frame_return (frame.h) and clone_task (process/task.h).
 */
#ifndef TULOU_RUNTIME_ENTRY_H
#define TULOU_RUNTIME_ENTRY_H

#include <stdint.h>

/* Where a signal handler returns to: rt_sigreturn. */
void frame_restorer(void);
/* Where a handler on the guest's alternate stack returns to. The bytes are those by which unwinders know a signal frame; its system
 * call, and no other rt_sigreturn, is trapped (signal.c: trap_rt_sigreturn). */
void signal_restorer(void), signal_restorer_syscall(void);
/* Clear bit `bit` of `*word`, after which the stack may be another's, and end the task. */
_Noreturn void thread_leave_now(uint64_t *word, uint64_t bit, int status);
/* Go on in `function` on another stack. */
_Noreturn void runtime_switch(void *stack_top, void (*function)(void *), void *argument);
/* stub.h */
void stub_call(void), stub_call_r10(void), stub_call_r8(void), stub_call_r9(void), stub_call_rdi(void);

#endif
