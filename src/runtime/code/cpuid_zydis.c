/* SPDX-License-Identifier: MIT */
#include "runtime/code/walk.h"

enum { CPUID_MAX = 64 };

/* Where the cpuid instructions of the function stand. */
static unsigned walk_all(struct walk *w, size_t found[CPUID_MAX])
{
	ZydisDecodedInstruction in;
	unsigned count = 0;
	size_t at;

	while (walk_next(w, &at))
		for (; walk_decode(w, at, &in); at += in.length) {
			if (in.mnemonic == ZYDIS_MNEMONIC_CPUID && in.length == CODE_CPUID_SIZE && count < CPUID_MAX)
				found[count++] = at;
			if (!walk_follow(w, at, &in))
				break;
		}
	return count;
}

/* ---- several instructions under the jump ----------------------------------------------------------------------------------- */

/* Registers, by the numbers of their largest. */
struct registers_used {
	uint64_t read, written;
};

static uint64_t register_bit(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	return whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15 ? 1ul << (whole - ZYDIS_REGISTER_RAX) : 0;
}

/* Only moves to registers: one that has been done may be done again. */
static bool note_registers(const struct instruction *in, struct registers_used *used)
{
	const ZydisDecodedOperand *to = &in->operands[0], *from = &in->operands[1];

	if ((in->head.mnemonic != ZYDIS_MNEMONIC_MOV && in->head.mnemonic != ZYDIS_MNEMONIC_LEA) ||
		to->type != ZYDIS_OPERAND_TYPE_REGISTER || !register_bit(to->reg.value))
		return false;
	used->written |= register_bit(to->reg.value);
	if (from->type == ZYDIS_OPERAND_TYPE_REGISTER)
		used->read |= register_bit(from->reg.value);
	if (from->type == ZYDIS_OPERAND_TYPE_MEMORY)
		used->read |= register_bit(from->mem.base) | register_bit(from->mem.index);
	return true;
}

/* Those under a jump at `start`: nobody branches to one but the first; and since there is no way back to the second, what a
 * signal interrupts there begins anew with the first. */
static bool several_fit(const struct walk *w, bool whole, size_t start)
{
	struct registers_used used = {0};
	struct instruction in;

	for (size_t at = start + 1; at < start + CODE_JUMP_SIZE; at++)
		if (walk_bit(w->targets, at))
			return false;
	for (size_t at = start; at < start + CODE_JUMP_SIZE; at += in.head.length)
		if (!walk_decode_at(w, at, &in) || !note_registers(&in, &used))
			return false;
	return whole && !w->open && !(used.read & used.written);
}

/* ---- pieces ---------------------------------------------------------------------------------------------------------------- */

/* The instructions from `start` to the cpuid at `end`, when they can be moved. */
static bool piece_from(const struct walk *w, bool whole, size_t start, size_t end, struct code_piece *out)
{
	struct instruction in;

	*out = (struct code_piece){.start = start};
	for (size_t at = start; at < end; at += in.head.length) {
		if (!walk_bit(w->seen, at) || !walk_decode_at(w, at, &in) || !walk_may_move(&in) ||
			!walk_append(out, &in, end - start))
			return false;
		if (at == start && in.head.length < CODE_JUMP_SIZE && !several_fit(w, whole, start))
			return false;
	}
	return true;
}

/* The shortest one. */
static bool piece_before(const struct walk *w, bool whole, size_t end, struct code_piece *out)
{
	for (size_t length = CODE_JUMP_SIZE; length <= CODE_CPUID_PIECE_MAX && length <= end; length++)
		if (piece_from(w, whole, end - length, end, out))
			return true;
	return false;
}

unsigned code_cpuid_find(const uint8_t *code, size_t size, bool whole, struct code_piece *out, unsigned most)
{
	struct walk w;
	size_t found[CPUID_MAX];
	unsigned count, good = 0;

	if (size > CODE_FUNCTION_MAX || !walk_begin(&w, code, size))
		return 0;
	count = walk_all(&w, found);
	for (unsigned i = 0; i < count && good < most; i++)
		if (piece_before(&w, whole, found[i], &out[good]))
			good++;
	return good;
}
