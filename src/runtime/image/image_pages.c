/* SPDX-License-Identifier: MIT */
/* image_pages.c - the pages of images: zeroed, and looked at. */
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "runtime/image/image_set.h"

enum { PAGE = TULOU_PAGE_SIZE, PAGES_AT_ONCE = 64, ENTRIES_AT_ONCE = 256 };
/* Above that, giving pages back costs less than zeroing them. */
#define ZERO_MOST (256ul << 10)
/* Of an entry of /proc/self/pagemap: there, in swap, a page of a file. */
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_FILE    (1ull << 61)

static void drop(uint64_t start, uint64_t end)
{
	if (start < end)
		sys3(__NR_madvise, (long)start, (long)(end - start), MADV_DONTNEED);
}

static void zero_block(uint64_t start, uint64_t pages)
{
	unsigned char there[PAGES_AT_ONCE];
	uint64_t absent = start;

	if (sys3(__NR_mincore, (long)start, (long)(pages * PAGE), (long)there) < 0) {
		drop(start, start + pages * PAGE);
		return;
	}
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t at = start + i * PAGE, size = PAGE;
		if (!(there[i] & 1)) /* never touched, or in swap */
			continue;
		drop(absent, at);
		absent = at + PAGE;
		__asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(0) : "memory");
	}
	drop(absent, start + pages * PAGE);
}

void image_zero(uint64_t start, uint64_t end)
{
	uint64_t from = end - start > ZERO_MOST ? end - ZERO_MOST : start;

	drop(start, from);
	for (uint64_t pages; from < end; from += pages * PAGE) {
		pages = (end - from) / PAGE < PAGES_AT_ONCE ? (end - from) / PAGE : PAGES_AT_ONCE;
		zero_block(from, pages);
	}
}

/* Pages of a private mapping that were copied are dropped: the file's own come back. */
static bool piece_verify(long pagemap, const struct image_piece *piece)
{
	uint64_t entries[ENTRIES_AT_ONCE];

	for (uint64_t at = piece->start, pages; at < piece->end; at += pages * PAGE) {
		long size;

		pages = (piece->end - at) / PAGE < ENTRIES_AT_ONCE ? (piece->end - at) / PAGE : ENTRIES_AT_ONCE;
		size = (long)(pages * sizeof *entries);
		if (sys4(__NR_pread64, pagemap, (long)entries, size, (long)(at / PAGE * sizeof *entries)) != size)
			return false;
		for (uint64_t i = 0; i < pages; i++)
			if (entries[i] & PAGEMAP_SWAPPED || (entries[i] & PAGEMAP_PRESENT && !(entries[i] & PAGEMAP_FILE)))
				drop(at + i * PAGE, at + (i + 1) * PAGE);
	}
	return true;
}

bool image_verify(const struct image *image)
{
	long pagemap = sys4(__NR_openat, AT_FDCWD, (long)"/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	bool good = pagemap >= 0;

	for (unsigned i = 0; i < image->count && good; i++)
		if (image->pieces[i].file && !(image->pieces[i].prot & TULOU_PROT_WRITE))
			good = piece_verify(pagemap, &image->pieces[i]);
	if (pagemap >= 0)
		sys1(__NR_close, pagemap);
	return good;
}
