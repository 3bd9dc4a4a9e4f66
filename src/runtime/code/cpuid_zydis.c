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

/* Nobody comes to the middle of what a jump at `start` covers. */
static bool jump_fits(const struct walk *w, bool whole, size_t start, size_t first_length)
{
	if (first_length >= CODE_JUMP_SIZE)
		return true;
	for (size_t at = start + 1; at < start + CODE_JUMP_SIZE; at++)
		if (walk_bit(w->targets, at))
			return false;
	return whole && !w->open;
}

/* The instructions from `start` to the cpuid at `end`, when they can be moved. */
static bool piece_from(const struct walk *w, bool whole, size_t start, size_t end, struct code_piece *out)
{
	struct instruction in;

	*out = (struct code_piece){.start = start};
	for (size_t at = start; at < end; at += in.head.length) {
		if (!walk_bit(w->seen, at) || !walk_decode_at(w, at, &in) || !walk_may_move(&in) ||
			!walk_append(out, &in, end - start))
			return false;
		if (at == start && !jump_fits(w, whole, start, in.head.length))
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
