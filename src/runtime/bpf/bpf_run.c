/* SPDX-License-Identifier: MIT */
#include "runtime/bpf/bpf.h"

#include <stddef.h>

#include "base/mem.h"

enum { SHIFT_MASK = 31 };

static uint32_t alu(uint16_t operation, uint32_t a, uint32_t b)
{
	switch (operation) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return a / b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & SHIFT_MASK);
	case BPF_RSH:
		return a >> (b & SHIFT_MASK);
	default: /* BPF_NEG */
		return -a;
	}
}

static bool branch(uint16_t comparison, uint32_t a, uint32_t b)
{
	switch (comparison) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default: /* BPF_JSET */
		return a & b;
	}
}

static uint32_t word_at(const struct seccomp_data *call, uint32_t offset)
{
	uint32_t word;

	memcpy(&word, (const char *)call + offset, sizeof word);
	return word;
}

/* LD and LDX: what the register becomes. */
static uint32_t load(const struct sock_filter *at, const struct seccomp_data *call, const uint32_t *memory, bool *beyond)
{
	switch (BPF_MODE(at->code)) {
	case BPF_ABS:
		*beyond |= at->k >= offsetof(struct seccomp_data, instruction_pointer);
		return word_at(call, at->k);
	case BPF_MEM:
		return memory[at->k];
	case BPF_LEN:
		return sizeof *call;
	default: /* BPF_IMM */
		return at->k;
	}
}

uint32_t bpf_run(const struct sock_filter *code, const struct seccomp_data *call, bool *beyond)
{
	uint32_t a = 0, x = 0, memory[BPF_MEMWORDS];
	bool nobody_asks = false;

	if (!beyond)
		beyond = &nobody_asks;
	for (const struct sock_filter *at = code;; at++) {
		uint32_t operand = BPF_SRC(at->code) == BPF_X ? x : at->k;

		switch (BPF_CLASS(at->code)) {
		case BPF_LD:
			a = load(at, call, memory, beyond);
			break;
		case BPF_LDX:
			x = load(at, call, memory, beyond);
			break;
		case BPF_ST:
			memory[at->k] = a;
			break;
		case BPF_STX:
			memory[at->k] = x;
			break;
		case BPF_ALU:
			if (BPF_OP(at->code) == BPF_DIV && !operand)
				return SECCOMP_RET_KILL_THREAD; /* the kernel's programs end with 0 then */
			a = alu(BPF_OP(at->code), a, operand);
			break;
		case BPF_JMP:
			at += BPF_OP(at->code) == BPF_JA ? at->k : branch(BPF_OP(at->code), a, operand) ? at->jt : at->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(at->code) == BPF_A ? a : at->k;
		default: /* BPF_MISC */
			if (BPF_MISCOP(at->code) == BPF_TAX)
				x = a;
			else
				a = x;
		}
	}
}
