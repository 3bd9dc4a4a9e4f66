/* SPDX-License-Identifier: MIT */
#include <Zydis/Zydis.h>

#include "base/mem.h"
#include "runtime/code/site.h"

const bool code_decoder = true;

enum { PENDING_MAX = 256, MOV_EAX = 0xb8, BITS = 8 };

/* A walk over one function. */
struct walk {
	ZydisDecoder decoder;
	const uint8_t *code;
	size_t size, syscall_at;
	uint32_t nr;
	struct code_piece *piece; /* as far as the run has come; length 0: no mov yet */
	size_t pending[PENDING_MAX]; /* branch targets that were not walked yet */
	unsigned pending_count;
	uint8_t seen[CODE_FUNCTION_MAX / BITS]; /* starts of instructions */
};

struct instruction {
	ZydisDecodedInstruction head;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

static bool seen_before(struct walk *w, size_t at)
{
	bool before = w->seen[at / BITS] >> (at % BITS) & 1;

	w->seen[at / BITS] |= (uint8_t)(1u << (at % BITS));
	return before;
}

static bool decode(const struct walk *w, size_t at, struct instruction *in)
{
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&w->decoder, w->code + at, w->size - at, &in->head, in->operands));
}

/* ---- what may stand between mov and syscall ------------------------------------------------------------------------------------ */

/* Instructions that only move data. One that faults does so in the trampoline; the runtime moves the context back. */
static bool moves_data(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_LEA:
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_OR:
	case ZYDIS_MNEMONIC_AND:
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_SHL:
	case ZYDIS_MNEMONIC_SHR:
	case ZYDIS_MNEMONIC_NOP:
		return true;
	default:
		return false;
	}
}

/* rax holds the number; segment registers can fault in ways of their own. */
static bool operand_may_move(const ZydisDecodedOperand *operand)
{
	ZydisRegister reg;

	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER || !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
		return operand->type != ZYDIS_OPERAND_TYPE_POINTER;
	reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand->reg.value);
	return reg != ZYDIS_REGISTER_RAX && ZydisRegisterGetClass(operand->reg.value) != ZYDIS_REGCLASS_SEGMENT;
}

static bool may_move(const struct instruction *in)
{
	if (!moves_data(in->head.mnemonic))
		return false;
	for (unsigned i = 0; i < in->head.operand_count; i++)
		if (!operand_may_move(&in->operands[i]))
			return false;
	return true;
}

static bool is_relative(const struct instruction *in)
{
	for (unsigned i = 0; i < in->head.operand_count; i++)
		if (in->operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY && in->operands[i].mem.base == ZYDIS_REGISTER_RIP)
			return true;
	return false;
}

static bool is_mov_number(const struct walk *w, size_t at, const struct instruction *in)
{
	uint32_t number;

	if (in->head.length != CODE_JUMP_SIZE || w->code[at] != MOV_EAX)
		return false;
	memcpy(&number, w->code + at + 1, sizeof number);
	return number == w->nr;
}

/* One more instruction of the run. */
static void piece_extend(struct walk *w, size_t at, const struct instruction *in)
{
	struct code_piece *piece = w->piece;

	if (is_mov_number(w, at, in)) {
		*piece = (struct code_piece){.start = at, .length = in->head.length};
		return;
	}
	if (!piece->length)
		return;
	if (!may_move(in) || piece->length + in->head.length > CODE_PIECE_MAX) {
		piece->length = 0;
		return;
	}
	if (is_relative(in)) {
		unsigned i = piece->relative_count++;

		if (i == CODE_RELATIVE_MAX || in->head.raw.disp.size != 32) {
			piece->length = 0;
			return;
		}
		piece->relative[i] = (uint8_t)(piece->length + in->head.raw.disp.offset);
	}
	piece->length += in->head.length;
}

/* ---- walking ------------------------------------------------------------------------------------------------------------------- */

/* A direct branch: its target is an instruction too. Returns false when the run ends here. */
static bool follow(struct walk *w, size_t at, const struct instruction *in)
{
	const ZydisDecodedOperand *target = &in->operands[0];
	bool conditional = in->head.meta.category == ZYDIS_CATEGORY_COND_BR;

	if (in->head.meta.category == ZYDIS_CATEGORY_RET || in->head.mnemonic == ZYDIS_MNEMONIC_HLT ||
		in->head.mnemonic == ZYDIS_MNEMONIC_UD2)
		return false;
	if (!conditional && in->head.meta.category != ZYDIS_CATEGORY_UNCOND_BR)
		return true; /* calls come back: the unwind table says that the function goes on */
	if (target->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && target->imm.is_relative) {
		uint64_t to = at + in->head.length + target->imm.value.u;
		if (to < w->size && w->pending_count < PENDING_MAX)
			w->pending[w->pending_count++] = (size_t)to;
	}
	return conditional;
}

/* What follows must not look at flags: a call by jump changes them, where a real one would not. */
static bool flags_are_dead(const struct walk *w)
{
	struct instruction in;

	if (!decode(w, w->syscall_at + CODE_SYSCALL_SIZE, &in))
		return false;
	return !in.head.cpu_flags || !in.head.cpu_flags->tested;
}

/* Decode from `at` on. CODE_UNREACHED: the run has ended elsewhere. */
static enum code_result run(struct walk *w, size_t at)
{
	struct instruction in;

	w->piece->length = 0;
	while (at < w->size && !seen_before(w, at) && decode(w, at, &in)) {
		if (at == w->syscall_at) {
			bool good = in.head.mnemonic == ZYDIS_MNEMONIC_SYSCALL && w->piece->length && flags_are_dead(w);
			return good ? CODE_OK : CODE_FORM;
		}
		piece_extend(w, at, &in);
		if (!follow(w, at, &in))
			return CODE_UNREACHED;
		at += in.head.length;
	}
	return CODE_UNREACHED;
}

enum code_result code_piece_find(const uint8_t *code, size_t size, size_t syscall_at, uint32_t nr, struct code_piece *out)
{
	struct walk w;
	enum code_result result = CODE_UNREACHED;

	if (size > CODE_FUNCTION_MAX || syscall_at + CODE_SYSCALL_SIZE >= size)
		return CODE_UNREACHED;
	memset(&w, 0, sizeof w);
	w.code = code;
	w.size = size;
	w.syscall_at = syscall_at;
	w.nr = nr;
	w.piece = out;
	if (!ZYAN_SUCCESS(ZydisDecoderInit(&w.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
		return CODE_NO_DECODER;
	w.pending[w.pending_count++] = 0;
	while (w.pending_count && result == CODE_UNREACHED)
		result = run(&w, w.pending[--w.pending_count]);
	return result;
}
