/* SPDX-License-Identifier: MIT */
/*
 * walk.h - decode a function from its first instruction on, along every direct branch.
 */
#ifndef TULOU_RUNTIME_CODE_WALK_H
#define TULOU_RUNTIME_CODE_WALK_H

#include <Zydis/Zydis.h>

#include "runtime/code/site.h"

enum { WALK_PENDING_MAX = 256, WALK_BITS = 8 };

struct walk {
	ZydisDecoder decoder;
	const uint8_t *code;
	size_t size;
	size_t pending[WALK_PENDING_MAX]; /* branch targets that were not walked yet */
	unsigned pending_count;
	bool open; /* a branch that nobody can follow, or out of the function: somebody may come back anywhere */
	uint8_t seen[CODE_FUNCTION_MAX / WALK_BITS]; /* starts of instructions */
	uint8_t targets[CODE_FUNCTION_MAX / WALK_BITS]; /* of branches */
};

struct instruction {
	ZydisDecodedInstruction head;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

/* From code[0] on. False: no decoder. */
bool walk_begin(struct walk *w, const uint8_t *code, size_t size);
/* Where to go on after a run has ended; false: all was walked. */
bool walk_next(struct walk *w, size_t *at);
/* The instruction at `at`, if it was not seen yet, without its operands, which cost as much again; false: the run ends. */
bool walk_decode(struct walk *w, size_t at, ZydisDecodedInstruction *in);
/* Note where the instruction branches to. False: what stands behind it is not reached by it. */
bool walk_follow(struct walk *w, size_t at, const ZydisDecodedInstruction *in);
/* All of the instruction at `at`, whatever was walked. */
bool walk_decode_at(const struct walk *w, size_t at, struct instruction *in);

static inline bool walk_bit(const uint8_t *bits, size_t at)
{
	return bits[at / WALK_BITS] >> (at % WALK_BITS) & 1;
}

/* One that only moves data or computes, and does so from anywhere. (One that faults does so in the trampoline; the runtime
 * moves the context back.) */
bool walk_may_move(const struct instruction *in);
/* One more instruction at the end of the piece. False: no room for it. */
bool walk_append(struct code_piece *piece, const struct instruction *in, size_t most);

#endif
