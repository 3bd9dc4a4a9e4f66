/* SPDX-License-Identifier: MIT */
#include "runtime/bpf/bpf.h"

#include <stddef.h>

enum { TAIL_SIZE = 2 }; /* two instructions */

struct derived {
	struct sock_filter *code;
	unsigned count;
	bool impossible;
};

static void put(struct derived *d, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
	d->impossible |= d->count == BPF_MAXINSNS;
	if (!d->impossible)
		d->code[d->count++] = (struct sock_filter)BPF_JUMP(code, k, if_true, if_false);
}

/* Where a value that is not ALLOW is returned: the instructions that put it into X, `tails` being the first of them all. Their jumps to
 * the end are aimed when it is known where that is. */
static unsigned tail_of(struct derived *d, unsigned tails, struct sock_filter first)
{
	for (unsigned at = tails; at < d->count; at += TAIL_SIZE)
		if (d->code[at].code == first.code && d->code[at].k == first.k)
			return at;
	put(d, first.code, first.k, 0, 0);
	put(d, BPF_JMP | BPF_JA, 0, 0, 0);
	return d->count - TAIL_SIZE;
}

static void returns_replace(struct derived *d, unsigned count)
{
	for (unsigned n = 0; n < count && !d->impossible; n++) {
		struct sock_filter *at = &d->code[n];
		bool computed = at->code == (BPF_RET | BPF_A);

		d->impossible |= at->code == (BPF_ALU | BPF_DIV | BPF_X);
		if (!computed && (at->code != (BPF_RET | BPF_K) || (at->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW))
			continue;
		*at = (struct sock_filter)BPF_STMT(
			BPF_JMP | BPF_JA, tail_of(d, count,
						  computed ? (struct sock_filter)BPF_STMT(BPF_MISC | BPF_TAX, 0)
							   : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, at->k)) -
						  n - 1);
	}
}

/* X is the answer. */
static void end(struct derived *d, uint32_t runtime_high, uint32_t judged_low)
{
	put(d, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4, 0, 0);
	put(d, BPF_JMP | BPF_JEQ | BPF_K, runtime_high, 6, 0);
	put(d, BPF_MISC | BPF_TXA, 0, 0, 0);
	put(d, BPF_ALU | BPF_AND | BPF_K, SECCOMP_RET_ACTION_FULL, 0, 0);
	put(d, BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_RET_KILL_THREAD, 2, 0);
	put(d, BPF_MISC | BPF_TXA, 0, 0, 0);
	put(d, BPF_RET | BPF_A, 0, 0, 0);
	put(d, BPF_RET | BPF_K, SECCOMP_RET_TRAP, 0, 0);
	put(d, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer), 0, 0);
	put(d, BPF_JMP | BPF_JEQ | BPF_K, judged_low, 1, 0);
	put(d, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	put(d, BPF_MISC | BPF_TXA, 0, 0, 0);
	put(d, BPF_RET | BPF_A, 0, 0, 0);
}

unsigned bpf_derive(
	const struct sock_filter *code, unsigned count, uint32_t runtime_high, uint32_t judged_low, struct sock_filter *out)
{
	struct derived d = {.code = out, .count = count};
	unsigned tails_end;

	for (unsigned n = 0; n < count; n++)
		out[n] = code[n];
	returns_replace(&d, count);
	tails_end = d.count;
	for (unsigned at = count; at < tails_end && !d.impossible; at += TAIL_SIZE)
		d.code[at + 1].k = tails_end - at - TAIL_SIZE;
	if (tails_end != count)
		end(&d, runtime_high, judged_low);
	return d.impossible ? 0 : d.count;
}

unsigned bpf_derive_trap(uint32_t runtime_high, struct sock_filter *out)
{
	struct derived d = {.code = out};

	put(&d, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4, 0, 0);
	put(&d, BPF_JMP | BPF_JEQ | BPF_K, runtime_high, 0, 1);
	put(&d, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	put(&d, BPF_RET | BPF_K, SECCOMP_RET_TRAP, 0, 0);
	return d.count;
}
