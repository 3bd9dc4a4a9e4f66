/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "runtime/code/walk.h"

/* ---- walking --------------------------------------------------------------------------------------------------------------- */

static void bit_set(uint8_t *bits, size_t at)
{
	bits[at / WALK_BITS] |= (uint8_t)(1u << (at % WALK_BITS));
}

bool walk_begin(struct walk *w, const uint8_t *code, size_t size)
{
	memset(w, 0, sizeof *w);
	w->code = code;
	w->size = size;
	w->pending[w->pending_count++] = 0;
	return ZYAN_SUCCESS(ZydisDecoderInit(&w->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64));
}

bool walk_next(struct walk *w, size_t *at)
{
	if (!w->pending_count)
		return false;
	*at = w->pending[--w->pending_count];
	return true;
}

bool walk_decode_at(const struct walk *w, size_t at, struct instruction *in)
{
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&w->decoder, w->code + at, w->size - at, &in->head, in->operands));
}

bool walk_decode(struct walk *w, size_t at, ZydisDecodedInstruction *in)
{
	if (at >= w->size || walk_bit(w->seen, at))
		return false;
	bit_set(w->seen, at);
	if (ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&w->decoder, NULL, w->code + at, w->size - at, in)))
		return true;
	w->open = true; /* who knows what is there */
	return false;
}

static void branch_note(struct walk *w, uint64_t to)
{
	if (to >= w->size) {
		w->open = true;
		return;
	}
	bit_set(w->targets, to);
	if (walk_bit(w->seen, to))
		return;
	if (w->pending_count < WALK_PENDING_MAX)
		w->pending[w->pending_count++] = to;
	else
		w->open = true;
}

bool walk_follow(struct walk *w, size_t at, const ZydisDecodedInstruction *in)
{
	bool conditional = in->meta.category == ZYDIS_CATEGORY_COND_BR;

	if (in->meta.category == ZYDIS_CATEGORY_RET || in->mnemonic == ZYDIS_MNEMONIC_HLT || in->mnemonic == ZYDIS_MNEMONIC_UD2)
		return false;
	if (!conditional && in->meta.category != ZYDIS_CATEGORY_UNCOND_BR)
		return true; /* calls come back: the unwind table says that the function goes on */
	if (in->raw.imm[0].is_relative)
		branch_note(w, at + in->length + (uint64_t)in->raw.imm[0].value.s);
	else
		w->open = true;
	return conditional;
}

/* ---- what may be moved ----------------------------------------------------------------------------------------------------- */

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

/* Segment registers can fault in ways of their own. */
static bool operand_may_move(const ZydisDecodedOperand *operand)
{
	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER || !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
		return operand->type != ZYDIS_OPERAND_TYPE_POINTER;
	return ZydisRegisterGetClass(operand->reg.value) != ZYDIS_REGCLASS_SEGMENT;
}

bool walk_may_move(const struct instruction *in)
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

bool walk_append(struct code_piece *piece, const struct instruction *in, size_t most)
{
	if (piece->length + in->head.length > most)
		return false;
	if (is_relative(in)) {
		if (piece->relative_count == CODE_RELATIVE_MAX || in->head.raw.disp.size != 32)
			return false;
		piece->relative[piece->relative_count++] = (uint8_t)(piece->length + in->head.raw.disp.offset);
	}
	piece->length += in->head.length;
	return true;
}
