/* SPDX-License-Identifier: MIT */
#include "runtime/trap/frame.h"

#include "base/mem.h"

/* The software part of the FXSAVE area says how long the whole is (struct _fpx_sw_bytes). */
enum { FPSTATE_LEGACY = 512, FPSTATE_SOFTWARE = 464 };
#define FPSTATE_MAGIC 0x46505853u

#define EFLAGS_INTERRUPTS 0x202u

static size_t fpstate_size(uint64_t fpstate)
{
	const uint32_t *software = (const uint32_t *)(fpstate + FPSTATE_SOFTWARE);
	if (!fpstate)
		return 0;
	return software[0] == FPSTATE_MAGIC ? software[1] : FPSTATE_LEGACY;
}

static struct frame *frame_place(uintptr_t below)
{
	return (struct frame *)(((below - sizeof(struct frame)) & ~15ul) - 8);
}

static uintptr_t fpstate_place(uintptr_t top, size_t size)
{
	return (top - size) & ~63ul;
}

uintptr_t frame_copy_place(uintptr_t top, const struct frame *from)
{
	return (uintptr_t)frame_place(fpstate_place(top, fpstate_size(from->context.regs.fpstate)));
}

struct frame *frame_copy(uintptr_t top, const struct frame *from)
{
	size_t size = fpstate_size(from->context.regs.fpstate);
	uintptr_t fpstate = fpstate_place(top, size);
	struct frame *frame = frame_place(fpstate);

	memcpy(frame, from, sizeof *frame);
	if (size) {
		memcpy((void *)fpstate, (const void *)from->context.regs.fpstate, size);
		frame->context.regs.fpstate = fpstate;
	}
	return frame;
}

struct frame *frame_fresh(uintptr_t top)
{
	struct frame *frame = frame_place(top);

	memset(frame, 0, sizeof *frame);
	frame->context.flags = FRAME_SIGCONTEXT_SS | FRAME_STRICT_RESTORE_SS;
	frame->context.regs.cs = FRAME_USER_CS;
	frame->context.regs.ss = FRAME_USER_SS;
	frame->context.regs.eflags = EFLAGS_INTERRUPTS;
	return frame;
}
