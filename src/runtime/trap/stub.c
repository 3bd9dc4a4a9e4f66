/* SPDX-License-Identifier: MIT */
#include "runtime/trap/stub.h"

#include <asm-generic/errno-base.h>

#include "base/mem.h"
#include "runtime/trap/entry.h"
#include "runtime/user.h"

static void (*const stubs[])(void) = {stub_call, stub_call_judged, stub_call_r10, stub_call_r8, stub_call_r9, stub_call_rdi};

static uint64_t *stub_register(struct registers *regs, enum stub stub)
{
	switch (stub) {
	case STUB_CALL_R10:
		return &regs->r10;
	case STUB_CALL_R8:
		return &regs->r8;
	case STUB_CALL_R9:
		return &regs->r9;
	case STUB_CALL_RDI:
		return &regs->rdi;
	default:
		return NULL;
	}
}

/* The guest has no stack to make it on. No signal could have interrupted it there but one that has a stack of its own. */
static long call_from_here(const struct registers *r)
{
	return sys6((long)r->rax, (long)r->rdi, (long)r->rsi, (long)r->rdx, (long)r->r10, (long)r->r8, (long)r->r9);
}

long stub_enter(struct frame *frame, enum stub stub, uint64_t value, const void *room, size_t room_size)
{
	struct registers *regs = &frame->context.regs;
	uint64_t *exchanged = stub_register(regs, stub);
	uint64_t words[8] = {regs->rip, exchanged ? *exchanged : 0};

	memcpy(&words[2], room, room_size);
	if (user_write(regs->rsp - STUB_SIZE, words, sizeof words) < 0)
		return stub == STUB_CALL ? call_from_here(regs) : -EFAULT;
	if (exchanged)
		*exchanged = value;
	regs->rsp -= STUB_SIZE;
	regs->rip = (uint64_t)stubs[stub];
	return TRAP_DONE;
}
