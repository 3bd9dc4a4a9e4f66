/* SPDX-License-Identifier: MIT */
/*
 * stack.h - the initial stack of a program, as Linux lays it out.
 *
 *     end ┬ 8 bytes 0
 *         │ execfn                          names, packed
 *         │ envp strings   ← env_start … env_end
 *         │ argv strings   ← arg_start … arg_end = env_start
 *         │ "x86_64"                        AT_PLATFORM
 *         │ 16 random bytes                 AT_RANDOM
 *         │ auxv … AT_NULL, 0
 *         │ envp[0] … NULL
 *         │ argv[0] … NULL
 *     sp ─┴ argc                            16-byte aligned
 */
#ifndef TULOU_RUNTIME_ELF_STACK_H
#define TULOU_RUNTIME_ELF_STACK_H

#include "runtime/elf/arg_strings.h"
#include "runtime/elf/auxv.h"
#include "runtime/elf/program.h"

/* Bytes that stack_build() needs at most. */
size_t stack_need(const struct strings *argv, const struct strings *envp, const char *execfn);

/* Writes the stack that ends at out->stack_end, which must have stack_need() bytes of writable zero memory below.
 * `program` brings phdr, phnum, base and entry. Fills in sp, execfn, arg_*, env_* and auxv* of `out`. */
void stack_build(struct program_start *out, const struct strings *argv, const struct strings *envp, const char *execfn,
	struct auxv_program *program, const unsigned long *host_auxv);

#endif
