/* SPDX-License-Identifier: MIT */
#include "runtime/bpf/bpf.h"

#include "base/mem.h"

enum { WORD_BITS = 32 };

/* Instructions that mean what they say, without a condition on k. */
static bool is_plain(uint16_t code)
{
	switch (code) {
	case BPF_ALU | BPF_ADD | BPF_K:
	case BPF_ALU | BPF_ADD | BPF_X:
	case BPF_ALU | BPF_SUB | BPF_K:
	case BPF_ALU | BPF_SUB | BPF_X:
	case BPF_ALU | BPF_MUL | BPF_K:
	case BPF_ALU | BPF_MUL | BPF_X:
	case BPF_ALU | BPF_DIV | BPF_X:
	case BPF_ALU | BPF_AND | BPF_K:
	case BPF_ALU | BPF_AND | BPF_X:
	case BPF_ALU | BPF_OR | BPF_K:
	case BPF_ALU | BPF_OR | BPF_X:
	case BPF_ALU | BPF_XOR | BPF_K:
	case BPF_ALU | BPF_XOR | BPF_X:
	case BPF_ALU | BPF_LSH | BPF_X:
	case BPF_ALU | BPF_RSH | BPF_X:
	case BPF_ALU | BPF_NEG:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
		return true;
	default:
		return false;
	}
}

static bool is_branch(uint16_t code)
{
	switch (code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_X:
		return true;
	default:
		return false;
	}
}

/* `behind`: how many instructions follow. */
static bool instruction_valid(const struct sock_filter *at, unsigned behind)
{
	switch (at->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return at->k < sizeof(struct seccomp_data) && !(at->k & 3);
	case BPF_ALU | BPF_DIV | BPF_K:
		return at->k;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return at->k < WORD_BITS;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return at->k < BPF_MEMWORDS;
	case BPF_JMP | BPF_JA:
		return at->k < behind;
	default:
		return is_branch(at->code) ? at->jt < behind && at->jf < behind : is_plain(at->code);
	}
}

/* Is every word of the memory stored to before it is loaded, on every way? stored[n]: bit m, word m is on all ways to n. */
static bool memory_valid(const struct sock_filter *code, unsigned count)
{
	uint16_t stored[BPF_MAXINSNS], here = 0;

	memset(stored, 0xff, count * sizeof *stored);
	for (unsigned n = 0; n < count; n++) {
		const struct sock_filter *at = &code[n];

		here &= stored[n];
		if (at->code == BPF_ST || at->code == BPF_STX) {
			here |= (uint16_t)(1u << at->k);
		} else if (at->code == (BPF_LD | BPF_MEM) || at->code == (BPF_LDX | BPF_MEM)) {
			if (!(here >> at->k & 1))
				return false;
		} else if (at->code == (BPF_JMP | BPF_JA)) {
			stored[n + 1 + at->k] &= here;
			here = UINT16_MAX;
		} else if (is_branch(at->code)) {
			stored[n + 1 + at->jt] &= here;
			stored[n + 1 + at->jf] &= here;
			here = UINT16_MAX;
		}
	}
	return true;
}

bool bpf_valid(const struct sock_filter *code, unsigned count)
{
	uint16_t last;

	if (!count || count > BPF_MAXINSNS)
		return false;
	for (unsigned n = 0; n < count; n++)
		if (!instruction_valid(&code[n], count - n - 1))
			return false;
	last = code[count - 1].code;
	return (last == (BPF_RET | BPF_K) || last == (BPF_RET | BPF_A)) && memory_valid(code, count);
}
