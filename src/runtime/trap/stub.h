/* SPDX-License-Identifier: MIT */
/*
 * stub.h - make a trapped call on the guest's own context (entry.S): for calls that may wait, where signals must get through.
 *
 *     guest's stack pointer ─┐
 *                            ├ 128 bytes: red zone, untouched
 *                            ├ room for copies of arguments (stub_room)
 *                            ├ the register that was exchanged
 *     new stack pointer    ──┴ return address
 */
#ifndef TULOU_RUNTIME_STUB_H
#define TULOU_RUNTIME_STUB_H

#include "runtime/trap/trap.h"

enum { STUB_SIZE = 192, STUB_ROOM = 16 };

enum stub { STUB_CALL, STUB_CALL_JUDGED, STUB_CALL_R10, STUB_CALL_R8, STUB_CALL_R9, STUB_CALL_RDI };

/* Where the copies of arguments lie once stub_enter has run (48 bytes). */
static inline uint64_t stub_room(const struct frame *frame)
{
	return frame->context.regs.rsp - STUB_SIZE + STUB_ROOM;
}

/* Send the guest to the stub: `value` replaces the register that the stub names (and restores afterwards); `room` is put into
 * the room for copies. Returns TRAP_DONE. Where the guest's stack cannot be written: the result of the call, made here (STUB_CALL), else
 * -EFAULT. */
long stub_enter(struct frame *frame, enum stub stub, uint64_t value, const void *room, size_t room_size);

#endif
