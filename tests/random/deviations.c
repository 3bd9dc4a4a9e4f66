/* SPDX-License-Identifier: MIT */
/*
 * deviations.c - the answers that may differ from Linux, all of them, each with its reason. When only one side refused, the two
 * hold different maps from there, and the rest of the sequence is not compared; such ends are counted and bounded.
 *
 *     mremap-merge  EFAULT of mremap(2) over neighbours that agree. The kernel refuses to grow or to move what spans two of its
 *                   areas, and whether two neighbours are one area depends on its own history (anon_vma, who was mapped first).
 *                   A program cannot rely on either answer. Only when the whole old range is one range of the normal form.
 *
 *     mremap-target An mremap(2) that fails has changed nothing. Linux may have unmapped the fixed target before it looks at the
 *                   old range (always up to 6.16; later when the old range wraps).
 *
 *     mremap-files  mremap(2) that moves several areas at once says EFAULT when one of them shows a file whose file system or driver
 *                   chooses addresses itself (ext4, /dev/zero; not memfd). The manager cannot know, and moves them.
 *
 *     mmap-target   The same of mmap(2) with MAP_FIXED: what a file refuses only when it is mapped (MAP_SYNC), or when the huge pages
 *                   are counted, comes after Linux has taken away what stood there.
 *
 *     mmap-grows    EINVAL of mmap(2) with MAP_GROWSDOWN of a file that cannot be mapped at all, where Linux says that first (ENODEV,
 *                   or EPERM for code): the same.
 *
 *     mmap-sealed   EPERM of mmap(2) with MAP_FIXED over sealed areas, where Linux says first that the file cannot be mapped (ENODEV).
 *                   Only the host knows that, and it is asked last.
 *
 *     mprotect-sealed   EPERM of mprotect(2) that would make a sealed area writable, where Linux says first that its file cannot be written
 *                   (EACCES: a memfd with F_SEAL_WRITE). The same.
 *
 * Four answers of the manager are taken as they are, without asking the kernel (kernel.c, follower):
 *
 *     stack-gap     The 256 pages below a stack stay free (design.md, ownership): a fixed place there answers ENOMEM. The kernel
 *                   keeps that gap for its own placement and for brk only (the follower's copy of the stack is a plain area).
 *     others        In a world of two processes, a fixed place or a place to grow into that is the other's, or right beside it: ENOMEM, or
 *                   EEXIST. In Linux the other's areas cannot be in the way.
 *     room          What grows down ends at the room that the manager has for it (a 4096th of the pool, at least 2 MiB), in Linux at its
 *                   limit. Such pages are not touched (resolve.c). Where there is none, nothing grows, and the kernel is asked for the same
 *                   (execute.c); mremap(2) to such a place says ENOMEM.
 *     full          The pool is smaller than the address space: ENOMEM when no hole of the arena is large enough. A
 *                   hole may be lost to placement up to a chunk on each side, since an area lies in one chunk, and what is
 *                   left may be too small for another.
 */
#include "compare.h"

#include <errno.h>
#include <sys/mman.h>

#include "files.h"

const char *deviation_find(const struct outcome *leader, const struct outcome *follower)
{
	if (leader->request.call == CALL_MREMAP && leader->mergeable &&
		(leader->result == -EFAULT) != (follower->result == -EFAULT))
		return "mremap-merge";
	if (leader->request.call == CALL_MREMAP && leader->request.flags & MREMAP_FIXED && leader->result > 0 &&
		leader->request.size > PAGE && follower->result == -EFAULT)
		return "mremap-files";
	if (leader->request.call == CALL_MREMAP && leader->request.flags & MREMAP_FIXED && leader->result < 0 &&
		follower->result < 0)
		return leader->result == follower->result ? "mremap-target" : NULL;
	if (leader->request.call == CALL_MMAP && leader->request.flags & MAP_GROWSDOWN && leader->result == -EINVAL &&
		(follower->result == -ENODEV || follower->result == -EPERM))
		return "mmap-grows";
	if (leader->request.call == CALL_MPROTECT && leader->result == -EPERM && follower->result == -EACCES)
		return "mprotect-sealed";
	if (leader->request.call == CALL_MMAP && leader->request.flags & MAP_FIXED && leader->result < 0)
		return leader->result == follower->result                        ? "mmap-target"
		       : leader->result == -EPERM && follower->result == -ENODEV ? "mmap-sealed"
										 : NULL;
	return NULL;
}
