/* SPDX-License-Identifier: MIT */
/*
 * patch_cpuid.h - the cpuid instructions of a text, found once for a file and answered without the processor (cpuid.h).
 *
 *     text           …│ jmp ─────────────┐ │ cpuid │ …                    the cpuid stays: who jumps to it has it
 *                                        ▼
 *     trampoline     │ mov $7,%eax │ xor %ecx,%ecx │ lea 1f,%rbx │ jmp cpuid_answer │ 1: …
 *
 * Nobody is trapped by a cpuid, so they are looked for: the bytes 0f a2, which their function's decoding then shows to be one,
 * or not. The pages are written before the text is executed.
 */
#ifndef TULOU_RUNTIME_PATCH_CPUID_H
#define TULOU_RUNTIME_PATCH_CPUID_H

#include "runtime/code/site.h"
#include "runtime/trap/patch_text.h"

enum { CPUID_SITES_MAX = 48 };

struct cpuid_site {
	uint64_t offset; /* of the piece, in the file */
	struct code_piece piece;
	uint8_t bytes[CODE_CPUID_PIECE_MAX];
};

struct cpuid_sites {
	unsigned count;
	struct cpuid_site sites[CPUID_SITES_MAX]; /* by offset */
};

/* All of the text that can be patched; `text` is mapped, and what is mapped there is its file's but for the jumps of `space`
 * (NULL: none). */
void patch_cpuid_find(const struct text *text, const struct patch_space *space, struct cpuid_sites *out);
/* Patch them in a VM in which nothing runs, with records in `space`. What cannot be stays as it is. */
void patch_cpuid(
	struct tulou_process_vm *vm, struct patch_space *space, const struct text *text, const struct cpuid_sites *sites);
/* Take them back, for good: cpuid shall fault in this VM. 0 or a negative errno. */
long patch_cpuid_undo(struct process *process);

#endif
