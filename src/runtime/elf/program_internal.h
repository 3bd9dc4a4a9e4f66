/* SPDX-License-Identifier: MIT */
/* program_internal.h - what the loader's files share with each other. */
#ifndef TULOU_RUNTIME_ELF_PROGRAM_INTERNAL_H
#define TULOU_RUNTIME_ELF_PROGRAM_INTERNAL_H

#include "runtime/elf/exec_file.h"
#include "runtime/elf/program.h"

/* p->why becomes `text`; `text` comes behind it. Both cut to fit. */
void program_why_set(struct program *p, const char *text);
void program_why_add(struct program *p, const char *text);
/* What a negative errno means for a file. */
const char *program_error_text(long error);
/* Only the kernel can run it; `why` is a constant. */
void program_native_set(struct program *p, const char *why);

/* p->head holds the beginning of `file`, which is no script: check its headers and those of its interpreter, and take the
 * descriptors over into `p` (also in case of error: program_close). 0 or -errno as execve(2); may set native and fatal. */
long program_elf_enter(struct program *p, struct exec_file *file);

#endif
