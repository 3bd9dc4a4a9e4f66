/* SPDX-License-Identifier: MIT */
/* random_bpf.h - programs for seccomp(2), by chance. */
#ifndef RANDOM_BPF_H
#define RANDOM_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>

#include "prng.h"

enum { RANDOM_BPF_MOST = 24 }; /* instructions */

static inline uint16_t random_bpf_code(struct prng *prng)
{
	static const uint16_t codes[] = {BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM,
		BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN, BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM, BPF_ST, BPF_STX, BPF_ST,
		BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_ADD | BPF_X, BPF_ALU | BPF_SUB | BPF_K, BPF_ALU | BPF_SUB | BPF_X,
		BPF_ALU | BPF_MUL | BPF_K, BPF_ALU | BPF_MUL | BPF_X, BPF_ALU | BPF_DIV | BPF_K, BPF_ALU | BPF_DIV | BPF_X,
		BPF_ALU | BPF_AND | BPF_K, BPF_ALU | BPF_AND | BPF_X, BPF_ALU | BPF_OR | BPF_K, BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_XOR | BPF_K, BPF_ALU | BPF_XOR | BPF_X, BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_LSH | BPF_X,
		BPF_ALU | BPF_RSH | BPF_K, BPF_ALU | BPF_RSH | BPF_X, BPF_ALU | BPF_NEG, BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA,
		BPF_JMP | BPF_JA, BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JEQ | BPF_X, BPF_JMP | BPF_JGT | BPF_K,
		BPF_JMP | BPF_JGT | BPF_X, BPF_JMP | BPF_JGE | BPF_K, BPF_JMP | BPF_JGE | BPF_X, BPF_JMP | BPF_JSET | BPF_K,
		BPF_JMP | BPF_JSET | BPF_X};

	return codes[prng_below(prng, sizeof codes / sizeof *codes)];
}

static inline uint32_t random_bpf_answer(struct prng *prng)
{
	static const uint32_t values[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW | 7, SECCOMP_RET_KILL_THREAD,
		SECCOMP_RET_KILL_THREAD | 5, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRAP | 9, SECCOMP_RET_ERRNO | 1,
		SECCOMP_RET_ERRNO, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE | 3, SECCOMP_RET_LOG, 0x00120000};

	return values[prng_below(prng, sizeof values / sizeof *values)];
}

/* One instruction with `behind` of them after it, as it should be. */
static inline struct sock_filter random_bpf_instruction(struct prng *prng, unsigned behind)
{
	struct sock_filter f = {.code = random_bpf_code(prng), .k = (uint32_t)prng_next(prng)};
	uint16_t class = BPF_CLASS(f.code);

	if (prng_below(prng, 8) == 0)
		return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, random_bpf_answer(prng));
	if (f.code == (BPF_LD | BPF_W | BPF_ABS)) {
		f.k = prng_below(prng, sizeof(struct seccomp_data) / 4) * 4;
	} else if (f.code == (BPF_JMP | BPF_JA)) {
		f.k = prng_below(prng, behind);
	} else if (class == BPF_JMP) {
		f.jt = (uint8_t)prng_below(prng, behind);
		f.jf = (uint8_t)prng_below(prng, behind);
		f.k = prng_below(prng, 3) ? f.k : prng_below(prng, 300);
	} else if (class == BPF_ST || class == BPF_STX || BPF_MODE(f.code) == BPF_MEM) {
		f.k = prng_below(prng, 4);
	} else if (class == BPF_ALU) {
		f.k = prng_below(prng, 3) ? 1 + prng_below(prng, 31) : f.k | 1;
		if (BPF_OP(f.code) == BPF_LSH || BPF_OP(f.code) == BPF_RSH)
			f.k &= 31;
	}
	return f;
}

/* Mostly valid: the memory may be loaded before it is stored to. */
static inline unsigned random_bpf(struct prng *prng, struct sock_filter *code)
{
	unsigned count = 1 + prng_below(prng, RANDOM_BPF_MOST);

	for (unsigned n = 0; n + 1 < count; n++)
		code[n] = random_bpf_instruction(prng, count - n - 1);
	code[count - 1] = prng_below(prng, 2) ? (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0)
					      : (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, random_bpf_answer(prng));
	return count;
}

#endif
