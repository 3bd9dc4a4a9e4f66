/* SPDX-License-Identifier: MIT */
/*
 * frame.h - what the kernel pushes when it delivers a signal on x86-64 (arch/x86/include/asm/sigframe.h, asm/sigcontext.h,
 * asm-generic/ucontext.h), and how to leave through one.
 *
 *      low   ┌ return address: the restorer
 *            │ ucontext: alternate stack, registers, signal mask
 *            │ siginfo
 *      high  └ … fpstate (XSAVE area), aligned to 64, where registers.fpstate points
 *
 * A task enters guest code only through rt_sigreturn of such a frame (frame_return): it sets all registers, the mask and the
 * alternate stack in one step.
 */
#ifndef TULOU_RUNTIME_FRAME_H
#define TULOU_RUNTIME_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct signal_stack {
	uint64_t start;
	int32_t flags;
	int32_t pad;
	uint64_t size;
};

enum { FRAME_USER_CS = 0x33, FRAME_USER_SS = 0x2b }; /* 64-bit code, and its data */
enum { FRAME_SIGCONTEXT_SS = 2, FRAME_STRICT_RESTORE_SS = 4 }; /* struct context, flags: UC_… */

#define SIGNAL_STACK_ONSTACK    1
#define SIGNAL_STACK_DISABLE    2
#define SIGNAL_STACK_AUTODISARM (1u << 31)

struct registers {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	uint64_t fpstate;
	uint64_t reserved[8];
};

struct context {
	uint64_t flags;
	uint64_t link;
	struct signal_stack stack;
	struct registers regs;
	uint64_t mask;
};

struct siginfo {
	int32_t signo, error, code, pad;
	union {
		struct {
			uint64_t address;
			int32_t nr;
			uint32_t arch;
		} sys; /* SIGSYS, code SYS_SECCOMP */
		struct {
			int32_t pid;
			uint32_t uid;
		} kill;
		uint8_t bytes[112];
	};
};

struct frame {
	uint64_t restorer;
	struct context context;
	struct siginfo info;
};

_Static_assert(sizeof(struct registers) == 256, "sigcontext");
_Static_assert(offsetof(struct context, mask) == 296, "ucontext");
_Static_assert(sizeof(struct siginfo) == 128, "siginfo");

/* Leave through `frame`, which lies on a stack (8 mod 16, as the kernel lays it). Does not return. */
_Noreturn void frame_return(struct frame *frame);

/* Lay a copy of `from` (with its floating-point state) below `top`. Returns the copy. */
struct frame *frame_copy(uintptr_t top, const struct frame *from);
/* Where that copy would lie. */
uintptr_t frame_copy_place(uintptr_t top, const struct frame *from);
/* A fresh frame below `top`: all registers 0, floating point as at boot. */
struct frame *frame_fresh(uintptr_t top);

#endif
