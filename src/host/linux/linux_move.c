/* SPDX-License-Identifier: MIT */
/*
 * linux_move.c - mremap(2) for what the books see as one mapping and the kernel perhaps as several.
 *
 *     books    |AAAAAAAAAAAAAAAA|          the kernel did not merge: both sides had been touched before they met (two anon_vmas,
 *     kernel   |aaaa|bbbb|cccccc|          two page offsets), or one was mapped with MAP_NORESERVE, locked, advised, forked …
 *
 * mremap over such a border is EFAULT (up to Linux 6.16; when it also grows, in later ones too), and the kernel finds that out
 * after it has taken away what stood at the target. So ask first. Growing to an impossible size changes nothing and answers
 * EFAULT when the old range crosses a border, ENOMEM (or another error) when it does not: linux_piece bisects with that, and in
 * the common case it is one cheap call. Pieces then move in order, and back when one of them fails; the back way needs no VMAs
 * that the forth way did not need. What stood at the target of a piece that moved is gone then: that is left of the contract
 * when the kernel runs out of its own memory, since linux_areas_admit has made sure of the VMAs.
 */
#include "linux_internal.h"

static bool linux_crosses(uintptr_t start, size_t size)
{
	/* the end lies above all user addresses, whatever the start is */
	size_t impossible = LINUX_TASK_SIZE - TULOU_PAGE_SIZE;

	return sys5(__NR_mremap, (long)start, (long)size, (long)impossible, 0, 0) == -TULOU_EFAULT;
}

size_t linux_piece(uintptr_t start, size_t size)
{
	size_t low = TULOU_PAGE_SIZE, high = size; /* low does not cross, high does */

	/* mappings of devices answer EFAULT to any growth: no border can be found, nor is there one that the core made */
	if (!linux_crosses(start, size) || linux_crosses(start, low))
		return size;
	while (high - low > TULOU_PAGE_SIZE) {
		size_t middle = low + ((high - low) / 2 & ~(TULOU_PAGE_SIZE - 1));

		if (linux_crosses(start, middle))
			high = middle;
		else
			low = middle;
	}
	return low;
}

static long linux_mremap(uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, int flags)
{
	return sys5(__NR_mremap, (long)start, (long)size, (long)new_size, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED | flags,
		(long)new_start);
}

static void linux_move_back(uintptr_t start, size_t size, uintptr_t new_start)
{
	for (size_t done = 0; done < size;) {
		size_t piece = linux_piece(new_start + done, size - done);

		linux_mremap(new_start + done, piece, start + done, piece, 0);
		done += piece;
	}
}

/* `tail` more bytes of the last piece's backing behind it. Answers how far it came in *done. */
static long linux_move_pieces(uintptr_t start, size_t size, uintptr_t new_start, size_t tail, int flags, size_t *done)
{
	for (*done = 0; *done < size;) {
		size_t piece = linux_piece(start + *done, size - *done);
		size_t new_piece = piece + (*done + piece == size ? tail : 0);
		long result = linux_mremap(start + *done, piece, new_start + *done, new_piece, flags);

		if (result < 0)
			return result;
		*done += piece;
	}
	return 0;
}

int linux_move(void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source)
{
	size_t moved = size < new_size ? size : new_size, done;
	long error = linux_areas_admit(ctx, 4);

	if (error)
		return (int)error;
	if (size == 0) {
		error = linux_mremap(start, 0, new_start, new_size, 0);
		return error < 0 ? (int)error : 0;
	}
	error = linux_move_pieces(start, moved, new_start, new_size - moved, keep_source ? TULOU_MREMAP_DONTUNMAP : 0, &done);
	if (error == 0 && moved < size)
		error = sys2(__NR_munmap, (long)(start + moved), (long)(size - moved));
	if (error)
		linux_move_back(start, done, new_start);
	return (int)error;
}
