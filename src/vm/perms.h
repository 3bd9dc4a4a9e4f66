/* SPDX-License-Identifier: MIT */
/* perms.h - page protections: which bits mprotect(2) knows, and what may be given to whom. */
#ifndef TULOU_VM_PERMS_H
#define TULOU_VM_PERMS_H

#include <tulou/abi.h>

#include "base/compiler.h"

enum { PERMS_ALL = TULOU_PROT_READ | TULOU_PROT_WRITE | TULOU_PROT_EXEC };

/* What the pages get; PROT_SEM says nothing on x86. mmap(2) ignores bits it does not know, mprotect(2) refuses them. */
static inline int perms_of(int prot)
{
	return prot & PERMS_ALL;
}

static inline bool perms_are_known(int prot)
{
	return !(prot & ~(PERMS_ALL | TULOU_PROT_SEM));
}

static inline bool perms_allow(int have, int want)
{
	return !(perms_of(want) & ~have);
}

#endif
