/* SPDX-License-Identifier: MIT */
/*
 * scratch.h - what an exec works with: the program that it opens, argv and envp.
 *
 * A few stay, with the pages that were touched: to map, fault in and unmap them each time costs as much as a tenth of a spawn. When all are
 * in use, one is mapped.
 */
#ifndef TULOU_RUNTIME_SCRATCH_H
#define TULOU_RUNTIME_SCRATCH_H

#include "runtime/elf/program.h"

/* A program that is not opened yet, and empty strings, until scratch_end(); NULL: no memory, and nothing to end. */
struct program *scratch_begin(struct strings *argv, struct strings *envp);
/* Closes what is open. NULL is allowed. */
void scratch_end(struct program *program, struct strings *argv, struct strings *envp);

#endif
