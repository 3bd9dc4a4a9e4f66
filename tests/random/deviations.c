/* SPDX-License-Identifier: MIT */
/*
 * deviations.c - the answers that may differ from Linux, all of them, each with its reason. After one of these the two sides
 * hold different maps, so the rest of the sequence is not compared; the number of such ends is printed and bounded (main.c).
 *
 *     mremap-merge  EFAULT of mremap(2) over neighbours that agree. The kernel refuses to grow or to move what spans two of its
 *                   areas, and whether two neighbours are one area depends on its own history (anon_vma, who was mapped first).
 *                   A program cannot rely on either answer. Only when the whole old range is one range of the normal form.
 *
 * Three answers of the manager are taken as they are, without asking the kernel (kernel.c, follower):
 *
 *     stack-gap     The 256 pages below a stack stay free (design.md, ownership): a fixed place there answers ENOMEM. The kernel
 *                   keeps that gap for its own placement only.
 *     mremap-many   Since Linux 6.17 mremap(2) moves several areas at once, and the holes between them (MREMAP_FIXED, size
 *                   unchanged). We answer EFAULT, as all kernels before.
 *     full          The pool is smaller than the address space: ENOMEM when no hole of the arena is large enough. A
 *                   hole may be lost to placement up to a chunk on each side, since an area lies in one chunk.
 */
#include "compare.h"

#include <errno.h>
#include <sys/mman.h>

const char *deviation_find(const struct outcome *leader, const struct outcome *follower)
{
	if (leader->request.call == CALL_MREMAP && leader->mergeable && (leader->result == -EFAULT) != (follower->result == -EFAULT))
		return "mremap-merge";
	return NULL;
}
