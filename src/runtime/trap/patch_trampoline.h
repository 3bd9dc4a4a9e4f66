/* SPDX-License-Identifier: MIT */
/*
 * patch_trampoline.h - where patched sites jump to: slots of TRAMPOLINE_SIZE in pages of the process within reach of its text.
 *
 *     syscall   │ piece │ lea behind(%rip),%rcx │ jmp fast_entry │
 *     cpuid     │ piece │ lea 1f(%rip),%rbx │ jmp cpuid_answer │ 1: unpack │ jmp behind │ 2: jmp to the cpuid itself │      (cpuid.h)
 */
#ifndef TULOU_RUNTIME_PATCH_TRAMPOLINE_H
#define TULOU_RUNTIME_PATCH_TRAMPOLINE_H

#include "runtime/code/site.h"
#include "runtime/trap/patch_space.h"
#include "runtime/trap/patch_text.h"

/* Can a jump go from one to the other? */
bool patch_in_reach(uint64_t a, uint64_t b);
/* Where the jump of the site is, or will be: the start of its piece. */
uint64_t patch_site_start(const struct patch_site *site);
void patch_jump_bytes(const struct patch_site *site, uint64_t start, uint8_t out[JUMP_SIZE]);
/* Does its jump stand there? */
bool patch_site_stands(const struct patch_site *site);
/* Room for `count` trampolines side by side within reach of the text; 0: none. */
uint64_t patch_trampoline_claim(struct patch_space *space, struct tulou_process_vm *vm, const struct text *text, unsigned count);
/* The site's trampoline. `bytes`: the piece, as it stands at `start`. False: it refers to what is out of reach. */
bool patch_trampoline_make(struct patch_site *site, const struct code_piece *piece, const uint8_t *bytes, uint64_t start,
	uint8_t code[TRAMPOLINE_SIZE]);
/* Is it as it was made? */
bool patch_trampoline_stands(const struct patch_site *site);
/* The context stands in the site's trampoline: move it back to the site, or behind it. */
void patch_trampoline_leave(const struct patch_site *site, struct registers *regs);

#endif
