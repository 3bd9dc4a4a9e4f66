/* SPDX-License-Identifier: MIT */
/*
 * auxv.h - the auxiliary vector: pairs of type and value behind envp, ended by AT_NULL.
 *
 * Values come from three sources: the new program (where it was put), the task (its user and group), and the host's own
 * vector (machine and kernel). The order is the kernel's.
 */
#ifndef TULOU_RUNTIME_ELF_AUXV_H
#define TULOU_RUNTIME_ELF_AUXV_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/auxvec.h>

/* Newer than some kernel headers that we are built with. */
#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#define AT_RSEQ_ALIGN        28
#endif
#ifndef AT_HWCAP3
#define AT_HWCAP3 29
#define AT_HWCAP4 30
#endif
/* The kernel keeps it from anybody who is not x86's own header. */
#ifndef AT_SYSINFO_EHDR
#define AT_SYSINFO_EHDR 33
#endif

struct auxv_pair {
	unsigned long type, value;
};

enum { AUXV_MAX = 32 };

/* What only the new program knows. */
struct auxv_program {
	unsigned long phdr, phnum, base, entry; /* AT_PHDR, AT_PHNUM, AT_BASE, AT_ENTRY */
	unsigned long random, execfn, platform; /* addresses on the new stack */
};

/* The value of `type` in a vector; false when it has none. `auxv` may be NULL: an empty one. */
bool auxv_get(const unsigned long *auxv, unsigned long type, unsigned long *value);

/* Fills `out` (AUXV_MAX pairs) and returns the pairs used, AT_NULL included. User and group ids are the calling task's now. */
size_t auxv_fill(struct auxv_pair *out, const struct auxv_program *program, const unsigned long *host_auxv);

#endif
