/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "runtime/code/walk.h"

const bool code_decoder = true;

enum { MOV_EAX = 0xb8 };

struct search {
	struct walk walk;
	size_t syscall_at;
	uint32_t nr;
	struct code_piece *piece; /* as far as the run has come; length 0: no mov yet */
};

/* rax holds the number. */
static bool writes_rax(const struct instruction *in)
{
	for (unsigned i = 0; i < in->head.operand_count; i++) {
		const ZydisDecodedOperand *operand = &in->operands[i];
		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER && operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
			ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand->reg.value) == ZYDIS_REGISTER_RAX)
			return true;
	}
	return false;
}

static bool is_mov_number(const struct search *s, size_t at, size_t length)
{
	uint32_t number;

	if (length != CODE_JUMP_SIZE || s->walk.code[at] != MOV_EAX)
		return false;
	memcpy(&number, s->walk.code + at + 1, sizeof number);
	return number == s->nr;
}

/* One more instruction of the run. */
static void piece_extend(struct search *s, size_t at, size_t length)
{
	struct code_piece *piece = s->piece;
	struct instruction in;

	if (is_mov_number(s, at, length))
		*piece = (struct code_piece){.start = at, .length = length};
	else if (piece->length && (!walk_decode_at(&s->walk, at, &in) || !walk_may_move(&in) || writes_rax(&in) ||
					  !walk_append(piece, &in, CODE_PIECE_MAX)))
		piece->length = 0;
}

/* What follows must not look at flags: a call by jump changes them, where a real one would not. */
static bool flags_are_dead(const struct search *s)
{
	struct instruction in;

	if (!walk_decode_at(&s->walk, s->syscall_at + CODE_SYSCALL_SIZE, &in))
		return false;
	return !in.head.cpu_flags || !in.head.cpu_flags->tested;
}

/* Decode from `at` on. CODE_UNREACHED: the run has ended elsewhere. */
static enum code_result run(struct search *s, size_t at)
{
	ZydisDecodedInstruction in;

	s->piece->length = 0;
	while (walk_decode(&s->walk, at, &in)) {
		if (at == s->syscall_at) {
			bool good = in.mnemonic == ZYDIS_MNEMONIC_SYSCALL && s->piece->length && flags_are_dead(s);
			return good ? CODE_OK : CODE_FORM;
		}
		piece_extend(s, at, in.length);
		if (!walk_follow(&s->walk, at, &in))
			return CODE_UNREACHED;
		at += in.length;
	}
	return CODE_UNREACHED;
}

enum code_result code_piece_find(const uint8_t *code, size_t size, size_t syscall_at, uint32_t nr, struct code_piece *out)
{
	struct search s = {.syscall_at = syscall_at, .nr = nr, .piece = out};
	enum code_result result = CODE_UNREACHED;
	size_t at;

	if (size > CODE_FUNCTION_MAX || syscall_at + CODE_SYSCALL_SIZE >= size)
		return CODE_UNREACHED;
	if (!walk_begin(&s.walk, code, size))
		return CODE_NO_DECODER;
	while (result == CODE_UNREACHED && walk_next(&s.walk, &at))
		result = run(&s, at);
	return result;
}
