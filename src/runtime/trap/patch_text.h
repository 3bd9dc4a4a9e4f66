/* SPDX-License-Identifier: MIT */
/*
 * patch_text.h - what a call site stands in: which mapping, whether its page is the file's own, and the piece of code before the syscall.
 */
#ifndef TULOU_RUNTIME_PATCH_TEXT_H
#define TULOU_RUNTIME_PATCH_TEXT_H

#include "runtime/code/site.h"
#include "runtime/process/process.h"
#include "runtime/trap/statistics.h"

struct text {
	uint64_t address; /* that was asked for */
	uint64_t start, end, offset, dev, ino;
	int prot;
	bool found;
};

/* The mapping that holds `address`. False: it is not one whose code may be patched. */
bool text_find(struct process *process, uint64_t address, struct text *text);
/* Is the page still the file's own? Else somebody has written it, a relocation or a debugger, and what it holds is not to be found again
 * in the file (patch_pages.h). */
bool text_page_is_files(uint64_t at);
/* The piece before the syscall at `address`, where it starts, and its bytes. FALL_BACKS: found; else why not. */
enum fall_back text_piece_find(const struct process *process, const struct text *text, uint64_t address, uint32_t nr,
	struct code_piece *piece, uint64_t *start, uint8_t bytes[CODE_PIECE_MAX]);

#endif
