/* SPDX-License-Identifier: MIT */
/*
 * bpf.h - programs of classic BPF as seccomp(2) takes them: which are valid, what one answers, and what the kernel is given in its place.
 *
 * A program looks at one call (struct seccomp_data) and answers with an action and 16 bits of data (SECCOMP_RET_…). It has two registers, A and
 * X, and 16 words of memory; it jumps forward only, so it ends. Rules and meaning are the kernel's (net/core/filter.c: bpf_check_classic,
 * check_load_and_stores; kernel/seccomp.c: seccomp_check_filter); tests/unit/test_bpf.c asks the kernel.
 */
#ifndef TULOU_RUNTIME_BPF_H
#define TULOU_RUNTIME_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/* Would seccomp(2) take it? `count` is 1 to BPF_MAXINSNS. */
bool bpf_valid(const struct sock_filter *code, unsigned count);
/* What a valid program answers. `beyond` (may be NULL) becomes true when that depended on more than number and architecture. */
uint32_t bpf_run(const struct sock_filter *code, const struct seccomp_data *call, bool *beyond);

/*
 * A program that answers as a valid one does, but
 *   - allows all calls whose instruction pointer has `runtime_high` as its upper half, except from `judged_low` in it,
 *   - says TRAP where the other says KILL_THREAD.
 *
 *     the program's own instructions; where one returns what is not ALLOW, a jump ─┐
 *     ldx #value; ja ──┐ for each value                                         ◀──┘
 *     where does the call come from? ALLOW, or X                                ◀── and the same for `ret a`
 *
 * What it allows by number alone, this one does too, so that the kernel still need not run it (seccomp_cache_prepare). Returns the
 * number of instructions written to `out`, which has room for BPF_MAXINSNS; 0: they would be more, or it divides by X, which ends a
 * program at once when X is 0.
 */
unsigned bpf_derive(
	const struct sock_filter *code, unsigned count, uint32_t runtime_high, uint32_t judged_low, struct sock_filter *out);
/* For a program of which there is no such form: TRAP for all calls but those with `runtime_high`. */
unsigned bpf_derive_trap(uint32_t runtime_high, struct sock_filter *out);

#endif
