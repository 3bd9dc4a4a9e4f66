/* SPDX-License-Identifier: MIT */
/*
 * fast.h - a call from a patched site: no signal, no kernel, but for what the call itself needs.
 *
 *     site: jmp ─▶ trampoline (patch.h): mov $nr,%eax …, rcx = behind the syscall ─▶ fast_entry ─▶ fast_call() ─▶ back behind the syscall
 *                                                                                   │ own stack: the thread's block, found by %gs
 *
 * Signals are not blocked meanwhile. All handlers of guests are entered through signal_enter (signal.c), which asks fast_signal():
 *
 *     where the signal arrived                     what becomes of it
 *     inside fast_call() (`active`)                it is kept, and all others are blocked, until the call is done (fast_requeue)
 *     in the trampoline, in fast_entry             the guest's context is moved back to its own `syscall`
 *     behind the call, before the site             … to behind its `syscall`, with the result
 *
 * So a handler never sees an address or a stack of ours, a handler that jumps away leaves no lock held, and one that calls in
 * again finds the path free.
 *
 * A task that is made goes on behind the site as its creator does (fast_child): clone(2) has given it all that is not in `frame`.
 *
 * %gs: its base is the thread's block. A guest that sets it (arch_prctl, wrgsbase) has it for itself: fast_entry sees that it is
 * none of our blocks, and makes the call by the site's own `syscall`, which is trapped.
 */
#ifndef TULOU_RUNTIME_FAST_H
#define TULOU_RUNTIME_FAST_H

/* Offsets in struct thread for entry.S; fast.c asserts them. */
#define FAST_ACTIVE   512
#define FAST_DEFERRED 516
#define FAST_MASK     520
#define FAST_TOP      528
#define FAST_PASS_RSI 536
#define FAST_FRAME    544
#define FAST_R8       592
#define FAST_R9       600
#define FAST_R10      608
#define FAST_R12      624
#define FAST_R13      632
#define FAST_R14      640
#define FAST_R15      648
#define FAST_RDI      656
#define FAST_RSI      664
#define FAST_RBP      672
#define FAST_RBX      680
#define FAST_RDX      688
#define FAST_RAX      696
#define FAST_RSP      712
#define FAST_RIP      720
/* The upper half of every block's address (layout.h). */
#define FAST_BLOCKS 0x7200

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

#include "runtime/trap/frame.h"

struct thread;

struct fast {
	uint32_t active; /* 1: in fast_call() */
	uint32_t deferred; /* the signal that arrived meanwhile; 0: none */
	uint64_t mask; /* the guest's, when one did */
	uint64_t top; /* of the block */
	uint64_t pass_rsi; /* argument 2 as the kernel shall see it when the guest's own call is made (rt_sigprocmask) */
	/* Only regs, without r11, rcx and flags: rip is where the guest goes on; of calls that make or end tasks its mask. */
	struct frame frame;
	struct siginfo info; /* of the deferred signal */
	uint64_t set; /* a mask without SIGSYS */
	bool sigsys_undo; /* the call changes thread->sigsys_blocked, and it was: */
	bool sigsys_before;
};

/* Is there a way without traps for this call? */
bool fast_answers(unsigned nr);
/* Is this the frame of a call from a patched site? */
bool fast_is(const struct thread *thread, const struct frame *frame);
/* In the task itself, before it enters guest code: %gs is its block's. */
void fast_begin(struct thread *thread);
/* For the block of a task that `creator` is about to make in a call from a patched site: with the stack `stack`, or the creator's
 * (0). */
void fast_prepare(struct thread *child, const struct thread *creator, uint64_t stack);
/* In that task, on its block's stack: enter guest code. */
_Noreturn void fast_enter(struct thread *thread);
/* Is %gs the block's, or has the guest taken it? */
bool fast_has_gs(const struct thread *thread);
/* A signal has arrived, with `frame` as the kernel laid it: make its context one that the guest may see. True: not now, return. A
 * SIGSYS may stand for another one, which was kept: *signo and the frame's info then are that one's. */
bool fast_signal(struct thread *thread, struct frame *frame, int *signo);

/* entry.S */
void fast_entry(void), fast_switch(void), fast_leave(void), fast_pass(void), fast_leave_end(void), fast_refuse(void),
	fast_refuse_end(void);
_Noreturn void fast_child(void);
#endif
#endif
