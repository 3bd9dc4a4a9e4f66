/* SPDX-License-Identifier: MIT */
/*
 * entry.h - what entry.S defines, but for frame_return (frame.h) and clone_task (process/task.h).
 */
#ifndef TULOU_RUNTIME_ENTRY_H
#define TULOU_RUNTIME_ENTRY_H

#include <stdint.h>

/* Where a signal handler returns to: rt_sigreturn. */
void frame_restorer(void);
/* Where a handler returns to whose frame is not the kernel's to undo. The bytes are those by which unwinders know a signal frame. Its system
 * call is not made, the filter answers, and what follows does it without a trap (fast_sigreturn); without patched sites it is trapped.
 * So is that at signal_return_trap_syscall, and no other rt_sigreturn (signal.c: trap_rt_sigreturn). */
void signal_restorer(void), signal_restorer_syscall(void), signal_return(void), signal_switch(void), signal_leave(void),
	signal_return_trap(void), signal_return_trap_syscall(void), signal_return_end(void);
/* Clear bit `bit` of `*word`, after which the stack may be another's, and end the task. */
_Noreturn void thread_leave_now(uint64_t *word, uint64_t bit, int status);
/* The same, but the filter kills the task. */
_Noreturn void thread_kill_now(uint64_t *word, uint64_t bit);
void thread_kill_syscall(void);
/* Go on in `function` on another stack. */
_Noreturn void runtime_switch(void *stack_top, void (*function)(void *), void *argument);
/* stub.h */
void stub_call(void), stub_call_judged(void), stub_call_r10(void), stub_call_r8(void), stub_call_r9(void), stub_call_rdi(void);

#endif
